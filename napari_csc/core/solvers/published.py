"""FISTA with the conventions of the authors' own code, to compare with what they publish."""

from __future__ import annotations

import torch

from napari_csc.core.options import Norm
from napari_csc.core.solvers.data_term import DataTerm
from napari_csc.core.solvers.fista import Fista
from napari_csc.core.solvers.smoothed import SmoothedShrinkage

Tensor = torch.Tensor

IMAGE_MAXIMUM = 10.0
"""To which the authors scale their images; their smoothing of the threshold is in these units."""
SMOOTHING = 1e-3
STEP = 0.9
"""Share of ``1 / L``; the threshold is ``Lambda / L`` all the same."""
POWER_ITERATIONS = 16


def late_momentum(iteration: int) -> float:
    """Return the momentum ``(n - 1) / (n + 2)`` after ``n`` finished iterations."""
    return (iteration - 1) / (iteration + 2) if iteration > 0 else 0.0


class PublishedFista(Fista):
    """FISTA as the authors run it.

    It differs from `Fista` by a smoothed threshold, by thresholds of ``Lambda / L`` beside steps
    of ``0.9 / L``, by ``L`` from 16 power iterations, some per cent low, and by a momentum that
    is one iteration late.

    Parameters
    ----------
    spectra, data, maps, norm, block_size
        See `BlockedSolver`.
    maximum
        Largest magnitude of the initial image, in the units of the data.

    References
    ----------
    Schulz et al., arXiv 2602.21707 (their code); docs/as_published.md.
    """

    can_go_on = False

    def __init__(
        self,
        spectra: Tensor,
        data: DataTerm,
        maps: Tensor,
        maximum: float,
        norm: Norm = "real-imaginary",
        block_size: int | None = None,
    ) -> None:
        step = STEP / power_norm(spectra, data)
        steps = maps.new_full((len(spectra),), step)
        super().__init__(spectra, data, maps / STEP, steps, norm, late_momentum, block_size)
        # In the units of this solver, where codes are divided by the root of the step.
        smoothing = SMOOTHING * (maximum / IMAGE_MAXIMUM) ** 2 / step
        self._shrinkage = SmoothedShrinkage(norm, self._shrinkage.scratch, smoothing)


@torch.inference_mode()
def power_norm(spectra: Tensor, data: DataTerm, iterations: int = POWER_ITERATIONS) -> float:
    """Return ``||A D||^2`` by a few power iterations on codes, from noise.

    All is done on images, since codes are ``D^H`` of one after the first step; so the order of the
    filters does not matter. The noise is always the same.

    Parameters
    ----------
    spectra
        Filter spectra (K, y, x).
    data
        The data misfit.
    iterations
        How often codes are multiplied by ``D^H A^H A D`` before the norm is taken.
    """
    data = data.without_data()
    power = torch.view_as_real(spectra).square().sum(-1).sum(0)
    image = starting_image(power)
    size = 0.0
    for _ in range(iterations + 1):
        image = data.residual(image)
        # ||D^H w||, which is what the codes are divided by.
        size = float((power * torch.view_as_real(image).square().sum(-1)).sum().sqrt())
        if size == 0:
            return 1.0
        image = image / size * power
    return size


def starting_image(power: Tensor) -> Tensor:
    """Return the spectrum (y, x) that the power iterations begin with: what white codes make."""
    draws = torch.randn((*power.shape, 2), generator=torch.Generator().manual_seed(0))
    return power.sqrt() * torch.view_as_complex(draws).to(power.device)
