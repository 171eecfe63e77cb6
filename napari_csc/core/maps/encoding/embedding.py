"""What is known of a filter, and the numbers that a small network makes of it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

Tensor = torch.Tensor

SLOPE = 0.01
"""Of the leaky ReLU."""
EMBEDDING = 64
"""Numbers that a filter is known by."""
# Bins of the power spectrum of a filter along each axis.
_BINS = 16
# Maps start near twice the noise of each response.
_FIRST_LOGIT = 1.5


def embedding_network(knows_spectra: bool = True) -> nn.Sequential:
    """Return the small network that turns what is known of a filter into its embedding."""
    known = 2 + (_BINS * (_BINS // 2 + 1) if knows_spectra else 0)
    return nn.Sequential(
        nn.Linear(known, EMBEDDING),
        nn.LeakyReLU(SLOPE),
        nn.Linear(EMBEDDING, EMBEDDING),
        nn.LeakyReLU(SLOPE),
    )


def start_near_noise(offset: nn.Linear, *others: nn.Linear) -> None:
    """Begin with maps near twice the noise, the same everywhere."""
    for layer in (offset, *others):
        nn.init.normal_(layer.weight, std=0.01)
        nn.init.zeros_(layer.bias)
    nn.init.constant_(offset.bias, _FIRST_LOGIT)


def power_in_bins(power: Tensor) -> Tensor:
    """Return the log power of filters in half a plane of frequency bins, (K, bins).

    The same for any image grid, as far as the grid resolves the spectrum.
    """
    centred = torch.fft.fftshift(power, dim=(-2, -1))
    binned = F.adaptive_avg_pool2d(centred, (_BINS, _BINS))
    # The power of a real filter is symmetric; half of it says all.
    half = binned[:, :, _BINS // 2 - 1 :]
    return torch.log(half.flatten(1) + 1e-2)
