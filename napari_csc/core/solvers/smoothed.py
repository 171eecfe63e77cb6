"""A smoothed soft threshold, which leaves no code exactly at zero."""

from __future__ import annotations

import torch

from napari_csc.core.options import Norm
from napari_csc.core.solvers.prox import Parts, Shrinkage
from napari_csc.errors import CscError

Tensor = torch.Tensor


class SmoothedShrinkage(Shrinkage):
    """``t + (sqrt((t - l)^2 + b) - sqrt((t + l)^2 + b)) / 2`` in place of the soft threshold.

    Parameters
    ----------
    norm
        ``"modulus"``: of the modulus, with the phase kept; ``"real-imaginary"``: of both parts.
    scratch
        Two real tensors (largest block, y, x) to work in.
    smoothing
        The constant ``b``, in squared units of the values.

    References
    ----------
    Schulz et al., arXiv 2602.21707 (their code).
    """

    def __init__(self, norm: Norm, scratch: tuple[Tensor, Tensor], smoothing: float) -> None:
        super().__init__(norm, scratch)
        self._smoothing = smoothing

    def _factor(self, parts: Parts, thresholds: Tensor, out: Tensor) -> Tensor:
        moduli = self.scratch[0][: len(thresholds)]
        self._moduli(parts, moduli)
        below = (moduli - thresholds).square_().add_(self._smoothing).sqrt_()
        above = (moduli + thresholds).square_().add_(self._smoothing).sqrt_()
        # The difference of the roots by their sum, which loses no digits.
        torch.div(thresholds, below.add_(above), out=out)
        out.mul_(-2).add_(1)
        return torch.dot(moduli.mul_(out).view(-1), thresholds.view(-1))

    def pull_back_parts(
        self, parts: Parts, thresholds: Tensor, slopes: Parts, to_thresholds: Tensor
    ) -> None:
        """Refuse: no network is trained through it here."""
        raise CscError("No network can be trained through the smoothed threshold.")
