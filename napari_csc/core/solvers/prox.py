"""Soft thresholding for complex codes: the prox of the weighted l1 norm, and its derivative."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from napari_csc.core.options import Norm

Tensor = torch.Tensor
Parts = Sequence[Tensor]
"""Real and imaginary parts."""

# Thresholds are kept above this, so that the division below never sees 0 / 0.
SMALLEST_THRESHOLD = 1e-30


class Shrinkage:
    """The prox of ``sum thresholds * |codes|``, in place on blocks of codes.

    It multiplies by a factor between 0 and 1: ``max(0, 1 - threshold / |code|)``.

    Parameters
    ----------
    norm
        ``"modulus"`` shrinks the complex modulus and keeps the phase;
        ``"real-imaginary"`` shrinks real and imaginary part apart, as in the papers.
    scratch
        Two real tensors as large as the real part of the largest block, to work in.
    images
        Nothing, or the number of images that a block holds one after the other for each filter:
        penalties are then summed for each.
    """

    def __init__(
        self, norm: Norm, scratch: tuple[Tensor, Tensor], images: tuple[int, ...] = ()
    ) -> None:
        self._images = images
        self._together = norm == "modulus"
        self.scratch = scratch
        self._one = scratch[0].new_ones(())

    @property
    def n_factors(self) -> int:
        """How many factors there are for a code: one, or one for each part."""
        return 1 if self._together else 2

    def no_penalty(self) -> Tensor:
        """Return the zero that penalties are added to."""
        return self.scratch[0].new_zeros(self._images)

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
        parts = torch.view_as_real(values).unbind(-1)
        return self.shrink(parts, thresholds, torch.view_as_real(out).unbind(-1))

    def shrink(self, parts: Parts, thresholds: Tensor, out: Parts) -> Tensor:
        """Do the same with real and imaginary parts, each of the shape of the thresholds."""
        factor = self.scratch[1][: len(thresholds)]
        penalty = self.no_penalty()
        for numbers in self._groups():
            penalty += self._factor([parts[i] for i in numbers], thresholds, factor)
            for i in numbers:
                torch.mul(parts[i], factor, out=out[i])
        return penalty

    def factors(self, parts: Parts, thresholds: Tensor, out: Tensor) -> Tensor:
        """Write the factors of shape (n_factors, ...); return the penalty of the rest."""
        penalty = self.no_penalty()
        for numbers, factor in zip(self._groups(), out, strict=True):
            penalty += self._factor([parts[i] for i in numbers], thresholds, factor)
        return penalty

    def before(self, parts: Parts, pull: Parts, thresholds: Tensor, out: Parts) -> None:
        """Write values that are shrunk to given ones: these, and of a pull what shrinking takes.

        Where a value is not zero it must have been larger by the threshold; where it is zero, it
        was the pull, as far as the threshold allows.
        """
        for numbers in self._groups():
            moduli, pulled = torch.empty_like(thresholds), torch.empty_like(thresholds)
            self._moduli([parts[i] for i in numbers], moduli)
            self._moduli([pull[i] for i in numbers], pulled)
            grown, left = 1 + thresholds / moduli, (thresholds / pulled).clamp_(max=1)
            for i in numbers:
                torch.where(moduli > 0, parts[i] * grown, pull[i] * left, out=out[i])

    def _groups(self) -> tuple[tuple[int, ...], ...]:
        """Return which parts are shrunk by one factor."""
        return ((0, 1),) if self._together else ((0,), (1,))

    def _factor(self, parts: Parts, thresholds: Tensor, out: Tensor) -> Tensor:
        moduli = self.scratch[0][: len(thresholds)]
        self._moduli(parts, moduli)
        torch.addcdiv(self._one, thresholds, moduli, value=-1, out=out)
        out.clamp_(min=0)
        shrunk = moduli.mul_(out)
        if not self._images:
            return torch.dot(shrunk.view(-1), thresholds.view(-1))
        return shrunk.mul_(thresholds).view(len(shrunk), *self._images, -1).sum((0, -1))

    def _moduli(self, parts: Parts, out: Tensor) -> None:
        if len(parts) == 1:
            torch.abs(parts[0], out=out)
            return
        # Three times as fast as abs, which guards against overflow beyond 1e19.
        torch.mul(parts[0], parts[0], out=out)
        out.addcmul_(parts[1], parts[1]).sqrt_()

    def pull_back(
        self, values: Tensor, thresholds: Tensor, gradient: Tensor, to_thresholds: Tensor
    ) -> None:
        """Turn the gradient by the shrunk values into that by the values, in place.

        What belongs to the thresholds is added to ``to_thresholds``, real (k, y, x).
        """
        parts = torch.view_as_real(values).unbind(-1)
        slopes = torch.view_as_real(gradient).unbind(-1)
        self.pull_back_parts(parts, thresholds, slopes, to_thresholds)

    def pull_back_parts(
        self, parts: Parts, thresholds: Tensor, slopes: Parts, to_thresholds: Tensor
    ) -> None:
        """Do the same with real and imaginary parts."""
        if self._together:
            self._pull_back_modulus(parts, thresholds, slopes, to_thresholds)
            return
        for value, slope in zip(parts, slopes, strict=True):
            slope.mul_(value.abs() > thresholds)
            to_thresholds.addcmul_(value.sgn(), slope, value=-1)

    def _pull_back_modulus(
        self, parts: Parts, thresholds: Tensor, slopes: Parts, to_thresholds: Tensor
    ) -> None:
        moduli, radial = (one[: len(thresholds)] for one in self.scratch)
        self._moduli(parts, moduli)
        torch.mul(parts[0], slopes[0], out=radial)
        radial.addcmul_(parts[1], slopes[1])
        # Below the threshold everything is zero; there the ratio is cut off at one.
        ratio = thresholds / torch.maximum(moduli, thresholds)
        moduli.clamp_(min=SMALLEST_THRESHOLD)
        radial.div_(moduli).mul_(ratio < 1)
        to_thresholds.sub_(radial)
        radial.mul_(ratio).div_(moduli)
        ratio.neg_().add_(1)
        for value, slope in zip(parts, slopes, strict=True):
            slope.mul_(ratio).addcmul_(value, radial)
