"""FISTA as a differentiable function of the maps, for batches of images (training, tests)."""

import torch

from napari_csc.core.data_term import CartesianDataTerm
from napari_csc.core.prox import Norm, soft_threshold
from napari_csc.core.solvers.fista import Momentum, chambolle_dossal
from napari_csc.core.synthesis import SynthesisOperator

Tensor = torch.Tensor


def unrolled_fista(
    synthesis: SynthesisOperator,
    data: CartesianDataTerm,
    maps: Tensor,
    steps: Tensor,
    iterations: int,
    norm: Norm = "modulus",
    gradient_iterations: int | None = None,
    momentum: Momentum = chambolle_dossal,
) -> Tensor:
    """Return the codes (..., K, y, x) after some iterations, differentiable in ``maps``.

    The same iteration as `napari_csc.core.solvers.Fista`, written plainly.

    Parameters
    ----------
    synthesis
        The dictionary on the image grid.
    data
        Data term with spectra (..., y, x).
    maps
        Sparsity level maps (..., K, y, x).
    steps
        Step size per filter (K,).
    iterations
        Number of iterations from zero codes.
    norm
        ``"modulus"`` or ``"real-imaginary"``.
    gradient_iterations
        Differentiate only through this many last iterations (truncated back-propagation).
    momentum
        Extrapolation weight after n finished iterations.
    """
    tracked = iterations if gradient_iterations is None else min(gradient_iterations, iterations)
    sizes = steps[:, None, None]
    codes = torch.zeros(maps.shape, dtype=synthesis.spectra.dtype, device=maps.device)
    previous = codes
    for iteration in range(iterations):
        weight = momentum(iteration)
        with torch.set_grad_enabled(torch.is_grad_enabled() and iteration >= iterations - tracked):
            point = codes + weight * (codes - previous) if weight else codes
            gradient = synthesis.from_spectrum(data.residual(synthesis.to_spectrum(point)))
            previous = codes
            codes = soft_threshold(point - sizes * gradient, sizes * maps, norm)
    return codes
