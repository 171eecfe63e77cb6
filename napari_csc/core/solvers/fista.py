"""FISTA for one slice, as a steppable algorithm on preallocated buffers."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from napari_csc.core.data_term import DataTerm
from napari_csc.core.errors import CscError
from napari_csc.core.prox import SMALLEST_THRESHOLD, Norm

Tensor = torch.Tensor
Momentum = Callable[[int], float]

# Pixels times filters in one block: 8 bytes each, so that a block and its scratch stay in cache.
_BLOCK_PIXELS = 400_000


def chambolle_dossal(iteration: int) -> float:
    """Return the momentum ``n / (n + 3)`` after ``n`` finished iterations.

    Chambolle & Dossal, JOTA 2015: the iterates themselves converge, not only the objective.
    """
    return iteration / (iteration + 3)


@dataclass(frozen=True)
class SolverStatus:
    """Where a solver stands after an iteration."""

    iteration: int
    objective: float
    image_change: float
    """``||x_n - x_{n-1}|| / ||x_n||`` of the sparse part."""


class Fista:
    """Minimise ``1/2 ||A D s - y'||^2 + ||Lambda . s||_1`` over the codes of one image.

    Forward and adjoint run in the Fourier domain, in blocks of filters that stay in cache. The
    spectrum of ``D s`` is cached and extrapolated instead of transforming a momentum stack. Two
    code stacks are all that is stored.

    Parameters
    ----------
    spectra
        Filter spectra (K, y, x) complex, from `napari_csc.core.filter_spectra.filter_spectra`.
    data
        The data misfit.
    maps
        Sparsity level maps ``Lambda`` (K, y, x), not negative.
    steps
        One step size per filter (K,); ``max_w sum_k t_k |d^_k(w)|^2 <= 1 / ||A||^2``.
    norm
        ``"modulus"`` or ``"real-imaginary"``.
    momentum
        Extrapolation weight after n finished iterations.
    block_size
        Filters in a block; chosen by image size if None. It does not change the result.

    References
    ----------
    Beck & Teboulle, SIAM J. Imaging Sci. 2009; Schulz et al., arXiv 2602.21707.
    """

    def __init__(
        self,
        spectra: Tensor,
        data: DataTerm,
        maps: Tensor,
        steps: Tensor,
        norm: Norm = "modulus",
        momentum: Momentum = chambolle_dossal,
        block_size: int | None = None,
    ) -> None:
        n_filters, *grid = spectra.shape
        pixels = grid[0] * grid[1]
        self._spectra = spectra
        self._data = data
        self._steps = steps
        self._norm = norm
        self._momentum = momentum
        self._block = block_size or max(1, min(8, _BLOCK_PIXELS // pixels, n_filters))
        # Writing t_k Lambda_k once keeps a multiplication out of every iteration.
        self._thresholds = (maps * steps[:, None, None]).clamp_(min=SMALLEST_THRESHOLD)
        self.codes = spectra.new_zeros(spectra.shape)
        self._previous = spectra.new_zeros(spectra.shape)
        self._moduli = maps.new_empty(self._block, *grid)
        self._scales = torch.empty_like(self._moduli)
        self.spectrum = spectra.new_zeros(grid)
        self._previous_spectrum = spectra.new_zeros(grid)
        self._signed_steps = self._conjugating_steps(pixels)
        self.iteration = 0

    def _conjugating_steps(self, pixels: int) -> Tensor:
        """Return ``(-t_k, +t_k)`` for real and imaginary parts, (K, 1, 1, 2).

        The adjoint FFT is computed as a conjugated forward FFT, whose conjugation is folded into
        the gradient step; the factor undoes the scaling of unitary codes.
        """
        sign = torch.tensor([-1.0, 1.0], dtype=self._steps.dtype, device=self._steps.device)
        return self._steps[:, None, None, None] * sign / pixels**0.5

    @torch.no_grad()
    def step(self) -> SolverStatus:
        """Do one iteration.

        Raises
        ------
        CscError
            If the iterates are no longer finite.
        """
        weight = self._momentum(self.iteration)
        extrapolated = torch.lerp(self._previous_spectrum, self.spectrum, 1 + weight)
        residual = self._data.residual(extrapolated).conj().resolve_conj()
        following = torch.zeros_like(self.spectrum)
        penalty = self._steps.new_zeros(())
        for start in range(0, len(self._spectra), self._block):
            stop = min(start + self._block, len(self._spectra))
            penalty += self._update_block(slice(start, stop), weight, residual, following)
        self.codes, self._previous = self._previous, self.codes
        self._previous_spectrum, self.spectrum = self.spectrum, following
        self.iteration += 1
        return self._status(penalty)

    def _update_block(
        self, block: slice, weight: float, residual: Tensor, following: Tensor
    ) -> Tensor:
        """Write new codes over ``_previous``, add their ``D s``; return their penalty."""
        spectra, old, new = self._spectra[block], self.codes[block], self._previous[block]
        scratch = torch.fft.fft2(spectra * residual)
        values = torch.view_as_real(new)
        values.mul_(-weight).add_(torch.view_as_real(old), alpha=1 + weight)
        values.addcmul_(torch.view_as_real(scratch), self._signed_steps[block])
        penalty = self._shrink(new, block)
        following.add_(torch.fft.fft2(new, norm="ortho").mul_(spectra).sum(0))
        return penalty

    def _shrink(self, codes: Tensor, block: slice) -> Tensor:
        """Soft-threshold codes in place; return ``||Lambda . s||_1`` of the result."""
        thresholds = self._thresholds[block]
        values = torch.view_as_real(codes)
        moduli, scales = self._moduli[: len(codes)], self._scales[: len(codes)]
        if self._norm == "modulus":
            torch.abs(codes, out=moduli)
            torch.maximum(moduli, thresholds, out=scales)
            moduli.sub_(thresholds).clamp_(min=0)
            torch.div(thresholds, scales, out=scales)
            values.mul_(scales.neg_().add_(1).unsqueeze(-1))
        else:
            limit = thresholds.unsqueeze(-1)
            values.sub_(torch.clamp(values, -limit, limit))
            torch.sum(values.abs(), dim=-1, out=moduli)
        weighted = torch.linalg.vecdot(
            moduli.reshape(len(codes), -1), thresholds.reshape(len(codes), -1)
        )
        return (weighted / self._steps[block]).sum()

    def _status(self, penalty: Tensor) -> SolverStatus:
        objective = float(self._data.misfit(self.spectrum) + penalty)
        if objective != objective or objective in (float("inf"), float("-inf")):
            raise CscError(
                f"The reconstruction became infinite in iteration {self.iteration}; check the "
                "scaling of the data and the sparsity level maps."
            )
        change = torch.linalg.vector_norm(self.spectrum - self._previous_spectrum)
        scale = torch.linalg.vector_norm(self.spectrum).clamp_min(1e-30)
        return SolverStatus(self.iteration, objective, float(change / scale))

    def image(self) -> Tensor:
        """Return the current sparse part ``D s``, (y, x) complex."""
        return torch.fft.ifft2(self.spectrum, norm="ortho")
