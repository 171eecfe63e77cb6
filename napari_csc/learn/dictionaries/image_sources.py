"""Where the images come from that a dictionary is learned from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch

from napari_csc.learn.training.data import Image, random_image

Tensor = torch.Tensor

# What is cut off at each side of an augmented image, because it fades out there.
_MARGIN = 16


class ImageSource(Protocol):
    """Where images come from."""

    def __call__(self, size: int, rng: np.random.Generator) -> Tensor:
        """Return an image, real or complex, of at least (size, size) pixels."""


class GivenImages:
    """The images of a scan, turned and mirrored at random.

    Parameters
    ----------
    images
        Images (y, x), real or complex, of any sizes.
    """

    def __init__(self, images: Sequence[Tensor] | Tensor) -> None:
        self._images = images

    def __call__(self, size: int, rng: np.random.Generator) -> Tensor:
        """Return a random image; ``size`` is up to the images."""
        image = self._images[int(rng.integers(len(self._images)))]
        image = torch.rot90(image, int(rng.integers(4)))
        return image.flip(0) if rng.random() < 0.5 else image


class VolumeImages:
    """Slices of volumes, scaled, turned and recoloured at random; volumes are drawn evenly.

    Parameters
    ----------
    slices
        The magnitude slices (y, x) of each volume.
    """

    def __init__(self, slices: Sequence[Sequence[Image]]) -> None:
        self._slices = slices

    def __call__(self, size: int, rng: np.random.Generator) -> Tensor:
        """Return the magnitude of a random image, (size, size)."""
        chosen = self._slices[int(rng.integers(len(self._slices)))]
        image = random_image(chosen, size + 2 * _MARGIN, rng).abs()
        return image[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
