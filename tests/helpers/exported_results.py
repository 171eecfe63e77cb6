"""A result that lies obliquely, with odd sizes, and what of it is expected in files."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.simulate import simulate_low_field
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.phantom.head import head_phantom

Array = np.ndarray[Any, Any]

SPACING = (5.0, 1.5, 1.25)

VIEWS: dict[str, Callable[[Array], Array]] = {
    "magnitude": np.abs,
    "phase": np.angle,
    "real": np.real,
    "imaginary": np.imag,
    "complex": np.asarray,
}


def oblique(slice_direction: int = 1) -> Array:
    """Return an affine of (slice, y, x) in mm that is tilted about all axes of the body."""
    turns = np.eye(3)
    for axis, angle in enumerate((0.3, -0.2, 0.1)):
        first, second = (one for one in range(3) if one != axis)
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        turns = turns @ turn
    axial = np.array([[0, 0, -1.0], [0, -1.0, 0], [slice_direction, 0, 0]])
    affine = np.eye(4)
    affine[:3, :3] = turns @ axial @ np.diag(SPACING)
    affine[:3, 3] = 10, -20, 30
    return affine


@cache
def head(slices: int) -> torch.Tensor:
    return head_phantom(48, slices, "flair", seed=1)[:, :, 4:44].contiguous()


def scan(slices: int = 3, affine: Array | None = None, unit: str = "mm") -> Acquisition:
    """Return a low-field scan, (slice, 48, 40)."""
    return simulate_low_field(
        head(slices),
        sampled=(32, 28),
        noise_variance=0.05,
        generator=torch.Generator().manual_seed(0),
        spacing=SPACING if unit == "mm" else (1.0, 1.0, 1.0),
        unit=unit,
        metadata={"kind": "k-space", **({} if affine is None else {"affine": affine})},
    )


def reconstructed(acquisition: Acquisition) -> Reconstruction:
    return Reconstructor(Dictionary.dct(4, 5), maps=2.0, iterations=2)(acquisition)


def in_place(images: Array, affine: Array, expected: Array, where: Array) -> Array:
    """Return images with the pixels where those of the expected ones lie, whatever the order.

    Raises
    ------
    AssertionError
        If pixels lie elsewhere, by more than 0.01 of one.
    """
    assert images.size == expected.size
    indices = np.stack(np.meshgrid(*(np.arange(n) for n in images.shape), indexing="ij"), -1)
    across = np.linalg.inv(where) @ affine
    found = indices.reshape(-1, 3) @ across[:3, :3].T + across[:3, 3]
    places = np.rint(found).astype(int)
    assert np.abs(found - places).max() < 0.01
    assert (places >= 0).all()
    assert (places < expected.shape).all()
    moved = np.full(expected.shape, np.nan, images.dtype)
    moved[tuple(places.T)] = images.reshape(-1)
    return moved


def held(folder: Path) -> dict[str, bytes]:
    """Return all files in a folder and below it, by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
