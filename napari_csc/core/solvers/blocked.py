"""What the steppable solvers share: codes in blocks, the Fourier path, the shrinkage in place."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch

from napari_csc.core.options import Norm
from napari_csc.core.solvers.data_term import CartesianDataTerm, DataTerm
from napari_csc.core.solvers.fit import last_fit
from napari_csc.core.solvers.frequency_band import FrequencyBand
from napari_csc.core.solvers.pairs import (
    FilterPairs,
    apart,
    default_block_size,
    image_of,
    joined,
    packed,
    paired,
    parts_of,
    unpacked,
)
from napari_csc.core.solvers.prox import SMALLEST_THRESHOLD, Shrinkage
from napari_csc.core.solvers.status import SolverStatus, not_finite
from napari_csc.errors import CscError

Tensor = torch.Tensor

# A threshold that no code comes near, and whose product with zero is zero.
_OUT_OF_REACH = 1e30
# Iterations that are as good as convergence: another solver has done them.
_MANY = 1000


@dataclass(eq=False)
class Cotangent:
    """Gradients on the way back through the iterations, in the units of the solver.

    Attributes
    ----------
    codes : Tensor
        By the codes after the iteration at hand, in pairs.
    carry : Tensor
        By the other stack that the solver keeps, in pairs.
    thresholds : Tensor
        By the thresholds, summed over the iterations so far, (pairs, 2 y x).
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
    formed on the band that the data reach; and two filters share a complex number, see
    `napari_csc.core.solvers.pairs`. Nothing as large as a code stack is allocated in an iteration.

    Several images of one mask can go through at once, each by itself: codes, spectra and figures
    then have an axis n in front of y and x, or in the end. The way back is for one image only.

    Parameters
    ----------
    spectra
        Filter spectra (K, y, x) complex, from `napari_csc.core.dictionary.spectra.filter_spectra`;
        for several images at once (K, 1, y, x).
    data
        The data misfit.
    maps
        Sparsity level maps ``Lambda`` (K, y, x), not negative; of several images (K, n, y, x).
    scales
        The scale ``a_k`` of each filter (K,), positive; for each image (K, n).
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
        n_filters, images = len(spectra), scales.shape[1:]
        self._grid: tuple[int, ...] = (*images, *spectra.shape[-2:])
        self._spectra, self._scales = spectra, scales
        self._band, self._data = data.band, data.on_band()
        at_once = block_size or default_block_size(n_filters, math.prod(self._grid), spectra.device)
        self._pairs = FilterPairs(spectra, scales, self._band, (at_once + 1) // 2)
        self._thresholds = self._thresholds_of(maps)
        size = (self._pairs.at_once, self._thresholds.shape[1])
        scratch = (maps.new_empty(size), maps.new_empty(size))
        self._shrinkage = Shrinkage(norm, scratch, images)
        self.spectrum = spectra.new_zeros(*images, *self._band.size)
        """Unitary spectrum of ``D s`` on the band."""
        self.iteration = 0
        self._earlier = 0
        """Iterations before those that count, with other maps or another dictionary."""
        self._tape: Tensor | None = None
        self._forbidden: Tensor | None = None
        self.given_momentum: Tensor | None = None
        """The momentum as a tensor (), where iterations are recorded to be played again."""

    def _thresholds_of(self, maps: Tensor) -> Tensor:
        found = paired(maps, self._scales).clamp_(min=SMALLEST_THRESHOLD)
        if len(maps) % 2:
            # The filter that is missing in the last pair keeps clear of rounding errors.
            found[-1, 1::2] = _OUT_OF_REACH
        return found

    @property
    def nbytes(self) -> int:
        """Bytes of all that it holds, without the inner solver of the data term."""
        held = [*vars(self).values(), *vars(self._pairs).values()]
        return sum(one.nbytes for one in held if isinstance(one, Tensor))

    @property
    def codes(self) -> Tensor:
        """The sparse codes ``s`` (K, y, x), complex."""
        found = self._spectra.new_empty(len(self._spectra), *self._grid)
        self.write_codes(found)
        return found

    @torch.inference_mode()
    def write_codes(self, out: Tensor) -> None:
        """Write the codes of the first filters into a tensor (n, y, x), on any device."""
        for block in self._pairs.blocks():
            start, stop = 2 * block.start, min(2 * block.stop, len(out))
            if start >= stop:
                return
            found = self._spectra.new_empty(stop - start, *self._grid)
            unpacked(self._current(block), found)
            torch.view_as_real(found).mul_(self._scales[start:stop][..., None, None, None])
            out[start:stop] = found.to(out.device)

    @abstractmethod
    def _current(self, pairs: slice) -> Tensor:
        """Return the codes of some pairs, in units of the scales, (pairs, 2, y, x)."""

    @abstractmethod
    def _replace(self, pairs: slice, codes: Tensor) -> None:
        """Put other codes in the place of those of some pairs."""

    @torch.inference_mode()
    def begin_from(self, codes: Tensor, pull: Tensor | None = None) -> None:
        """Begin with codes (K, y, x) in place of zeros, such as those of a problem much like this.

        It costs about as much as an iteration. ``pull`` is what `pull` gave with them, if anything.
        Codes that are forbidden here begin with zero.
        """
        scales = self._scales[..., None, None]
        if self._forbidden is not None:
            count, *shape = codes.shape
            numbers = self._forbidden.to(self._thresholds.dtype)
            places = apart(numbers, count, tuple(shape)) > 0
            codes = codes.masked_fill(places, 0)
            pull = None if pull is None else pull.masked_fill(places, 0)
        there = None if pull is None else packed(pull * scales)
        self._earlier = _MANY
        self._begin_from(packed(codes / scales), there)

    can_go_on: ClassVar[bool] = True
    """Whether `go_on_with` will do: the thresholds depend on maps and norm as usual."""

    fits_at_once: ClassVar[bool] = False
    """Whether the fitted image is the better one soon after the maps have changed."""

    @torch.inference_mode()
    def go_on_with(self, maps: Tensor, norm: Norm, forbidden: Tensor | None = None) -> None:
        """Take other maps (K, y, x), another norm or other places to forbid, and go on from here.

        Scales stay as they are, so that it need not come as fast to the end as if it had been
        built for them. Much faster than to build another solver and to `begin_from`.
        """
        self._thresholds, self._forbidden = self._thresholds_of(maps), None
        self._shrinkage = Shrinkage(norm, self._shrinkage.scratch, self._scales.shape[1:])
        if forbidden is not None:
            self.forbid(forbidden)
        self._earlier += self.iteration
        self.iteration = 0
        self._follow()

    @abstractmethod
    def _follow(self) -> None:
        """Let codes and spectrum follow other thresholds."""

    @abstractmethod
    def _begin_from(self, codes: Tensor, pull: Tensor | None) -> None:
        """Begin with codes in pairs, in units of the scales."""

    def pull(self) -> Tensor | None:
        """Return what has pulled at the codes so far (K, y, x), if the solver keeps it.

        With it another solver can go on where this one is, and not only from its codes.
        """
        return None

    def _spectrum_of(self, codes: Tensor) -> Tensor:
        """Return the spectrum of what codes in pairs synthesise, on the band."""
        total = self._pairs.new_sum()
        for block in self._pairs.blocks():
            self._pairs.add_synthesised(codes[block], block, total)
        return self._pairs.synthesised(total)

    def forbid(self, places: Tensor) -> None:
        """Keep codes at zero where (K, y, x) is True; before the first iteration.

        Thresholds that nothing reaches do so in every iteration, and `fit` leaves these codes
        alone. Penalties stay as the maps make them, so that codes elsewhere converge as before.
        """
        numbers = places.to(self._thresholds.dtype)
        self._forbidden = paired(numbers, torch.ones_like(self._scales)) > 0
        self._thresholds.masked_fill_(self._forbidden, _OUT_OF_REACH)

    @abstractmethod
    def _advance(self) -> Tensor:
        """Do one iteration, leaving codes and ``spectrum``; return ``||Lambda . s||_1``."""

    @abstractmethod
    def pull_back(self, cotangent: Cotangent, values: Tensor, iteration: int) -> None:
        """Take the cotangent back through one iteration, in place.

        Parameters
        ----------
        cotangent
            Gradients by what the iteration leaves; by what it finds, afterwards.
        values
            What the iteration shrank (``tape``), in pairs.
        iteration
            Its number, from 0.
        """

    moving: ClassVar[tuple[str, ...]]
    """The attributes, all tensors, that the next iteration depends on and replaces."""

    def state(self) -> tuple[Tensor, ...]:
        """Return copies of what the next iteration depends on."""
        return tuple(getattr(self, name).clone() for name in self.moving)

    def restore(self, state: tuple[Tensor, ...], iteration: int) -> None:
        """Go back to a state; the tensors are taken over."""
        for name, one in zip(self.moving, state, strict=True):
            setattr(self, name, one)
        self.iteration = iteration

    can_be_recorded: ClassVar[bool] = False
    """Whether iterations are the same but for the tensors in `moving` and the momentum."""

    def momentum(self, iteration: int) -> float:
        """Return by how much an iteration, from 0, goes beyond the one before."""
        return 0.0

    def advance(self) -> None:
        """Do one iteration without a look at it."""
        self._advance()
        self.iteration += 1

    def advance_taped(self) -> Tensor:
        """Do one iteration and return what it shrank, in pairs, for `pull_back`."""
        tape = self._tape = self._spectra.new_empty(self._pairs.shape)
        self.advance()
        self._tape = None
        return tape

    def start_back(self, gradient: Tensor) -> Cotangent:
        """Return the cotangent for a gradient by the final codes (K, y, x)."""
        codes = packed(gradient * self._scales[:, None, None])
        empty = torch.zeros_like(self._thresholds)
        return Cotangent(codes, torch.zeros_like(codes), empty, torch.zeros_like(self.spectrum))

    def finish_back(self, cotangent: Cotangent) -> tuple[Tensor, Tensor]:
        """Return the gradients by maps (K, y, x) and by the data spectrum (y, x)."""
        n_filters, height, width = self._spectra.shape
        maps = apart(cotangent.thresholds, n_filters, (height, width))
        return maps * self._scales[:, None, None], self._band.scatter(cotangent.spectrum)

    @torch.inference_mode()
    def step(self) -> SolverStatus:
        """Do one iteration.

        Raises
        ------
        CscError
            If the iterates are no longer finite.
        """
        figures = self.figures_of_step()
        self.iteration += 1
        status = SolverStatus(self.iteration, figures)
        # An accelerator would have to wait for this look: there it is taken in the end.
        if self.spectrum.device.type == "cpu":
            self.check_finite(status)
        return status

    @property
    def is_several(self) -> bool:
        """Whether several images go through it at once."""
        return self._scales.ndim > 1

    @property
    def has_plain_data(self) -> bool:
        """Whether the data are those of one coil on a grid, which need no inner iterations."""
        return isinstance(self._data, CartesianDataTerm)

    @torch.inference_mode()
    def figures_of_step(self) -> Tensor:
        """Do one iteration that nobody counts; return objective and change of the image."""
        previous = self.spectrum
        penalty = self._advance()
        change = torch.linalg.vector_norm(self.spectrum - previous, dim=(-2, -1))
        size = torch.linalg.vector_norm(self.spectrum, dim=(-2, -1)).clamp_min(1e-30)
        objective = self._data.misfit(self.spectrum) + penalty
        return torch.stack([objective, change / size])

    def check_finite(self, status: SolverStatus) -> None:
        """Raise `CscError` if the iterates are no longer finite."""
        if not math.isfinite(status.objective):
            raise CscError(not_finite(status.iteration))

    @torch.inference_mode()
    def image(self) -> Tensor:
        """Return the current sparse part ``D s``, (y, x) complex, with all its frequencies."""
        return torch.fft.ifft2(self._on_grid(self._current), norm="ortho")

    @torch.inference_mode()
    def part(self, filters: slice) -> Tensor:
        """Return what some filters contribute to the image, (y, x) complex."""
        start, stop, _ = filters.indices(len(self._spectra))
        pairs = slice(start // 2, (stop + 1) // 2)
        codes = self._spectra.new_empty(stop - 2 * pairs.start, *self._grid)
        codes = unpacked(self._current(pairs), codes)[start - 2 * pairs.start :]
        scaled = torch.fft.fft2(codes, norm="ortho").mul_(self._spectra[start:stop])
        weights = self._scales[start:stop][..., None, None, None]
        total = torch.view_as_real(scaled).mul_(weights).sum(0)
        return torch.fft.ifft2(torch.view_as_complex(total), norm="ortho")

    @torch.inference_mode()
    def fit(self) -> None:
        """Replace the codes by those that fit the data; the last thing to do.

        One more update of the copy that ADMM fits to the data, with what noise cannot explain
        given back and a remainder of noise taken away; see `napari_csc.core.solvers.fit`.
        """
        correction, self.spectrum = self._fitted(self._data)
        halves = self._pairs.halves(correction)
        for block in self._pairs.blocks():
            self._replace(block, self._centre(block).add_(self._pairs.analysed(block, halves)))
        if self._forbidden is not None:
            self._take_out_forbidden()

    def _take_out_forbidden(self) -> None:
        """Set codes to zero where they are forbidden, and the spectrum to what is left."""
        total = self._pairs.new_sum()
        for block in self._pairs.blocks():
            codes = self._without_forbidden(self._current(block).clone(), block)
            self._replace(block, codes)
            self._pairs.add_synthesised(codes, block, total)
        self.spectrum = self._pairs.synthesised(total)

    def _without_forbidden(self, codes: Tensor, block: slice) -> Tensor:
        """Set codes of some pairs to zero where they are forbidden, and return them."""
        assert self._forbidden is not None
        there = self._forbidden[block].unflatten(1, (*self._grid, 2)).unsqueeze(1)
        torch.view_as_real(codes).masked_fill_(there, 0)
        return codes

    @torch.inference_mode()
    def fitted_image(self) -> Tensor:
        """Return the image (y, x) that `fit` would leave, without a change of anything."""
        # A copy, because the inner solver of coils goes on from its last solution.
        correction, _ = self._fitted(copy.copy(self._data))
        if self._forbidden is not None:
            halves = self._pairs.halves(correction)

            def left(block: slice) -> Tensor:
                codes = self._centre(block).add_(self._pairs.analysed(block, halves))
                return self._without_forbidden(codes, block)

            return torch.fft.ifft2(self._on_grid(left), norm="ortho")
        spectrum = self._on_grid(self._centre) + self._band.scatter(self._pairs.power * correction)
        return torch.fft.ifft2(spectrum, norm="ortho")

    def _on_grid(self, codes: Callable[[slice], Tensor]) -> Tensor:
        """Return the spectrum (y, x) of what codes synthesise, with all its frequencies."""
        total = self._spectra.new_zeros(2, *self._grid)
        for block in self._pairs.blocks():
            filters = slice(2 * block.start, 2 * block.stop)
            parts = torch.view_as_real(self._spectra[filters])
            spectra = torch.view_as_complex(
                parts * (0.5 * self._scales[filters][..., None, None, None])
            )
            transformed = torch.fft.fft2(codes(block), norm="ortho")
            total += transformed.mul_(joined(spectra, -1j).unsqueeze(1)).sum(0)
        return image_of(total, FrequencyBand.whole((total.shape[-2], total.shape[-1])))

    def _fitted(self, data: DataTerm) -> tuple[Tensor, Tensor]:
        """Return, on the band, the correction of the centre and the image of the fitted codes."""
        power, through = self._pairs.power, self._sums_have_been_through()
        return last_fit(self._centre_spectrum(), data, power, self._band, *through)

    def _centre(self, pairs: slice) -> Tensor:
        """Return a copy of the codes that the fit stays near to, of some pairs."""
        return self._current(pairs).clone()

    def _sums_have_been_through(self) -> tuple[int, float]:
        """Return iterations and over-relaxation of the running sums, if there are any."""
        return 0, 0.0

    def _centre_spectrum(self) -> Tensor:
        """Return the spectrum of what they synthesise, on the band."""
        return self.spectrum

    def spectrum_on_grid(self) -> Tensor:
        """Return the unitary spectrum of ``D s`` (y, x), zero outside the band of the data."""
        return self._band.scatter(self.spectrum)

    def _keep(self, values: Tensor, block: slice) -> None:
        """Keep what is about to be shrunk, where the way back will need it."""
        if self._tape is not None:
            self._tape[block].copy_(values)

    def _pull_back_shrinkage(self, cotangent: Cotangent, values: Tensor, block: slice) -> None:
        self._shrinkage.pull_back_parts(
            parts_of(values[block]),
            self._thresholds[block],
            parts_of(cotangent.codes[block]),
            cotangent.thresholds[block],
        )
