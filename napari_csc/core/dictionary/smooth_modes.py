"""The smooth modes: what carries the smooth part of the image, as one small class each."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from napari_csc.core.dictionary.sizes import zero_padded
from napari_csc.core.dictionary.smooth_part import (
    gaussian_filters,
    low_pass_by_steps,
    low_pass_transfer,
    low_passed,
)
from napari_csc.core.options import Smooth

Tensor = torch.Tensor


class SmoothMode(ABC):
    """What carries the smooth part.

    Attributes
    ----------
    own_settings : tuple of str
        The settings that matter in this mode only.
    """

    own_settings: tuple[str, ...] = ()

    @abstractmethod
    def n_filters(self, widths: tuple[float, ...]) -> int:
        """Return how many smooth filters join the dictionary."""

    @abstractmethod
    def joined(self, filters: Tensor, widths: tuple[float, ...]) -> Tensor:
        """Return the filters (K, ky, kx) with the smooth ones behind them, of one size."""

    @abstractmethod
    def transfer(
        self, shape: tuple[int, int], weight: float | Tensor, device: torch.device
    ) -> Tensor | None:
        """Return the transfer function (y, x) of the part that is fixed; None if none is."""

    def fixed_part(self, image: Tensor, weight: float) -> Tensor | None:
        """Return the part of an image (y, x) that no code may change; None if there is none."""
        transfer = self.transfer((image.shape[-2], image.shape[-1]), weight, image.device)
        return None if transfer is None else low_passed(image, transfer)


class SmoothFilters(SmoothMode):
    """Wide Gaussian filters join the dictionary, with maps of their own."""

    own_settings = ("smooth_widths",)

    def n_filters(self, widths: tuple[float, ...]) -> int:
        """Return one for each width."""
        return len(widths)

    def joined(self, filters: Tensor, widths: tuple[float, ...]) -> Tensor:
        """Return filters and Gaussians, zero-padded to one size."""
        gaussians = gaussian_filters(widths).to(filters.device)
        size = max(*filters.shape[1:], *gaussians.shape[1:])
        return torch.cat([zero_padded(one, (size, size)) for one in (filters, gaussians)])

    def transfer(
        self, shape: tuple[int, int], weight: float | Tensor, device: torch.device
    ) -> Tensor | None:
        """Return None: nothing is fixed."""
        return None


class LowPass(SmoothMode):
    """A low-pass of the initial image is fixed before codes are looked for (as in the paper)."""

    own_settings = ("low_pass_weight",)

    def n_filters(self, widths: tuple[float, ...]) -> int:
        """Return zero."""
        return 0

    def joined(self, filters: Tensor, widths: tuple[float, ...]) -> Tensor:
        """Return the filters alone."""
        return filters

    def transfer(
        self, shape: tuple[int, int], weight: float | Tensor, device: torch.device
    ) -> Tensor | None:
        """Return `low_pass_transfer`."""
        return low_pass_transfer(shape, weight, device)


class LowPassBySteps(LowPass):
    """The same low-pass by 16 steps of conjugate gradients, not converged (as in their code)."""

    def fixed_part(self, image: Tensor, weight: float) -> Tensor | None:
        """Return the low-pass as far as the steps come, from the image itself on."""
        return low_pass_by_steps(image, weight)


SMOOTH_MODES: dict[Smooth, SmoothMode] = {
    "filters": SmoothFilters(),
    "low-pass": LowPass(),
    "low-pass-cg": LowPassBySteps(),
}
