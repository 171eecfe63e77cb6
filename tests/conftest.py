"""What several test modules share: where measured data are, and small inputs that compute fast."""

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

# Before torch is loaded: its threads shall sleep while they wait, not take the cores from the
# tests that run beside them. Programs that tests start inherit it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pytest
import torch
from places import DATA_FOLDER, SAMPLE_SCAN

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.simulate import simulate_low_field
from napari_csc.core.kspace import trajectory
from napari_csc.core.reconstruction import reconstructor
from napari_csc.phantom import head
from napari_csc.phantom.head import head_phantom


def pytest_configure() -> None:
    """Share the cores among the processes that run tests side by side."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes > 1:
        torch.set_num_threads(max(1, torch.get_num_threads() // processes))


@pytest.fixture(scope="session", autouse=True)
def free_memory() -> Iterator[None]:
    """As much memory as the tests need, whatever other programs take meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconstructor, "free_memory", lambda device: 8_000_000_000)
        yield


@pytest.fixture(scope="session", autouse=True)
def slices_of_heads() -> Iterator[None]:
    """Many tests draw the same few heads: each of their slices is drawn once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head, "_render", lru_cache(maxsize=64)(head._render))
        yield


@pytest.fixture(scope="session", autouse=True)
def densities_of_trajectories() -> Iterator[None]:
    """The same for trajectories, of which a scan and what it was made of have the same."""
    tell = trajectory.trajectory_density
    known: dict[tuple[tuple[int, ...], bytes], torch.Tensor] = {}

    def told(positions: torch.Tensor) -> torch.Tensor:
        key = tuple(positions.shape), positions.numpy().tobytes()
        if key not in known:
            known[key] = tell(positions)
        return known[key].clone()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trajectory, "trajectory_density", told)
        yield


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with measured data; tests that ask for it are marked ``realdata``."""
    if not DATA_FOLDER.is_dir():
        pytest.skip(f"no measured data in {DATA_FOLDER}; set NAPARI_CSC_DATA to their folder")
    return DATA_FOLDER


@pytest.fixture(scope="session")
def sample_scan() -> Path:
    """The scan that the package ships."""
    return SAMPLE_SCAN


@pytest.fixture(scope="session")
def head_image() -> torch.Tensor:
    """Complex head, (slice, y, x) = (2, 48, 40), largest magnitude 10."""
    return head_phantom(48, 2, "flair", seed=1)[:, :, 4:44].contiguous()


@pytest.fixture(scope="session")
def small_acquisition(head_image: torch.Tensor) -> Acquisition:
    """Low-field scan of the head with its reference, (2, 48, 40), 32 x 28 samples."""
    return simulate_low_field(
        head_image,
        sampled=(32, 28),
        noise_variance=0.05,
        generator=torch.Generator().manual_seed(0),
        spacing=(5.0, 1.5, 1.25),
        unit="mm",
        metadata={"sequence": "flair", "affine": np.diag([5.0, 1.5, 1.25, 1.0])},
    )
