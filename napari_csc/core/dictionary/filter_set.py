"""The filters of a reconstruction: the dictionary, and the smooth filters behind it."""

import torch

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.smooth_part import gaussian_filters
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
    filters = dictionary.filters
    if smooth == "low-pass":
        return filters
    gaussians = gaussian_filters(widths).to(filters.device)
    size = max(*filters.shape[1:], *gaussians.shape[1:])
    return torch.cat([_pad(filters, size), _pad(gaussians, size)])


def step_sizes(spectra: Tensor, rule: StepRule, operator_norm_squared: float = 1.0) -> Tensor:
    """Return the step sizes (K,) by a rule; both keep FISTA inside its convergence bound."""
    if rule == "uniform":
        return uniform_steps(spectra, operator_norm_squared)
    return per_filter_steps(spectra, operator_norm_squared)


def _pad(filters: Tensor, size: int) -> Tensor:
    """Pad filters with zeros so that their centre pixel (size // 2) stays the centre."""
    padded = filters.new_zeros(len(filters), size, size)
    height, width = filters.shape[1:]
    top, left = size // 2 - height // 2, size // 2 - width // 2
    padded[:, top : top + height, left : left + width] = filters
    return padded
