"""The filters of a reconstruction: the dictionary, and the smooth filters behind it."""

import torch

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.smooth_modes import SMOOTH_MODES
from napari_csc.core.dictionary.spectra import per_filter_steps, uniform_steps
from napari_csc.core.options import GAUSSIAN_WIDTHS, Smooth, StepRule

Tensor = torch.Tensor


def filter_set(
    dictionary: Dictionary, smooth: Smooth, widths: tuple[float, ...] = GAUSSIAN_WIDTHS
) -> Tensor:
    """Return the filters (K [+ smooth], ky, kx), zero-padded to one size, smooth ones last.

    ``widths`` are those of the smooth filters; see
    `napari_csc.core.dictionary.smooth_part.gaussian_filters`.
    """
    return SMOOTH_MODES[smooth].joined(dictionary.filters, widths)


def step_sizes(spectra: Tensor, rule: StepRule, operator_norm_squared: float = 1.0) -> Tensor:
    """Return the step sizes (K,) by a rule; both keep FISTA inside its convergence bound."""
    if rule == "uniform":
        return uniform_steps(spectra, operator_norm_squared)
    return per_filter_steps(spectra, operator_norm_squared)
