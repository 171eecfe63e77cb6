"""Estimate the noise level of measured k-space."""

import math

import torch
from scipy.special import gammaincinv

from napari_csc.core.kspace.fourier import kspace_to_image

Tensor = torch.Tensor

# Without any noise the estimate stays at this share of the root mean square sample, so that
# noise units remain defined (and proportional to the data).
_SMALLEST_SHARE = 1e-4
_BLOCK = 8
_EMPTIEST = 0.2


def estimate_noise_std(kspace: Tensor, mask: Tensor) -> float:
    """Estimate the standard deviation of one complex k-space sample, ``sigma^2 = E|n|^2``.

    Of each coil by itself; the answer is the root mean square over the coils, which is the level
    of the combined image even where a noisy coil stands beside quiet ones. Two estimates are made,
    and the smaller is taken, because signal can only add to them:

    - *image background*: the power of the emptiest fifth of the blocks of 8 x 8 pixels of the
      image at its acquired resolution, corrected for having picked the emptiest. Noise that is
      not white in k-space (filtered echo trains) enters with its mean power.
    - *k-space rim*: the median power of the outermost sampled lines, where the signal is weakest
      (``|n|^2`` is exponentially distributed, so ``sigma^2 = median / ln 2``); the larger of both
      directions, because readout filters and echo decay lower one of them. It serves when the
      object fills the field of view.

    Parameters
    ----------
    kspace
        Centred k-space (slice, coil, ky, kx).
    mask
        Sampled positions (ky, kx).

    Returns
    -------
    float
        In the units of the k-space samples. Proportional to the data: scaling the k-space scales
        the estimate.
    """
    acquired, sampled = _acquired_box(kspace, mask)
    return root_mean_square([_of_one_coil(one, sampled) for one in acquired.split(1, dim=1)])


def root_mean_square(levels: list[float]) -> float:
    """Return the noise level of the combined coils from those of each."""
    largest = max(levels)
    return largest * math.sqrt(sum((level / largest) ** 2 for level in levels) / len(levels))


def _of_one_coil(kspace: Tensor, sampled: Tensor) -> float:
    # In double precision: squares of very small or large samples leave single precision.
    power_scale = float(kspace[..., sampled].abs().double().square().mean().sqrt())
    if power_scale == 0:
        return 0.0
    normalised = (kspace.to(torch.complex128) / power_scale).to(torch.complex64)
    estimates = (_rim_estimate(normalised, sampled), _background_estimate(normalised, sampled))
    return power_scale * max(min(estimates), _SMALLEST_SHARE)


def _acquired_box(kspace: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Cut k-space and mask to the acquired extent: zero filling only interpolates the noise."""
    rows = torch.nonzero(mask.any(1))[:, 0]
    columns = torch.nonzero(mask.any(0))[:, 0]
    box = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    return kspace[..., box[0], box[1]], mask[box]


def _rim_estimate(kspace: Tensor, mask: Tensor) -> float:
    """Median power of the outermost twelfth of the lines, of the noisier direction."""
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


def _background_estimate(kspace: Tensor, mask: Tensor) -> float:
    """Power of the emptiest blocks of the image, brought back to one k-space sample."""
    share = float(mask.to(torch.float32).mean())
    return background_noise_std(kspace_to_image(kspace * mask), share, share)


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
