"""ADMM for a batch of images at once, differentiable: what training runs through.

The way back is written by hand, as in `napari_csc.core.solvers.unrolled`: of every iteration only
what was shrunk is kept. On an accelerator all images and filters go through every step together;
on a CPU one image after the other does, in blocks of filters that stay in cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.options import Norm, Rule
from napari_csc.core.solvers.admm import OVER_RELAXATION, PENALTY_FACTORS, balanced_penalties
from napari_csc.core.solvers.data_term import CartesianDataTerm
from napari_csc.core.solvers.fit import last_fit
from napari_csc.core.solvers.frequency_band import FrequencyBand
from napari_csc.core.solvers.pairs import default_block_size
from napari_csc.core.solvers.prox import SMALLEST_THRESHOLD, Shrinkage

Tensor = torch.Tensor


@dataclass(frozen=True)
class AdmmState:
    """Where ADMM stands, for a batch; see `napari_csc.core.solvers.admm.Admm`.

    Attributes
    ----------
    shrunk : Tensor
        The sparse codes ``z`` in units of the scales, (n, K, y, x) complex.
    sums : Tensor
        The running sums ``w`` that the shrinkage sees, likewise.
    scales : Tensor
        ``1 / sqrt(rho_k)``, (n, K).
    iterations : int
        How many there were.
    relaxation : float
        Their over-relaxation.
    """

    shrunk: Tensor
    sums: Tensor
    scales: Tensor
    iterations: int
    relaxation: float

    @property
    def codes(self) -> Tensor:
        """The sparse codes ``z`` (n, K, y, x)."""
        return self.shrunk * self.scales[..., None, None]


Penalties = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Of spectra (K, y, x), data spectrum (n, y, x) and maps (n, K, y, x) the penalties (n, K)."""
Start = Callable[[Tensor, CartesianDataTerm], Tensor | None]
"""Of scaled spectra (n, K, y, x) and data the first codes (n, K, y, x); None is zero."""
Picture = Callable[[SynthesisOperator, CartesianDataTerm, AdmmState], Tensor]
"""Of the last state the unitary spectrum (n, y, x) of the image that is reported."""


def zero_codes(spectra: Tensor, data: CartesianDataTerm) -> Tensor | None:
    """Start from nothing."""
    return None


def of_sparse_codes(
    synthesis: SynthesisOperator, data: CartesianDataTerm, state: AdmmState
) -> Tensor:
    """Return the spectrum of ``D z``, of the codes that were shrunk last."""
    return synthesis.to_spectrum(state.codes)


def of_fitted_codes(
    synthesis: SynthesisOperator, data: CartesianDataTerm, state: AdmmState
) -> Tensor:
    """Return the spectrum of ``D s``, of the codes that fit the data (the update of ``s``)."""
    scales = state.scales[..., None, None]
    target = synthesis.to_spectrum((2 * state.shrunk - state.sums) * scales)
    power = torch.einsum("nk,kyx->nyx", state.scales.square(), _power(synthesis.spectra))
    band = FrequencyBand.whole((target.shape[-2], target.shape[-1]))
    return last_fit(target, data, power, band, state.iterations, state.relaxation)[1]


@dataclass(frozen=True)
class AdmmRule:
    """What decides ADMM besides data, dictionary and maps; weights are trained for one rule.

    Attributes
    ----------
    penalties
        The penalty of each filter.
    start
        The codes to begin with, linear in the data.
    picture
        Which image is reported in the end.
    over_relaxation : float
        Between 1 and 2.
    """

    penalties: Penalties = balanced_penalties
    start: Start = zero_codes
    picture: Picture = of_sparse_codes
    over_relaxation: float = OVER_RELAXATION


RULES: dict[Rule, AdmmRule] = {
    "shrunk": AdmmRule(partial(balanced_penalties, factor=PENALTY_FACTORS["shrunk"])),
    "fitted": AdmmRule(
        partial(balanced_penalties, factor=PENALTY_FACTORS["fitted"]), picture=of_fitted_codes
    ),
}
"""The rules that weights are trained for, by the name in the weight file."""


def batched_admm(
    synthesis: SynthesisOperator,
    data: CartesianDataTerm,
    maps: Tensor,
    iterations: int,
    norm: Norm = "modulus",
    rule: AdmmRule = RULES["shrunk"],
) -> Tensor:
    """Return the spectra (n, y, x) of the images after some iterations of ADMM.

    Differentiable in ``maps`` and the spectrum of ``data`` (at fixed penalties and start), and in
    the spectra of the filters as far as the picture is made of them: through the last synthesis,
    not through the iterations.

    Parameters
    ----------
    synthesis
        The dictionary on the image grid.
    data
        Data term with spectra and masks (n, y, x).
    maps
        Sparsity level maps (n, K, y, x).
    iterations
        Number of iterations.
    norm
        ``"modulus"`` or ``"real-imaginary"``.
    rule
        Penalties, start and picture.
    """
    spectra = synthesis.spectra.detach()
    with torch.no_grad():
        scales = rule.penalties(spectra, data.spectrum, maps).expand(maps.shape[:2]).rsqrt()
        scaled = spectra * scales[..., None, None]
        first = rule.start(scaled, data)
    plan = _Plan(scaled, data.mask, first, iterations, norm, rule.over_relaxation)
    thresholds = maps * scales[..., None, None]
    shrunk, sums = _Unrolled.apply(thresholds, data.spectrum, plan)
    state = AdmmState(shrunk, sums, scales, iterations, rule.over_relaxation)
    return rule.picture(synthesis, data, state)


@dataclass(frozen=True)
class _Plan:
    spectra: Tensor
    """Times the scales, (n, K, y, x)."""
    mask: Tensor
    first: Tensor | None
    iterations: int
    norm: Norm
    relaxation: float

    def images(self) -> Iterator[slice]:
        """Return which images to work on at once."""
        count = len(self.spectra)
        at_once = 1 if self.spectra.device.type == "cpu" else count
        return (slice(start, start + at_once) for start in range(0, count, at_once))


class _Unrolled(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, thresholds: Tensor, spectrum: Tensor, plan: _Plan
    ) -> tuple[Tensor, Tensor]:
        parts = [_Images(plan, images, thresholds, spectrum) for images in plan.images()]
        for part in parts:
            part.run()
        ctx.parts = parts
        return torch.cat([part.shrunk for part in parts]), torch.cat([one.sums for one in parts])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        found = []
        for part in ctx.parts:
            found.append(part.back(*(one[part.images] for one in gradients)))
        thresholds, spectra = zip(*found, strict=True)
        return torch.cat(thresholds), torch.cat(spectra), None


class _Images:
    """Some images of the batch, their iterations and the way back."""

    def __init__(self, plan: _Plan, images: slice, thresholds: Tensor, spectrum: Tensor) -> None:
        self.images, self.relaxation, self.iterations = images, plan.relaxation, plan.iterations
        self.spectra = plan.spectra[images]
        self.mask, self.data = plan.mask[images], spectrum[images]
        self.thresholds = thresholds[images].clamp_min(SMALLEST_THRESHOLD)
        self.shrunk = torch.zeros_like(self.spectra)
        if plan.first is not None:
            self.shrunk.copy_(plan.first[images])
        self.sums = self.shrunk
        self.tape: list[Tensor] = []
        count, n_filters, *grid = self.spectra.shape
        pixels = grid[0] * grid[1]
        at_once = default_block_size(n_filters, pixels, self.spectra.device)
        starts = range(0, n_filters, at_once)
        self._blocks = [slice(start, min(start + at_once, n_filters)) for start in starts]
        scratch = [thresholds.new_empty(count * at_once, *grid) for _ in range(2)]
        self._shrinkage = Shrinkage(plan.norm, (scratch[0], scratch[1]))
        self._power = _power(self.spectra).sum(1)

    def run(self) -> None:
        """Do all iterations."""
        image = self._synthesised(self.shrunk)
        total = image.clone()
        for _ in range(self.iterations):
            target = 2 * image - total
            correction = (self.data - self.mask * target) / (1 + self.mask * self._power)
            total = total + self.relaxation * (target + self._power * correction - image)
            mirrored = _mirrored(self.relaxation * correction)
            sums = torch.empty_like(self.shrunk)
            following = torch.zeros_like(image)
            # Where the state of the first iteration came from outside, it is not written to.
            shrunk = torch.empty_like(self.shrunk) if not self.tape else self.shrunk
            for block in self._blocks:
                before, then = (
                    torch.view_as_real(one[:, block]) for one in (self.sums, self.shrunk)
                )
                out = torch.view_as_real(sums[:, block])
                torch.lerp(before, then, self.relaxation, out=out)
                sums[:, block] += self._analysed(block, mirrored)
                self._shrink(sums, block, shrunk)
                following += self._part(shrunk, block)
            self.tape.append(sums)
            self.shrunk, self.sums, image = shrunk, sums, following

    def back(self, codes: Tensor, carry: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients by thresholds and data, of those by codes and running sums."""
        codes, carry = codes.contiguous().clone(), carry.contiguous().clone()
        thresholds, data = torch.zeros_like(self.thresholds), torch.zeros_like(self.data)
        weight = self.relaxation / (1 + self.mask * self._power)
        for sums in reversed(self.tape):
            total = torch.zeros_like(data)
            for block in self._blocks:
                parts = (sums, self.thresholds, codes, thresholds)
                self._shrinkage.pull_back(*(_flat(one[:, block]) for one in parts))
                carry[:, block] += codes[:, block]
                total += self._part(carry, block)
            data += weight * total
            mirrored = _mirrored(-weight * self.mask * total)
            for block in self._blocks:
                response, kept = self._analysed(block, mirrored), carry[:, block]
                torch.add(2 * response, kept, alpha=self.relaxation, out=codes[:, block])
                kept.mul_(1 - self.relaxation).sub_(response)
        return thresholds, data

    def _synthesised(self, codes: Tensor) -> Tensor:
        total = torch.zeros_like(codes[:, 0])
        for block in self._blocks:
            total += self._part(codes, block)
        return total

    def _part(self, codes: Tensor, block: slice) -> Tensor:
        """Return the spectrum (n, y, x) of what some filters synthesise."""
        spectra = torch.fft.fft2(codes[:, block], norm="ortho")
        return spectra.mul_(self.spectra[:, block]).sum(1)

    def _analysed(self, block: slice, mirrored: Tensor) -> Tensor:
        """Return ``D_k^H`` of images for some filters; see `BlockedSolver._analysed`."""
        return torch.fft.fft2(self.spectra[:, block] * mirrored[:, None], norm="ortho")

    def _shrink(self, values: Tensor, block: slice, out: Tensor) -> None:
        parts = (values, self.thresholds, out)
        self._shrinkage(*(_flat(one[:, block]) for one in parts))


def _flat(stack: Tensor) -> Tensor:
    """Return a block (n, k, y, x) as (n k, y, x): of one image, or of all filters, a view."""
    return stack.view(-1, *stack.shape[-2:])


def _mirrored(spectrum: Tensor) -> Tensor:
    """Return ``v(-w)`` for spectra ``v(w)`` (n, y, x)."""
    return spectrum.flip((-2, -1)).roll((1, 1), (-2, -1))


def _power(spectra: Tensor) -> Tensor:
    return torch.view_as_real(spectra).square().sum(-1)
