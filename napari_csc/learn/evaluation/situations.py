"""How scans of the evaluation are simulated: a condition, and the kinds of scans it may be of.

A further kind is one function and one row of `SITUATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.simulate import simulate_low_field
from napari_csc.core.kspace.coils import birdcage_maps
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.core.kspace.sampling_masks import central_mask, partial_fourier_mask
from napari_csc.learn.evaluation.images import EvaluationImage

Tensor = torch.Tensor
Lines = tuple[int, int]

SCAN_NAME, SCAN_SLICE = "evaluation_scan", "evaluation_slice"
"""Entries of the metadata: what pictures of another program of this scan are called."""

_COILS = 4
_PARTIAL = 5 / 8
_FIRST_SEED = 1000
# Random phase: width of the Gaussian in pixels, and standard deviation in radian.
_PHASE_WIDTH, _PHASE_SPREAD = 16.0, 2.0


@dataclass(frozen=True)
class Condition:
    """How a scan is simulated.

    Attributes
    ----------
    noise_variance : float
        In units of the variance of the sampled k-space.
    sampled : float
        Central share of k-space sampled along both directions.
    seed : int
        Seed of the noise: another one, another noise.
    situation : str
        A row of `SITUATIONS`.
    """

    noise_variance: float = 0.2
    sampled: float = 0.5
    seed: int = 0
    situation: str = "plain"

    def prepared(self, image: EvaluationImage) -> EvaluationImage:
        """Return the image that is scanned, and that is the truth."""
        return SITUATIONS[self.situation].prepared(image)

    def scan(self, image: EvaluationImage) -> Acquisition:
        """Simulate the scan of an image."""
        found = SITUATIONS[self.situation].scan(self.prepared(image), self)
        return named(found, self.name_of(image))

    def lines(self, image: EvaluationImage) -> Lines:
        """Return how many lines are sampled along both directions."""
        height, width = (max(8, round(self.sampled * size)) for size in image.image.shape)
        return height, width

    def draw(self, image: EvaluationImage) -> torch.Generator:
        """Return the source of the noise: the same for a slice, whatever else is measured on it."""
        return torch.Generator().manual_seed(_FIRST_SEED + image.number + 100_000 * self.seed)

    def name_of(self, image: EvaluationImage) -> str:
        """Return what a file of this scan, or of a picture of it, is called."""
        subject = "".join(one if one.isalnum() else "-" for one in image.subject)
        words = [image.group, subject, str(image.number), self.situation.replace(" ", "-")]
        return "_".join([*words, f"v{self.noise_variance:g}", f"s{self.sampled:.3g}"])


def named(scan: Acquisition, name: str, number: int = 0) -> Acquisition:
    """Return a scan that tells what pictures of it by another program are called.

    Parameters
    ----------
    scan
        Of one slice.
    name
        Stem of the files.
    number
        Which slice of the picture it is.
    """
    told = {**scan.metadata, SCAN_NAME: name, SCAN_SLICE: number}
    kept = {key: scan.__dict__[key] for key in _KEPT if key in scan.__dict__}
    changed = replace(scan, metadata=told)
    changed.__dict__.update(kept)
    return changed


_KEPT = ("values", "estimated_noise", "relative_noise", "noise_gain", "gram_norm")


@dataclass(frozen=True)
class Situation:
    """A kind of scan.

    Attributes
    ----------
    text : str
        What it is, for people.
    scan : callable
        Simulates the scan of an image under a condition.
    prepared : callable
        Changes the image first.
    """

    text: str
    scan: Callable[[EvaluationImage, Condition], Acquisition]
    prepared: Callable[[EvaluationImage], EvaluationImage] = lambda image: image


def _plain(image: EvaluationImage, condition: Condition, **more: Any) -> Acquisition:
    lines, draw = condition.lines(image), condition.draw(image)
    return simulate_low_field(image.image, lines, condition.noise_variance, draw, **more)


def _coils(image: EvaluationImage, condition: Condition) -> Acquisition:
    height, width = image.image.shape
    return _plain(image, condition, coil_maps=birdcage_maps(_COILS, (height, width)))


def _partial_fourier(image: EvaluationImage, condition: Condition) -> Acquisition:
    height, width = image.image.shape
    # The first lines of those that are sampled at all.
    share = 0.5 + (_PARTIAL - 0.5) * condition.lines(image)[0] / height
    return _plain(image, condition, mask=partial_fourier_mask((height, width), share))


def _radial(image: EvaluationImage, condition: Condition) -> Acquisition:
    height, width = image.image.shape
    lines = condition.lines(image)
    reach, spokes = min(lines) / 2, min(lines)
    angles = torch.arange(spokes) * (torch.pi / spokes)
    radius = torch.arange(-2 * int(reach), 2 * int(reach) + 1) / 2
    positions = torch.stack([angles.sin(), angles.cos()], -1)[:, None] * radius[:, None]
    blank = torch.ones(positions.shape[:2], dtype=torch.complex64)
    sampling = Acquisition.from_trajectory(blank, positions, (height, width), noise_std=1.0)
    clean = sampling.forward(image.image[None])
    sigma = _sigma(image, condition)
    noise = torch.view_as_complex(
        torch.randn((*clean.shape, 2), generator=condition.draw(image)) * (sigma / 2**0.5)
    )
    return replace(
        sampling, kspace=clean + noise, given_noise_std=sigma, reference=image.image[None]
    )


def _magnitude(image: EvaluationImage, condition: Condition) -> Acquisition:
    """Return the magnitude of a noisy image of the whole matrix, as a picture."""
    return _picture(image, replace(condition, sampled=1.0))


def _masked_magnitude(image: EvaluationImage, condition: Condition) -> Acquisition:
    """Return the same, with zeros outside of the object."""
    return _picture(image, replace(condition, sampled=1.0), masked=True)


def _zero_filled_magnitude(image: EvaluationImage, condition: Condition) -> Acquisition:
    """Return the magnitude of the zero-filled image of a scan; its matrix is told."""
    return _picture(image, condition).with_acquired_matrix(condition.lines(image))


def _picture(image: EvaluationImage, condition: Condition, masked: bool = False) -> Acquisition:
    scan = _plain(image, condition)
    magnitude = scan.adjoint()[0].abs()
    if masked:
        magnitude = magnitude * image.object
    # Along the signal the noise of the magnitude is that of the real part.
    along = scan.noise_std / 2**0.5
    return Acquisition.from_image(magnitude, noise_std=along, reference=image.image.abs()[None])


def _sigma(image: EvaluationImage, condition: Condition) -> float:
    shape = (image.image.shape[0], image.image.shape[1])
    inside = central_mask(shape, condition.lines(image))
    kspace = image_to_kspace(image.image)[inside]
    return float(np.sqrt(condition.noise_variance)) * float(torch.std(kspace))


def _on_black(image: EvaluationImage) -> EvaluationImage:
    return replace(image, image=image.image * image.object)


def _with_random_phase(image: EvaluationImage) -> EvaluationImage:
    from scipy.ndimage import gaussian_filter

    field = np.random.default_rng(0).standard_normal(image.image.shape)
    phase = gaussian_filter(field, _PHASE_WIDTH, mode="wrap")
    turned = torch.from_numpy(np.exp(1j * phase * (_PHASE_SPREAD / phase.std())))
    return replace(image, image=(image.image.abs() * turned).to(torch.complex64))


SITUATIONS: Mapping[str, Situation] = {
    "plain": Situation("central k-space, smooth phase", _plain),
    "random phase": Situation(
        "white noise smoothed over 16 pixels, 2 rad, as phase", _plain, _with_random_phase
    ),
    "black background": Situation("true image zero outside the object", _plain, _on_black),
    "magnitude": Situation("a magnitude picture of the whole matrix (Rician)", _magnitude),
    "magnitude, masked": Situation(
        "the same, zero outside the object", _masked_magnitude, _on_black
    ),
    "magnitude, zero-filled": Situation(
        "the magnitude of a zero-filled image, its acquired matrix told", _zero_filled_magnitude
    ),
    "multi-coil": Situation(f"{_COILS} coils of a birdcage, maps known", _coils),
    "partial Fourier": Situation(f"the first {_PARTIAL:.0%} of the lines", _partial_fourier),
    "radial": Situation("as many spokes as lines, twofold readout", _radial),
}
"""Kinds of simulated scans, by the name of their row."""
