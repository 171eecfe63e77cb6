"""FISTA for one slice, as a steppable algorithm on preallocated buffers."""

from collections.abc import Callable

import torch

from napari_csc.core.options import Norm
from napari_csc.core.solvers.blocked import BlockedSolver, Cotangent
from napari_csc.core.solvers.data_term import DataTerm
from napari_csc.core.solvers.pairs import parts_of

Tensor = torch.Tensor
Momentum = Callable[[int], float]


def chambolle_dossal(iteration: int) -> float:
    """Return the momentum ``n / (n + 3)`` after ``n`` finished iterations.

    Chambolle & Dossal, JOTA 2015: the iterates themselves converge, not only the objective.
    """
    return iteration / (iteration + 3)


class Fista(BlockedSolver):
    """Accelerated proximal gradient descent.

    ``D s`` is cached and extrapolated instead of transforming a momentum stack; two code stacks
    are all that is stored.

    Parameters
    ----------
    spectra, data, maps, norm, block_size
        See `BlockedSolver`.
    steps
        One step size per filter (K,); ``max_w sum_k t_k |d^_k(w)|^2 <= 1 / ||A||^2``.
    momentum
        Extrapolation weight after n finished iterations.

    References
    ----------
    Beck & Teboulle, SIAM J. Imaging Sci. 2009; Schulz et al., arXiv 2602.21707.
    """

    moving = ("_codes", "_previous", "spectrum", "_previous_spectrum")
    can_be_recorded = True

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
        # With s_k = sqrt(t_k) u_k a step of size one in u is a step of size t_k in s_k.
        super().__init__(spectra, data, maps, steps.sqrt(), norm, block_size)
        self._momentum = momentum
        self._codes = spectra.new_zeros(self._pairs.shape)
        self._previous = torch.zeros_like(self._codes)
        self._previous_spectrum = torch.zeros_like(self.spectrum)

    def _current(self, pairs: slice) -> Tensor:
        return self._codes[pairs]

    def _replace(self, pairs: slice, codes: Tensor) -> None:
        self._codes[pairs] = codes

    def _begin_from(self, codes: Tensor, pull: Tensor | None) -> None:
        self._codes = codes
        self._previous = codes.clone()
        self.spectrum = self._previous_spectrum = self._spectrum_of(codes)

    def _follow(self) -> None:
        if self._forbidden is not None:
            self._take_out_forbidden()
        self._previous = self._codes.clone()
        self._previous_spectrum = self.spectrum

    def momentum(self, iteration: int) -> float:
        """Return by how much an iteration, from 0, goes beyond the one before."""
        return self._momentum(iteration)

    def _extrapolated(self, previous: Tensor, current: Tensor, out: Tensor) -> Tensor:
        """Write, and return, where complex values go by the momentum."""
        before, now, into = (torch.view_as_real(one) for one in (previous, current, out))
        if self.given_momentum is None:
            torch.lerp(before, now, 1 + self._momentum(self.iteration), out=into)
        else:
            torch.lerp(before, now, 1 + self.given_momentum, out=into)
        return out

    def _advance(self) -> Tensor:
        spectra = self._previous_spectrum, self.spectrum
        extrapolated = self._extrapolated(*spectra, torch.empty_like(self.spectrum))
        halves = self._pairs.halves(self._data.residual(extrapolated))
        following = self._pairs.new_sum()
        penalty = self._shrinkage.no_penalty()
        for block in self._pairs.blocks():
            old, new = self._codes[block], self._previous[block]
            response = self._pairs.analysed(block, halves)
            self._extrapolated(new, old, new).sub_(response)
            self._keep(new, block)
            parts = parts_of(new)
            penalty += self._shrinkage.shrink(parts, self._thresholds[block], parts)
            self._pairs.add_synthesised(new, block, following)
        self._codes, self._previous = self._previous, self._codes
        self._previous_spectrum = self.spectrum
        self.spectrum = self._pairs.synthesised(following)
        return penalty

    def pull_back(self, cotangent: Cotangent, values: Tensor, iteration: int) -> None:
        """Take the cotangent back through one iteration; see `BlockedSolver.pull_back`."""
        following = self._pairs.new_sum()
        for block in self._pairs.blocks():
            self._pull_back_shrinkage(cotangent, values, block)
            self._pairs.add_synthesised(cotangent.codes[block], block, following)
        total = self._pairs.synthesised(following)
        cotangent.spectrum.add_(total)
        halves = self._pairs.halves(self._data.without_data().residual(total))
        weight = self._momentum(iteration)
        for block in self._pairs.blocks():
            point, carry = cotangent.codes[block], cotangent.carry[block]
            point.sub_(self._pairs.analysed(block, halves))
            carry.add_(point, alpha=1 + weight)
            point.mul_(-weight)
        cotangent.codes, cotangent.carry = cotangent.carry, cotangent.codes
