"""A smoothed soft threshold, which leaves no code exactly at zero."""

from __future__ import annotations

import torch

from napari_csc.core.options import Norm
from napari_csc.core.solvers.prox import Shrinkage
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

    def __call__(self, values: Tensor, thresholds: Tensor, out: Tensor) -> Tensor:
        """Write the shrunk values to ``out``; see `Shrinkage`."""
        if self._norm == "modulus":
            moduli = values.abs()
            shrunk = self._shrunk(moduli, thresholds)
            torch.mul(values, shrunk / moduli.clamp_min(1e-30), out=out)
            return torch.dot(shrunk.abs().view(-1), thresholds.view(-1))
        parts = torch.view_as_real(values)
        shrunk = self._shrunk(parts, thresholds[..., None])
        torch.view_as_real(out).copy_(shrunk)
        return torch.dot(shrunk.abs().sum(-1).view(-1), thresholds.view(-1))

    def _shrunk(self, values: Tensor, thresholds: Tensor) -> Tensor:
        below = (values - thresholds).square_().add_(self._smoothing).sqrt_()
        above = (values + thresholds).square_().add_(self._smoothing).sqrt_()
        # The difference of the roots by their product, which loses no digits.
        return values - 2 * values * thresholds / (below + above)

    def pull_back(
        self, values: Tensor, thresholds: Tensor, gradient: Tensor, to_thresholds: Tensor
    ) -> None:
        """Refuse: no network is trained through it here."""
        raise CscError("No network can be trained through the smoothed threshold.")
