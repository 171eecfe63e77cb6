"""Differentiable image similarity for training."""

import torch
import torch.nn.functional as F

Tensor = torch.Tensor


def modulus(image: Tensor) -> Tensor:
    """Return the modulus of a complex image, with a finite gradient at zero."""
    return (torch.view_as_real(image).square().sum(-1) + 1e-8).sqrt()


def mean_ssim(reference: Tensor, image: Tensor, data_range: float) -> Tensor:
    """Return the mean of `local_ssim`."""
    return local_ssim(reference, image, data_range).mean()


def local_ssim(reference: Tensor, image: Tensor, data_range: float) -> Tensor:
    """Return the structural similarity of real images (n, y, x) at each pixel, (n, y - 6, x - 6).

    The definition of scikit-image: 7x7 uniform window, sample covariance, K1 = 0.01, K2 = 0.03,
    without the border where the window is cut.
    """
    stack = torch.stack([reference, image, reference**2, image**2, reference * image], dim=1)
    x, y, xx, yy, xy = F.avg_pool2d(stack, 7, stride=1).unbind(1)
    unbiased = 49 / 48
    var_x, var_y, covariance = (
        unbiased * (xx - x * x),
        unbiased * (yy - y * y),
        unbiased * (xy - x * y),
    )
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    return ((2 * x * y + c1) * (2 * covariance + c2)) / (
        (x * x + y * y + c1) * (var_x + var_y + c2)
    )
