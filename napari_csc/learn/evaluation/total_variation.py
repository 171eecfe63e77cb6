"""Total variation by mrpro, as the classical method that needs no dictionary."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.triton_guard import keep_triton_out

Tensor = torch.Tensor

ITERATIONS = 200


def total_variation(acquisition: Acquisition, weight: float) -> Tensor:
    """Return the image (y, x) with the least total variation.

    ``1/2 ||A x - y||^2 + weight * sigma * ||grad x||_1``, real and imaginary part apart, by
    mrpro's primal-dual hybrid gradient.
    """
    keep_triton_out()
    from mrpro.algorithms.optimizers import pdhg
    from mrpro.operators import (
        FiniteDifferenceOp,
        LinearOperatorMatrix,
        ProximableFunctionalSeparableSum,
    )
    from mrpro.operators.functionals import L1NormViewAsReal, L2NormSquared, ZeroFunctional

    sigma = acquisition.noise_std
    mask = torch.fft.ifftshift(acquisition.mask).float()
    initial = acquisition.adjoint()[0] / sigma
    data = torch.fft.fft2(initial, norm="ortho") * mask
    operator = LinearOperatorMatrix(
        ((masked_fourier()(mask),), (FiniteDifferenceOp(dim=(-2, -1), mode="forward"),))
    )
    misfit = 0.5 * L2NormSquared(target=data, divide_by_n=False)
    penalty = weight * L1NormViewAsReal(divide_by_n=False)
    (image,) = pdhg(
        f=ProximableFunctionalSeparableSum(misfit, penalty),
        g=ZeroFunctional(),
        operator=operator,
        initial_values=(initial,),
        max_iterations=ITERATIONS,
    )
    return image * sigma


@cache
def masked_fourier() -> Callable[[Tensor], Any]:
    """Return the class of an mrpro operator: unitary FFT and sampling mask, `torch.fft` order."""
    keep_triton_out()
    from mrpro.operators.LinearOperator import LinearOperator

    class MaskedFourier(LinearOperator):
        """Unitary FFT and sampling mask, in `torch.fft` order."""

        def __init__(self, mask: Tensor) -> None:
            super().__init__()
            self.mask = mask

        def forward(self, x: Tensor) -> tuple[Tensor]:
            return (torch.fft.fft2(x, norm="ortho") * self.mask,)

        def adjoint(self, x: Tensor) -> tuple[Tensor]:
            return (torch.fft.ifft2(x * self.mask, norm="ortho"),)

    return MaskedFourier
