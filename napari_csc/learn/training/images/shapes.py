"""Leaves: random overlapping shapes, so that no anatomy is learned by heart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

Tensor = torch.Tensor
Image = npt.NDArray[np.float32]

_SMALLEST = 4.0
_LARGEST = 0.45
_LEAVES = 500
_WHITE = 1.3


def leaves(count: int, size: int, seed: int) -> Tensor:
    """Return images of leaves, (count, size, size) uint8 with 255 for 1.3.

    Ellipses and rectangles fall on each other until the image is covered; radii are distributed as
    ``r^-3``, so that the images look alike at every scale, as natural ones do. Some have a slope,
    some a texture.

    References
    ----------
    Lee, Mumford, Huang, Int. J. Comput. Vis. 2001 (dead leaves).
    """
    images = np.stack([_image(size, np.random.default_rng((seed, n))) for n in range(count)])
    return torch.from_numpy(np.round(images.clip(0, _WHITE) / _WHITE * 255).astype(np.uint8))


def _image(size: int, rng: np.random.Generator) -> Image:
    image = np.zeros((size, size), np.float32)
    for _ in range(_LEAVES):
        _drop(image, rng)
    return (image - image.min()) / _WHITE


def _drop(image: Image, rng: np.random.Generator) -> None:
    """Paint one leaf over what is there."""
    size = len(image)
    ends = (_LARGEST * size) ** -2.0, _SMALLEST**-2.0
    radius = rng.uniform(*ends) ** -0.5
    centre = rng.uniform(-10, size + 10, 2)
    low = np.clip(np.floor(centre - 1.5 * radius), 0, size).astype(int)
    high = np.clip(np.ceil(centre + 1.5 * radius) + 1, 0, size).astype(int)
    y, x = np.meshgrid(
        *(np.arange(a, b) - c for a, b, c in zip(low, high, centre, strict=True)), indexing="ij"
    )
    turn = rng.uniform(0, np.pi)
    along = x * np.cos(turn) + y * np.sin(turn)
    across = (y * np.cos(turn) - x * np.sin(turn)) / rng.uniform(0.3, 1)
    is_round = rng.random() < 0.7
    far = np.hypot(along, across) if is_round else np.maximum(np.abs(along), np.abs(across))
    value = rng.random() ** 1.2 + 0.5 * rng.uniform(-0.3, 0.3) * along / radius
    if rng.random() < 0.25:
        waves = np.sin(along * rng.uniform(0.15, 1.6)) * np.sin(across * rng.uniform(0.15, 1.6))
        value = value + rng.uniform(0, 0.12) * waves
    part = image[low[0] : high[0], low[1] : high[1]]
    np.copyto(part, value, where=far < radius, casting="same_kind")
