"""FISTA for one slice, as a steppable algorithm on preallocated buffers."""

from collections.abc import Callable

import torch

from napari_csc.core.options import Norm
from napari_csc.core.solvers.blocked import BlockedSolver, Cotangent
from napari_csc.core.solvers.data_term import DataTerm

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
        self._previous = torch.zeros_like(self._codes)
        self._previous_spectrum = torch.zeros_like(self.spectrum)

    def _advance(self) -> Tensor:
        weight = self._momentum(self.iteration)
        extrapolated = torch.lerp(self._previous_spectrum, self.spectrum, 1 + weight)
        residual = self._band.mirrored(self._data.residual(extrapolated))
        following = torch.zeros_like(self.spectrum)
        penalty = self._thresholds.new_zeros(())
        for block in self._blocks():
            old, new = self._codes[block], self._previous[block]
            point = torch.view_as_real(new)
            torch.lerp(point, torch.view_as_real(old), 1 + weight, out=point)
            new.sub_(self._analysed(block, residual))
            penalty += self._shrink(new, block, out=new)
            self._add_synthesised(new, block, following)
        self._codes, self._previous = self._previous, self._codes
        self._previous_spectrum, self.spectrum = self.spectrum, following
        return penalty

    def pull_back(self, cotangent: Cotangent, values: Tensor, iteration: int) -> None:
        """Take the cotangent back through one iteration; see `BlockedSolver.pull_back`."""
        total = torch.zeros_like(self.spectrum)
        for block in self._blocks():
            self._pull_back_shrinkage(cotangent, values, block)
            self._add_synthesised(cotangent.codes[block], block, total)
        cotangent.spectrum.add_(total)
        mirrored = self._band.mirrored(self._data.without_data().residual(total))
        weight = self._momentum(iteration)
        for block in self._blocks():
            point, carry = cotangent.codes[block], cotangent.carry[block]
            point.sub_(self._analysed(block, mirrored))
            carry.add_(point, alpha=1 + weight)
            point.mul_(-weight)
        cotangent.codes, cotangent.carry = cotangent.carry, cotangent.codes

    def state(self) -> tuple[Tensor, ...]:
        """Return the last two codes and their spectra."""
        kept = (self._codes, self._previous, self.spectrum, self._previous_spectrum)
        return tuple(one.clone() for one in kept)

    def restore(self, state: tuple[Tensor, ...], iteration: int) -> None:
        """Go back to a state; see `BlockedSolver.restore`."""
        self._codes, self._previous, self.spectrum, self._previous_spectrum = state
        self.iteration = iteration
