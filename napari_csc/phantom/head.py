"""Head phantom: a synthetic, anatomy-like axial head as complex MR images at low field.

Tissue parameters are typical low-field (about 0.05 T) values rounded from the range found in the
literature; they are approximate and meant for pictures and tests, not for quantification.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, overload

import numpy as np
import torch
from numpy.typing import NDArray

from napari_csc.errors import CscError
from napari_csc.phantom.anatomy import Anatomy
from napari_csc.phantom.random_fields import FIELD_OF_VIEW_MM, Array, Field
from napari_csc.phantom.shapes import Label

Sequence = Literal["t1w", "t2w", "flair", "pdw"]

_THROUGH_PLANE = (-0.052, -0.026, 0.0, 0.026, 0.052)

__all__ = [
    "FIELD_OF_VIEW_MM",
    "PROTOCOLS",
    "TISSUES",
    "Label",
    "Protocol",
    "Sequence",
    "Tissue",
    "head_phantom",
]


@dataclass(frozen=True)
class Tissue:
    """Approximate properties of a tissue at about 0.05 T.

    Attributes
    ----------
    t1, t2
        Relaxation times in ms.
    proton_density
        Relative to water.
    texture
        Relative standard deviation of the fine signal variation inside the tissue.
    """

    t1: float
    t2: float
    proton_density: float
    texture: float


TISSUES: dict[Label, Tissue] = {
    Label.AIR: Tissue(1000.0, 1.0, 0.0, 0.0),
    Label.SKIN: Tissue(200.0, 35.0, 0.55, 0.10),
    Label.FAT: Tissue(130.0, 85.0, 0.56, 0.16),
    Label.MUSCLE: Tissue(185.0, 40.0, 0.75, 0.10),
    Label.BONE: Tissue(200.0, 2.0, 0.10, 0.30),
    Label.MARROW: Tissue(150.0, 60.0, 0.40, 0.28),
    Label.DURA: Tissue(220.0, 14.0, 0.45, 0.10),
    Label.CSF: Tissue(3700.0, 1500.0, 1.00, 0.02),
    Label.GREY: Tissue(330.0, 103.0, 0.80, 0.050),
    Label.WHITE: Tissue(270.0, 98.0, 0.70, 0.035),
    Label.STRIATUM: Tissue(325.0, 100.0, 0.81, 0.025),
    Label.THALAMUS: Tissue(300.0, 99.0, 0.765, 0.030),
    Label.PALLIDUM: Tissue(275.0, 80.0, 0.73, 0.025),
    Label.CHOROID: Tissue(500.0, 110.0, 0.78, 0.15),
    Label.BLOOD: Tissue(420.0, 60.0, 0.50, 0.10),
    Label.LESION: Tissue(480.0, 190.0, 0.84, 0.04),
}


@dataclass(frozen=True)
class Protocol:
    """Times of a spin-echo sequence in ms, with an inversion pulse if `inversion_time` is set."""

    repetition_time: float
    echo_time: float
    inversion_time: float | None = None

    def signal(self, tissue: Tissue) -> float:
        """Signal of a tissue from the (inversion-recovery) spin-echo equation, signed."""
        recovered = (
            1.0 + np.exp(-self.repetition_time / tissue.t1)
            if self.inversion_time
            else 1.0 - np.exp(-self.repetition_time / tissue.t1)
        )
        if self.inversion_time:
            recovered -= 2.0 * np.exp(-self.inversion_time / tissue.t1)
        return float(tissue.proton_density * recovered * np.exp(-self.echo_time / tissue.t2))


PROTOCOLS: dict[Sequence, Protocol] = {
    "t1w": Protocol(780.0, 20.0, 325.0),
    "t2w": Protocol(2500.0, 140.0),
    "flair": Protocol(4000.0, 110.0, 1570.0),
    "pdw": Protocol(2000.0, 15.0),
}


@overload
def head_phantom(
    size: int = ...,
    slices: int = ...,
    sequence: Sequence = ...,
    seed: int = ...,
    return_labels: Literal[False] = ...,
) -> torch.Tensor: ...
@overload
def head_phantom(
    size: int = ...,
    slices: int = ...,
    sequence: Sequence = ...,
    seed: int = ...,
    *,
    return_labels: Literal[True],
) -> tuple[torch.Tensor, torch.Tensor]: ...


def head_phantom(
    size: int = 320,
    slices: int = 4,
    sequence: Sequence = "flair",
    seed: int = 0,
    return_labels: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Render axial slices of a synthetic head.

    Parameters
    ----------
    size
        Matrix size over a square field of view of 224 mm.
    slices
        Number of slices, evenly spaced from the basal ganglia to above the ventricles.
    sequence
        Contrast weighting.
    seed
        Seed of the head: the same seed gives the same head at any size, number of slices and
        contrast.
    return_labels
        Also return the tissue labels.

    Returns
    -------
    image
        Complex images (slice, y, x), complex64, largest magnitude 10, first row anterior.
    labels
        Tissue labels (slice, y, x), uint8, values of `Label`; only with `return_labels`.

    Raises
    ------
    CscError
        If the size, the number of slices or the sequence is not possible.
    """
    if size < 16 or slices < 1:
        raise CscError(
            f"A head phantom needs size >= 16 and slices >= 1, not size={size} and slices={slices}."
        )
    if sequence not in PROTOCOLS:
        raise CscError(f"Unknown sequence {sequence!r}; choose one of {', '.join(PROTOCOLS)}.")
    anatomy, look = _head(seed)
    heights = np.linspace(0.0, 1.0, slices) if slices > 1 else np.array([0.2])
    images, labels = zip(
        *(_render(anatomy, look, float(z), size, sequence) for z in heights), strict=True
    )
    stack = np.stack(images)
    stack *= 10.0 / np.abs(stack).max()
    image = torch.from_numpy(stack.astype(np.complex64))
    return (image, torch.from_numpy(np.stack(labels))) if return_labels else image


@lru_cache(maxsize=8)
def _head(seed: int) -> tuple[Anatomy, _Look]:
    """Return a head, drawn once: rendering changes nothing in it."""
    rng = np.random.default_rng(seed)
    return Anatomy(rng), _Look(rng)


class _Look:
    """What is not anatomy: texture of the tissues, coil sensitivity and phase."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.fine = Field.draw(rng, 2.0, 4.0)
        self.coarse = Field.draw(rng, 7.0, 3.0)
        self.tracts = Field.draw(rng, 18.0, 2.0)
        self.slow = Field.draw(rng, 60.0, 0.8)
        self.phase = Field.draw(rng, 45.0, 0.8)
        self.slope = rng.normal(0.0, 0.5, 3)
        self.tilt = rng.normal(0.0, 0.05, 2)

    def texture(self, x: Array, y: Array, z: float) -> Array:
        """Unit-variance texture."""
        return 0.65 * self.fine(x, y, z) + 0.5 * self.coarse(x, y, z) + 0.55 * self.tracts(x, y, z)

    def receive(self, x: Array, y: Array, z: float) -> NDArray[np.complex128]:
        """Coil sensitivity with phase over normalised coordinates."""
        u, v = x / FIELD_OF_VIEW_MM * 2, y / FIELD_OF_VIEW_MM * 2
        magnitude = (
            0.94
            + 0.15 * (u**2 + v**2)
            + self.tilt[0] * u
            + self.tilt[1] * v
            + 0.02 * self.slow(x, y, z)
        )
        a, b, c = self.slope
        phase = a * u + b * v + 0.5 * c + 0.7 * (u**2 - v**2) + 0.25 * self.phase(x, y, z) + 0.3 * z
        return np.asarray(magnitude * np.exp(1j * phase))


def _blocks(array: Array, factor: int) -> Array:
    n = array.shape[0] // factor
    return array.reshape(n, factor, n, factor).mean(axis=(1, 3))


def _render(
    anatomy: Anatomy, look: _Look, z: float, size: int, sequence: Sequence
) -> tuple[NDArray[np.complex128], NDArray[np.uint8]]:
    """Render one slice with partial volume in plane and through its thickness."""
    factor = 2 if size >= 200 else 3
    n = size * factor
    signal = np.array([PROTOCOLS[sequence].signal(TISSUES[label]) for label in Label])
    rough = np.array([TISSUES[label].texture for label in Label])
    axis = (np.arange(n) + 0.5) / n * FIELD_OF_VIEW_MM - FIELD_OF_VIEW_MM / 2
    x, y = np.meshgrid(axis, axis)
    texture = look.texture(x, y, z)
    total = np.zeros((size, size))
    middle = np.zeros((size, size), dtype=np.uint8)
    for offset in _THROUGH_PLANE:
        labels, lesion = anatomy.labels(z + offset, n)
        fine = signal[labels] * (1.0 + rough[labels] * texture)
        fine += lesion * (signal[Label.LESION] - fine)
        total += _blocks(fine, factor) / len(_THROUGH_PLANE)
        if offset == 0.0:
            middle = np.where(lesion > 0.5, np.uint8(Label.LESION), labels)[
                factor // 2 :: factor, factor // 2 :: factor
            ]
    axis = (np.arange(size) + 0.5) / size * FIELD_OF_VIEW_MM - FIELD_OF_VIEW_MM / 2
    x, y = np.meshgrid(axis, axis)
    return total * look.receive(x, y, z), middle
