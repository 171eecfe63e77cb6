"""Soft thresholding for complex codes: the prox of the weighted l1 norm, and its derivative."""

from __future__ import annotations

import torch

from napari_csc.core.options import Norm

Tensor = torch.Tensor
# Thresholds are kept above this, so that the division below never sees 0 / 0.
SMALLEST_THRESHOLD = 1e-30


class Shrinkage:
    """The prox of ``sum thresholds * |codes|``, in place on blocks of codes.

    Parameters
    ----------
    norm
        ``"modulus"`` shrinks the complex modulus and keeps the phase;
        ``"real-imaginary"`` shrinks real and imaginary part apart, as in the papers.
    scratch
        Two real tensors (largest block, y, x) to work in.
    """

    def __init__(self, norm: Norm, scratch: tuple[Tensor, Tensor]) -> None:
        self._norm = norm
        self.scratch = self._scratch = scratch
        self._one = scratch[0].new_ones(())

    def __call__(self, values: Tensor, thresholds: Tensor, out: Tensor) -> Tensor:
        """Write the shrunk values to ``out`` (``values`` itself, if wanted).

        Parameters
        ----------
        values
            Complex (k, y, x).
        thresholds
            Real (k, y, x), at least `SMALLEST_THRESHOLD`.

        Returns
        -------
        Tensor
            ``sum thresholds * |out|``, a scalar.
        """
        if self._norm == "modulus":
            return self._modulus(values, thresholds, out)
        if out is not values:
            out.copy_(values)
        clipped, below = (one[: len(out)] for one in self._scratch)
        torch.neg(thresholds, out=below)
        parts = torch.view_as_real(out).unbind(-1)
        for part in parts:
            torch.clamp(part, below, thresholds, out=clipped)
            part.sub_(clipped)
        torch.abs(parts[0], out=clipped)
        clipped.add_(parts[1].abs())
        return torch.dot(clipped.view(-1), thresholds.view(-1))

    def _modulus(self, values: Tensor, thresholds: Tensor, out: Tensor) -> Tensor:
        moduli, factors = (one[: len(out)] for one in self._scratch)
        real, imaginary = torch.view_as_real(values).unbind(-1)
        # Three times as fast as abs, which guards against overflow beyond 1e19.
        torch.mul(real, real, out=moduli)
        moduli.addcmul_(imaginary, imaginary).sqrt_()
        torch.addcdiv(self._one, thresholds, moduli, value=-1, out=factors)
        factors.clamp_(min=0)
        torch.mul(values, factors, out=out)
        return torch.dot(moduli.mul_(factors).view(-1), thresholds.view(-1))

    def pull_back(
        self, values: Tensor, thresholds: Tensor, gradient: Tensor, to_thresholds: Tensor
    ) -> None:
        """Turn the gradient by the shrunk values into that by the values, in place.

        What belongs to the thresholds is added to ``to_thresholds``, real (k, y, x).
        """
        if self._norm == "modulus":
            self._pull_back_modulus(values, thresholds, gradient, to_thresholds)
            return
        parts = zip(
            torch.view_as_real(values).unbind(-1),
            torch.view_as_real(gradient).unbind(-1),
            strict=True,
        )
        for value, slope in parts:
            slope.mul_(value.abs() > thresholds)
            to_thresholds.addcmul_(value.sgn(), slope, value=-1)

    def _pull_back_modulus(
        self, values: Tensor, thresholds: Tensor, gradient: Tensor, to_thresholds: Tensor
    ) -> None:
        moduli, radial = (one[: len(values)] for one in self._scratch)
        real, imaginary = torch.view_as_real(values).unbind(-1)
        slope_real, slope_imaginary = torch.view_as_real(gradient).unbind(-1)
        torch.mul(real, real, out=moduli)
        moduli.addcmul_(imaginary, imaginary).sqrt_()
        torch.mul(real, slope_real, out=radial)
        radial.addcmul_(imaginary, slope_imaginary)
        # Below the threshold everything is zero; there the ratio is cut off at one.
        ratio = thresholds / torch.maximum(moduli, thresholds)
        moduli.clamp_(min=SMALLEST_THRESHOLD)
        radial.div_(moduli).mul_(ratio < 1)
        to_thresholds.sub_(radial)
        radial.mul_(ratio).div_(moduli)
        ratio.neg_().add_(1)
        gradient.mul_(ratio)
        slope_real.addcmul_(real, radial)
        slope_imaginary.addcmul_(imaginary, radial)
