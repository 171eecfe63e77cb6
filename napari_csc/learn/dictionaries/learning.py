"""Learn a dictionary of convolution filters from images."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.smooth_part import low_pass
from napari_csc.core.dictionary.spectra import filter_spectra
from napari_csc.core.solvers import Admm, balanced_penalties
from napari_csc.core.solvers.data_term import CartesianDataTerm
from napari_csc.errors import CscError
from napari_csc.learn.dictionaries.filter_update import CodeStatistics, most_alike
from napari_csc.learn.dictionaries.image_sources import ImageSource
from napari_csc.learn.training.data import taper

Tensor = torch.Tensor

# The sparsity level in the units of the solver, whose penalties are made for data in noise units.
_LEVEL = 2.0
_TAPER = 8
_ALIKE = 0.95
_UNUSED = 1e-3
_CHECK_EVERY = 10


class LearningSettings(BaseModel):
    """How to learn a dictionary."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(64, ge=1, le=1024)
    """Number of filters."""
    sizes: tuple[int, ...] = (11,)
    """Filter widths in pixels; several make a dictionary of mixed sizes, in equal numbers."""
    sparsity: float = Field(2.0, gt=0)
    """Sparsity level, in units of the root mean square of the high-passed images."""
    low_pass_weight: float = Field(10.0, gt=0)
    """Weight ``beta`` of the low-pass that is taken off first."""
    steps: int = Field(200, ge=1)
    images_per_step: int = Field(4, ge=1)
    crop: int = Field(96, ge=32)
    """Width of the square parts of images that are coded, in pixels."""
    iterations: int = Field(16, ge=1)
    """Iterations of ADMM for the codes."""
    seed: int = 0


@dataclass(frozen=True)
class LearningStep:
    """Where the learning stands.

    Attributes
    ----------
    step, steps : int
        Steps done, and to do.
    objective : float
        ``1/2 ||x - D s||^2 + lambda ||s||_1`` of this step's images, in units of ``1/2 ||x||^2``.
    nonzeros : float
        Share of codes that are not zero.
    replaced : int
        Filters replaced so far, because nothing used them or another one was the same.
    """

    step: int
    steps: int
    objective: float
    nonzeros: float
    replaced: int


def learn_dictionary(
    source: ImageSource,
    settings: LearningSettings,
    name: str = "learned",
    on_step: Callable[[LearningStep], object] | None = None,
    max_seconds: float | None = None,
    data: Sequence[str] = (),
) -> Dictionary:
    """Learn a dictionary by alternating codes and filters on small batches.

    The low-pass part of each image is taken off, parts of the rest are coded with the dictionary of
    the moment (ADMM), and the filters follow the codes of all images so far
    (`napari_csc.learn.dictionaries.filter_update.CodeStatistics`). Filters that nothing uses, or
    that repeat another at some shift, are replaced by the worst explained places of the batch.

    Parameters
    ----------
    source
        Returns images; what is random in them must come from the generator it gets.
    settings
        Count, sizes, sparsity, steps, seed.
    name
        Name of the dictionary.
    on_step
        Called after every step; learning ends early if it returns False.
    max_seconds
        Time to end early after.
    data
        Names of what the images come from, for the metadata.

    Returns
    -------
    Dictionary
        Most used filters first; its metadata say how it came about.

    Raises
    ------
    CscError
        If the images show no structure, or are smaller than the parts to be coded.

    References
    ----------
    Liu, Garcia-Cardona, Wohlberg, "First- and second-order methods for online convolutional
    dictionary learning", SIAM J. Imaging Sci. 2018.
    """
    begin = time.monotonic()
    parts = _Parts(source, settings)
    supports = _supports(settings)
    filters = _first_filters(parts, supports, settings)
    statistics = CodeStatistics(supports)
    replaced = 0
    for step in range(settings.steps):
        batch = parts.draw(
            settings.images_per_step, np.random.default_rng((settings.seed, 1, step))
        )
        codes, objective = _codes(batch, filters, settings.iterations)
        kept = (1 - 1 / (step + 1)) ** 5
        statistics.add(codes, batch, kept)
        filters = statistics.update(filters)
        if (step + 1) % _CHECK_EVERY == 0 and step + 1 < 0.9 * settings.steps:
            rng = np.random.default_rng((settings.seed, 2, step))
            residual = batch - _synthesised(codes, filters)
            replaced += _replace(filters, supports, statistics, residual, rng)
        nonzeros = float((codes != 0).float().mean())
        state = LearningStep(step + 1, settings.steps, objective, nonzeros, replaced)
        if on_step is not None and on_step(state) is False:
            break
        if max_seconds is not None and time.monotonic() - begin > max_seconds:
            break
    order = torch.argsort(statistics.energies, descending=True, stable=True)
    metadata = {
        "data": list(data),
        "settings": settings.model_dump(mode="json"),
        "steps": state.step,
        "objective": round(state.objective, 4),
        "nonzeros": round(state.nonzeros, 5),
        "replaced": state.replaced,
    }
    return Dictionary.from_filters(filters[order], name, metadata=metadata)


class _Parts:
    """Random high-passed parts of images, in units in which the sparsity level is ``_LEVEL``."""

    def __init__(self, source: ImageSource, settings: LearningSettings) -> None:
        self._source, self._settings = source, settings
        rng = np.random.default_rng((settings.seed, 0))
        drawn = [self._part(rng) for _ in range(16)]
        energies = torch.stack([part.abs().square().mean() for part in drawn])
        root = float(energies.mean().sqrt())
        if not (math.isfinite(root) and root > 0):
            raise CscError("The images show no structure to learn filters from; choose others.")
        self._unit = _LEVEL / (settings.sparsity * root)
        self._least = 0.1 * float(energies.mean())

    def draw(self, count: int, rng: np.random.Generator) -> Tensor:
        """Return parts (count, crop, crop), complex."""
        return torch.stack([self._structured(rng) for _ in range(count)]) * self._unit

    def _structured(self, rng: np.random.Generator) -> Tensor:
        """Return a part that is not empty, if one is found in a few tries."""
        for _ in range(8):
            part = self._part(rng)
            if float(part.abs().square().mean()) > self._least:
                break
        return part

    def _part(self, rng: np.random.Generator) -> Tensor:
        size = self._settings.crop
        image = self._source(size, rng)
        height, width = image.shape
        if min(height, width) < size:
            raise CscError(
                f"The image has {height} x {width} pixels, but parts of {size} x {size} are "
                "coded; choose smaller parts (crop)."
            )
        image = image.to(torch.complex64)
        detail = image - low_pass(image, self._settings.low_pass_weight)
        top = int(rng.integers(height - size + 1))
        left = int(rng.integers(width - size + 1))
        # The parts are coded as if they went on at the other side, so they fade out.
        fade = torch.from_numpy(taper(size, _TAPER))
        return detail[top : top + size, left : left + size] * fade


def _codes(batch: Tensor, filters: Tensor, iterations: int) -> tuple[Tensor, float]:
    """Return the codes (n, K, y, x) of images (n, y, x), and their mean relative objective."""
    grid = (batch.shape[-2], batch.shape[-1])
    spectra = filter_spectra(filters, grid)
    level = torch.full((), _LEVEL).expand(len(filters), *grid)
    whole = torch.ones(grid)
    codes = torch.empty(len(batch), *spectra.shape, dtype=torch.complex64)
    objectives = []
    for image, into in zip(batch, codes, strict=True):
        data = CartesianDataTerm(torch.fft.fft2(image, norm="ortho"), whole)
        penalties = balanced_penalties(spectra, data.spectrum, level)
        solver = Admm(spectra, data, level, penalties)
        for _ in range(iterations):
            status = solver.step()
        solver.write_codes(into)
        energy = 0.5 * float(image.abs().square().sum())
        objectives.append(status.objective / max(energy, 1e-12))
    return codes, float(np.mean(objectives))


def _synthesised(codes: Tensor, filters: Tensor) -> Tensor:
    spectra = filter_spectra(filters, (codes.shape[-2], codes.shape[-1]))
    products = torch.fft.fft2(codes, norm="ortho") * spectra
    return torch.fft.ifft2(products.sum(1), norm="ortho")


def _supports(settings: LearningSettings) -> Tensor:
    """Return which taps each filter may use, (K, n, n) bool, n the largest size, made odd."""
    if not settings.sizes or min(settings.sizes) < 3 or max(settings.sizes) > 65:
        raise CscError("Filters must be 3 to 65 pixels wide.")
    largest = max(settings.sizes) | 1
    supports = torch.zeros(settings.count, largest, largest, dtype=torch.bool)
    for number in range(settings.count):
        size = settings.sizes[number * len(settings.sizes) // settings.count]
        first = largest // 2 - size // 2
        supports[number, first : first + size, first : first + size] = True
    return supports


def _first_filters(parts: _Parts, supports: Tensor, settings: LearningSettings) -> Tensor:
    """Return parts of images under windows of several widths: fine and coarse filters alike."""
    rng = np.random.default_rng((settings.seed, 3))
    batch = parts.draw(8, rng)
    filters = torch.zeros(supports.shape)
    for number in range(len(filters)):
        size = int(supports[number, supports.shape[1] // 2].sum())
        width = size * (0.12, 0.2, 0.35)[number % 3]
        filters[number] = _cut_out(batch, supports[number], width, rng)
    return filters


def _cut_out(batch: Tensor, support: Tensor, width: float, rng: np.random.Generator) -> Tensor:
    """Return a random well-filled place of a batch as a filter of unit norm."""
    size = len(support)
    axis = torch.arange(size) - size // 2
    bell = torch.exp(-(axis**2) / (2 * width**2))
    window = bell[:, None] * bell[None, :] * support
    best, norm = torch.zeros_like(window), 0.0
    for _ in range(5):
        image = batch[int(rng.integers(len(batch)))]
        top = int(rng.integers(_TAPER, image.shape[0] - size - _TAPER + 1))
        left = int(rng.integers(_TAPER, image.shape[1] - size - _TAPER + 1))
        place = image[top : top + size, left : left + size]
        phase = torch.sgn((place * window).sum())
        cut = (place * (phase.conj() if phase.abs() > 0 else 1)).real * window
        cut = cut - window * (cut.sum() / window.sum())
        if float(cut.norm()) > norm:
            best, norm = cut, float(cut.norm())
    if norm == 0:
        noise = torch.from_numpy(rng.standard_normal((size, size))).float() * window
        return noise / noise.norm()
    return best / norm


def _replace(
    filters: Tensor,
    supports: Tensor,
    statistics: CodeStatistics,
    residual: Tensor,
    rng: np.random.Generator,
) -> int:
    """Replace filters that are not used, or repeat another; return how many."""
    energies = statistics.energies
    dead = set(torch.nonzero(energies < _UNUSED * energies.mean())[:, 0].tolist())
    alike = most_alike(filters).triu(1)
    for first, second in torch.nonzero(alike > _ALIKE).tolist():
        if first not in dead and second not in dead:
            dead.add(first if energies[first] < energies[second] else second)
    for number in sorted(dead):
        width = 0.2 * int(supports[number, supports.shape[1] // 2].sum())
        filters[number] = _cut_out(residual, supports[number], width, rng)
        statistics.forget(number)
    return len(dead)
