import numpy as np
import pytest

from napari_csc.core.maps import MapNetworkConfig
from napari_csc.learn.training.config import JointConfig
from napari_csc.learn.training.images.packed import PackedSlices


@pytest.fixture(scope="session")
def slices(tmp_path_factory):
    """A file of few and small slices: noisy discs."""
    rng = np.random.default_rng(0)
    axis = np.linspace(-1, 1, 48)
    disc = (axis[:, None] ** 2 + axis[None, :] ** 2 < 0.6).astype(np.float32)
    images = disc * (1 + 0.2 * rng.random((8, 48, 48)))
    levels = np.round(images / 1.3 * 255).clip(0, 255).astype(np.uint8)
    volume = np.repeat([0, 1], 4).astype(np.int16)
    validation = (images[:2, 4:-4] / 1.2).astype(np.float32)
    path = tmp_path_factory.mktemp("slices") / "slices.npz"
    PackedSlices(levels, volume, ("a", "b"), validation, ("c",)).save(path)
    return path


@pytest.fixture(scope="session")
def tiny_joint():
    """Returns a configuration of six small steps, with changes."""

    def configuration(**changes):
        sizes = {
            "shapes": ((24, 28), (26, 24)),
            "maps_per_step": 16,
            "images": (1, 3),
            "free_images": 2,
            "halo": 2,
        }
        values = {
            "name": "tiny",
            "architecture": MapNetworkConfig(kind="v5", channels=2, stages=2, features=3, hidden=2),
            "solver": "admm",
            "iterations": 3,
            "smooth_widths": (2.0,),
            "learned": "dct-6-5",
            "learned_name": "tiny-learned",
            "families": {"dct": 0.3, "learned": 0.7},
            "counts": (2, 4),
            "filter_sizes": (3, 5),
            "estimate_steps": 2,
            "steps": 6,
            "warmup_steps": 2,
            "ssim_weight": 3.0,
            "estimate_weight": 0.3,
            "images": {"n_leaves": 2},
            "cpu": sizes,
            "seed": 3,
        }
        return JointConfig(**{**values, **changes})

    return configuration
