import numpy as np
import pytest
from threads import one_thread

from napari_csc.core.maps import MapNetworkConfig
from napari_csc.learn.training.config import TrainingConfig

__all__ = ["one_thread"]


def ball(seed: int) -> np.ndarray:
    """A noisy ball with a few smaller balls in it, (6, 36, 32)."""
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in (6, 36, 32)), indexing="ij")
    volume = (0.3 * z**2 + y**2 + x**2 < 0.7).astype(float)
    for _ in range(4):
        cy, cx = rng.uniform(-0.4, 0.4, 2)
        volume += 0.5 * ((y - cy) ** 2 + (x - cx) ** 2 < 0.03)
    return (volume * (1 + 0.1 * rng.standard_normal(volume.shape))).astype(np.float32)


@pytest.fixture(scope="session")
def volumes(tmp_path_factory):
    """A folder with two volumes to train on and one to validate with."""
    folder = tmp_path_factory.mktemp("volumes")
    for name, seed in (("train_a", 0), ("train_b", 1), ("test_c", 2)):
        np.save(folder / f"{name}.npy", ball(seed))
    (folder / "README.txt").write_text("no volume")
    return folder


@pytest.fixture(scope="session")
def tiny():
    """Returns a training configuration of four small steps, with changes."""

    def configuration(**changes):
        values = {
            "name": "tiny",
            "architecture": MapNetworkConfig(kind="v3", channels=2, stages=2),
            "iterations": 3,
            "gradient_iterations": 2,
            "steps": 4,
            "maps_per_step": 8,
            "crop": 32,
            "filter_counts": (2, 4),
            "filter_sizes": (3, 5),
            "warmup_steps": 2,
            "validate_every": 2,
            "half_precision": "none",
            "seed": 3,
            "train_files": ("train_*",),
            "validation_files": ("test_*",),
        }
        return TrainingConfig(**{**values, **changes})

    return configuration
