"""Losses in noise units, so that every level of noise counts alike."""

from __future__ import annotations

import torch

from napari_csc.core.acquisition.simulate import IMAGE_MAXIMUM
from napari_csc.learn.training.batch import Batch
from napari_csc.learn.training.losses import mean_ssim, modulus

Tensor = torch.Tensor

# Errors below this share of the noise need not become smaller.
_SMALLEST = 1e-4


def image_loss(batch: Batch, image: Tensor, ssim_weight: float) -> Tensor:
    """Return ``log(error / sigma^2) + weight (1 - SSIM)`` of images (n, y, x) in noise units.

    The error is the mean square over the image, in units of what noise is in the initial image.
    """
    sigma = batch.sigma[:, None, None]
    error = errors(batch, image)
    similarity = mean_ssim(batch.reference.abs(), modulus(image) * sigma, IMAGE_MAXIMUM)
    return torch.log(error + _SMALLEST).mean() + ssim_weight * (1 - similarity)


def errors(batch: Batch, image: Tensor) -> Tensor:
    """Return the mean squared error of each image, over that of noise in the initial image."""
    difference = image - batch.reference / batch.sigma[:, None, None]
    squares = torch.view_as_real(difference).square().sum(-1)
    return squares.mean((-2, -1)) / batch.mask.mean((-2, -1))
