"""Slices of many volumes in one file of some 25 MB, which is all that a training reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_csc.errors import CscError
from napari_csc.storage.atomic import replacing

Image = npt.NDArray[np.float32]

SIZE = 256
WHITE = 1.3
_FORMAT = 1
_PHANTOM = "phantom"


@dataclass(frozen=True, eq=False)
class PackedSlices:
    """Magnitude slices to train on, and some to validate with.

    Attributes
    ----------
    images : ndarray
        Slices (n, 256, 256), uint8, with 255 for 1.3 times the usual maximum.
    volume : ndarray
        Which of the ``names`` each slice belongs to, (n,).
    names : tuple of str
        The volumes; the last may be the synthetic heads, ``"phantom"``.
    validation : ndarray
        Slices (m, 256, 256), float32, maximum one.
    validation_names : tuple of str
        The volumes of these.
    """

    images: npt.NDArray[np.uint8]
    volume: npt.NDArray[np.int16]
    names: tuple[str, ...]
    validation: Image
    validation_names: tuple[str, ...] = ()

    @property
    def has_phantoms(self) -> bool:
        """Whether the last volume holds the synthetic heads."""
        return bool(self.names) and self.names[-1] == _PHANTOM

    def save(self, path: str | Path) -> None:
        """Write the slices to an ``.npz`` file."""
        arrays: dict[str, Any] = {
            "format": np.int16(_FORMAT),
            "images": self.images,
            "volume": self.volume,
            "names": np.array(self.names),
            "validation": self.validation.astype(np.float16),
            "validation_names": np.array(self.validation_names),
        }
        with replacing(path, overwrite=True) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> PackedSlices:
        """Read a file that `save` wrote.

        Raises
        ------
        CscError
            If it is none.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                if int(file["format"]) != _FORMAT:
                    raise ValueError("written by another version")
                return cls(
                    file["images"],
                    file["volume"],
                    tuple(map(str, file["names"])),
                    file["validation"].astype(np.float32),
                    tuple(map(str, file["validation_names"])),
                )
        except (OSError, ValueError, KeyError) as error:
            raise CscError(
                f"{Path(path).name} is no file of slices; make one with 'napari-csc pack-slices'."
            ) from error


def fitted(image: Image) -> Image:
    """Return a slice scaled to fit 256 x 256 and put into the middle, at most 1.3."""
    factor = SIZE / max(image.shape)
    if factor < 1:  # against aliasing
        image = ndimage.gaussian_filter(image, 0.35 / factor)
    image = np.clip(ndimage.zoom(image, factor, order=1), 0, WHITE)[:SIZE, :SIZE]
    whole = np.zeros((SIZE, SIZE), np.float32)
    top, left = ((SIZE - n) // 2 for n in image.shape)
    whole[top : top + image.shape[0], left : left + image.shape[1]] = image
    return whole


def as_bytes(image: Image) -> npt.NDArray[np.uint8]:
    """Return a slice in 256 levels."""
    return np.round(image / WHITE * 255).astype(np.uint8)
