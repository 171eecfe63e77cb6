"""What the steppable solvers share: codes in blocks, the Fourier path, the shrinkage in place."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch

from napari_csc.core.options import Norm
from napari_csc.core.solvers.data_term import DataTerm
from napari_csc.core.solvers.fit import (
    ring_numbers,
    unexplained_share,
    with_what_is_unexplained,
)
from napari_csc.core.solvers.prox import SMALLEST_THRESHOLD, Shrinkage
from napari_csc.errors import CscError

Tensor = torch.Tensor

# Pixels times filters in one block: 8 bytes each, so that a block and its scratch stay in cache.
_BLOCK_PIXELS = 1_000_000
_MOST_FILTERS = 16
# A threshold that no code comes near, and whose product with zero is zero.
_OUT_OF_REACH = 1e30
# An accelerator would have to wait for each look at its numbers.
_LOOK_EVERY = 8


@dataclass(frozen=True, eq=False)
class SolverStatus:
    """Where a solver stands after an iteration; reading a figure waits for the device."""

    iteration: int
    figures: Tensor
    """Objective and image change, on the device of the solver."""

    @property
    def objective(self) -> float:
        """``1/2 ||A D s - y'||^2 + ||Lambda . s||_1``."""
        return float(self.figures[0])

    @property
    def image_change(self) -> float:
        """``||x_n - x_{n-1}|| / ||x_n||`` of the sparse part, over the sampled band."""
        return float(self.figures[1])


@dataclass(eq=False)
class Cotangent:
    """Gradients on the way back through the iterations, in the units of the solver.

    Attributes
    ----------
    codes : Tensor
        By the codes after the iteration at hand, (K, y, x) complex.
    carry : Tensor
        By the other stack that the solver keeps, (K, y, x) complex.
    thresholds : Tensor
        By the thresholds, summed over the iterations so far, (K, y, x).
    spectrum : Tensor
        By the data, on the band, summed likewise.
    """

    codes: Tensor
    carry: Tensor
    thresholds: Tensor
    spectrum: Tensor


class BlockedSolver(ABC):
    """Minimise ``1/2 ||A D s - y'||^2 + ||Lambda . s||_1`` over the codes of one image.

    The codes are kept in units of one scale per filter, ``s_k = a_k u_k``, which turns the step
    sizes of FISTA and the penalties of ADMM into one. Forward and adjoint run in the Fourier
    domain, in blocks of filters that stay in cache; products with the spectra of the filters are
    formed on the band that the data reach. Nothing as large as a code stack is allocated in an
    iteration.

    Parameters
    ----------
    spectra
        Filter spectra (K, y, x) complex, from `napari_csc.core.dictionary.spectra.filter_spectra`.
    data
        The data misfit.
    maps
        Sparsity level maps ``Lambda`` (K, y, x), not negative.
    scales
        The scale ``a_k`` of each filter (K,), positive.
    norm
        ``"modulus"`` or ``"real-imaginary"``.
    block_size
        Filters in a block; chosen by image size and device if None. It does not change the result.
    """

    def __init__(
        self,
        spectra: Tensor,
        data: DataTerm,
        maps: Tensor,
        scales: Tensor,
        norm: Norm = "modulus",
        block_size: int | None = None,
    ) -> None:
        n_filters, *grid = spectra.shape
        self._spectra, self._scales = spectra, scales
        self._band, self._data = data.band, data.on_band()
        self._block = block_size or default_block_size(n_filters, grid[0] * grid[1], spectra.device)
        columns = scales[:, None, None]
        self._on_band = self._band.gather(spectra).mul_(columns)
        self._thresholds = (maps * columns).clamp_(min=SMALLEST_THRESHOLD).contiguous()
        self._codes = spectra.new_zeros(spectra.shape)
        scratch = (maps.new_empty(self._block, *grid), maps.new_empty(self._block, *grid))
        self._shrinkage = Shrinkage(norm, scratch)
        # Zero outside the band for good: only the band is ever written.
        self._padded = spectra.new_zeros(self._block, *grid)
        self._products = spectra.new_empty(self._block, *self._band.size)
        self.spectrum = spectra.new_zeros(self._band.size)
        """Unitary spectrum of ``D s`` on the band."""
        self.iteration = 0
        self._tape: Tensor | None = None
        self._forbidden: Tensor | None = None

    @property
    def codes(self) -> Tensor:
        """The sparse codes ``s`` (K, y, x), complex."""
        return self._codes * self._scales[:, None, None]

    @torch.inference_mode()
    def write_codes(self, out: Tensor) -> None:
        """Write the codes of the first filters into a tensor (n, y, x), on any device."""
        for block in self._blocks():
            kept = slice(block.start, min(block.stop, len(out)))
            out[kept] = (self._codes[kept] * self._scales[kept, None, None]).to(out.device)

    def forbid(self, places: Tensor) -> None:
        """Keep codes at zero where (K, y, x) is True; before the first iteration.

        Thresholds that nothing reaches do so in every iteration, and `fit` leaves these codes
        alone. Penalties stay as the maps make them, so that codes elsewhere converge as before.
        """
        self._forbidden = places
        self._thresholds.masked_fill_(places, _OUT_OF_REACH)

    @abstractmethod
    def _advance(self) -> Tensor:
        """Do one iteration, leaving ``_codes`` and ``spectrum``; return ``||Lambda . s||_1``."""

    @abstractmethod
    def pull_back(self, cotangent: Cotangent, values: Tensor, iteration: int) -> None:
        """Take the cotangent back through one iteration, in place.

        Parameters
        ----------
        cotangent
            Gradients by what the iteration leaves; by what it finds, afterwards.
        values
            What the iteration shrank (``tape``), (K, y, x).
        iteration
            Its number, from 0.
        """

    @abstractmethod
    def state(self) -> tuple[Tensor, ...]:
        """Return copies of what the next iteration depends on."""

    @abstractmethod
    def restore(self, state: tuple[Tensor, ...], iteration: int) -> None:
        """Go back to a state; the tensors are taken over."""

    def advance(self) -> None:
        """Do one iteration without a look at it."""
        self._advance()
        self.iteration += 1

    def advance_taped(self) -> Tensor:
        """Do one iteration and return what it shrank (K, y, x), for `pull_back`."""
        tape = self._tape = torch.empty_like(self._codes)
        self.advance()
        self._tape = None
        return tape

    def start_back(self, gradient: Tensor) -> Cotangent:
        """Return the cotangent for a gradient by the final codes (K, y, x)."""
        codes = gradient * self._scales[:, None, None]
        empty = torch.zeros_like(self._thresholds)
        return Cotangent(codes, torch.zeros_like(codes), empty, torch.zeros_like(self.spectrum))

    def finish_back(self, cotangent: Cotangent) -> tuple[Tensor, Tensor]:
        """Return the gradients by maps (K, y, x) and by the data spectrum (y, x)."""
        maps = cotangent.thresholds * self._scales[:, None, None]
        return maps, self._band.scatter(cotangent.spectrum)

    @torch.inference_mode()
    def step(self) -> SolverStatus:
        """Do one iteration.

        Raises
        ------
        CscError
            If the iterates are no longer finite.
        """
        previous = self.spectrum
        penalty = self._advance()
        self.iteration += 1
        change = torch.linalg.vector_norm(self.spectrum - previous)
        size = torch.linalg.vector_norm(self.spectrum).clamp_min(1e-30)
        objective = self._data.misfit(self.spectrum) + penalty
        status = SolverStatus(self.iteration, torch.stack([objective, change / size]))
        if self.spectrum.device.type == "cpu" or self.iteration % _LOOK_EVERY == 0:
            self.check_finite(status)
        return status

    def check_finite(self, status: SolverStatus) -> None:
        """Raise `CscError` if the iterates are no longer finite."""
        if not math.isfinite(status.objective):
            raise CscError(
                f"The reconstruction became infinite in iteration {status.iteration}; check the "
                "scaling of the data and the sparsity level maps."
            )

    @torch.inference_mode()
    def image(self) -> Tensor:
        """Return the current sparse part ``D s``, (y, x) complex, with all its frequencies."""
        return self.part(slice(0, len(self._spectra)))

    @torch.inference_mode()
    def part(self, filters: slice) -> Tensor:
        """Return what some filters contribute to the image, (y, x) complex."""
        spectrum = self._spectra.new_zeros(self._spectra.shape[1:])
        start, stop, _ = filters.indices(len(self._spectra))
        for first in range(start, stop, self._block):
            block = slice(first, min(first + self._block, stop))
            scaled = torch.fft.fft2(self._codes[block], norm="ortho").mul_(self._spectra[block])
            weights = self._scales[block].to(scaled.dtype)
            spectrum += torch.tensordot(weights, scaled, dims=1)
        return torch.fft.ifft2(spectrum, norm="ortho")

    @torch.inference_mode()
    def fit(self) -> None:
        """Replace the codes by those that fit the data; the last thing to do.

        One more update of the copy that ADMM fits to the data, with what noise cannot explain
        given back; see `napari_csc.core.solvers.fit`.
        """
        target, correction, power = self._fitted(self._data)
        mirrored = self._band.mirrored(correction)
        for block in self._blocks():
            centre = self._centre(block).add_(self._analysed(block, mirrored))
            self._codes[block] = centre
        self.spectrum = target + power * correction
        if self._forbidden is not None:
            self._codes.masked_fill_(self._forbidden, 0)
            self.spectrum = torch.zeros_like(self.spectrum)
            for block in self._blocks():
                self._add_synthesised(self._codes[block], block, self.spectrum)

    @torch.inference_mode()
    def fitted_image(self) -> Tensor:
        """Return the image (y, x) that `fit` would leave, without a change of anything."""
        # A copy, because the inner solver of coils goes on from its last solution.
        _, correction, power = self._fitted(copy.copy(self._data))
        spectrum = self._band.scatter(power * correction)
        for block in self._blocks():
            codes = torch.fft.fft2(self._centre(block), norm="ortho").mul_(self._spectra[block])
            weights = self._scales[block].to(codes.dtype)
            spectrum += torch.tensordot(weights, codes, dims=1)
        return torch.fft.ifft2(spectrum, norm="ortho")

    def _fitted(self, data: DataTerm) -> tuple[Tensor, Tensor, Tensor]:
        """Return, on the band, spectrum of the centre, correction, and power of the filters."""
        target = self._centre_spectrum()
        power = torch.zeros_like(target.real)
        for filters in self._on_band:
            power += torch.view_as_real(filters).square().sum(-1)
        correction = data.penalised_residual(target, power)
        shape = (self._spectra.shape[-2], self._spectra.shape[-1])
        rings = self._band.gather(ring_numbers(shape, target.device))
        share = unexplained_share(correction, data.noise, rings)
        correction = with_what_is_unexplained(correction, power, share, data.norm_squared)
        return target, correction, power

    def _centre(self, block: slice) -> Tensor:
        """Return a copy of the codes that the fit stays near to, of a block of filters."""
        return self._codes[block].clone()

    def _centre_spectrum(self) -> Tensor:
        """Return the spectrum of what they synthesise, on the band."""
        return self.spectrum

    def spectrum_on_grid(self) -> Tensor:
        """Return the unitary spectrum of ``D s`` (y, x), zero outside the band of the data."""
        return self._band.scatter(self.spectrum)

    def _blocks(self) -> list[slice]:
        count = len(self._spectra)
        return [
            slice(start, min(start + self._block, count)) for start in range(0, count, self._block)
        ]

    def _analysed(self, block: slice, mirrored: Tensor) -> Tensor:
        """Return ``D_k^H`` of an image for the filters of a block.

        The image comes as its unitary spectrum on the band, mirrored: because filters are real,
        ``IFFT(conj(d^) x^)`` is ``FFT`` of ``d^(w) x^(-w)``, which needs no conjugation.
        """
        spectra = self._on_band[block]
        padded = self._padded[: len(spectra)]
        for (rows, columns), (top, left) in self._band.pieces:
            piece = padded[:, rows, columns]
            torch.mul(spectra[:, top, left], mirrored[top, left], out=piece)
        return torch.fft.fft2(padded, norm="ortho")

    def _add_synthesised(self, codes: Tensor, block: slice, total: Tensor) -> None:
        """Add the spectrum of ``D_k s_k`` of a block of codes to ``total``, on the band."""
        transformed = torch.fft.fft2(codes, norm="ortho")
        products = self._products[: len(codes)]
        spectra = self._on_band[block]
        for (rows, columns), (top, left) in self._band.pieces:
            piece = products[:, top, left]
            torch.mul(transformed[:, rows, columns], spectra[:, top, left], out=piece)
        total.add_(products.sum(0))

    def _shrink(self, values: Tensor, block: slice, out: Tensor) -> Tensor:
        """Write the soft-thresholded values of a block to ``out``; return their penalty."""
        if self._tape is not None:
            self._tape[block].copy_(values)
        return self._shrinkage(values, self._thresholds[block], out)

    def _pull_back_shrinkage(self, cotangent: Cotangent, values: Tensor, block: slice) -> None:
        self._shrinkage.pull_back(
            values[block],
            self._thresholds[block],
            cotangent.codes[block],
            cotangent.thresholds[block],
        )


def default_block_size(n_filters: int, pixels: int, device: torch.device) -> int:
    """Return how many filters go through the FFT at once: few on a CPU, all on accelerators."""
    if device.type != "cpu":
        return n_filters
    fitting = max(1, min(_MOST_FILTERS, _BLOCK_PIXELS // pixels))
    # A power of two, so that the threads share the transforms of a block evenly.
    return min(n_filters, 1 << (fitting.bit_length() - 1))
