"""Noise of k-space that was sampled in part, and the rim of any k-space."""

from __future__ import annotations

import math

import torch

Tensor = torch.Tensor

_BLOCK = 8
_EMPTIEST = 0.2


def rim_noise_std(kspace: Tensor, mask: Tensor) -> float:
    """Return the noise level of the outermost twelfth of the lines, of the noisier direction.

    From the median power (``|n|^2`` is exponentially distributed, so ``sigma^2 = median / ln 2``);
    the larger of both directions, because readout filters and echo decay lower one of them.
    """
    estimates = []
    for axis in (-2, -1):
        size = mask.shape[axis]
        width = max(1, size // 12)
        outer = torch.cat([torch.arange(width), torch.arange(size - width, size)])
        outer = outer.to(mask.device)
        power = kspace.index_select(axis, outer).abs().square()
        sampled = power[..., mask.index_select(axis, outer)]
        if sampled.numel():
            estimates.append(math.sqrt(float(sampled.median()) / math.log(2)))
    return max(estimates)


def background_noise_std(images: Tensor, variance: float, share: float) -> float:
    """Return the noise level of a k-space sample, from the emptiest blocks of its images.

    Parameters
    ----------
    images
        Images (slice, coil, y, x) of single coils.
    variance
        Noise variance of a pixel for noise of variance one in k-space; a unitary FFT leaves the
        share of sampled positions.
    share
        Share of the frequencies that hold noise.

    Returns
    -------
    float
        Infinite if the images are too small to have a background.
    """
    from scipy.special import gammaincinv

    power = images.abs().square().flatten(0, 1)
    if min(power.shape[-2:]) < 4 * _BLOCK:
        return math.inf
    means = torch.nn.functional.avg_pool2d(power.unsqueeze(1), _BLOCK).flatten().sort().values
    level = float(means[: max(4, int(_EMPTIEST * len(means)))].median())
    # The mean of a block is Gamma distributed; the median of the emptiest fifth of all blocks is
    # about the fifth percentile of the noise blocks when half of the image is background.
    degrees = _BLOCK**2 * share
    bias = float(gammaincinv(degrees, _EMPTIEST)) / degrees
    return math.sqrt(level / (variance * bias))
