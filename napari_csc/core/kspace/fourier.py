"""Centred, unitary two-dimensional Fourier transforms."""

import torch

Tensor = torch.Tensor


def image_to_kspace(image: Tensor) -> Tensor:
    """Return the centred unitary 2-D FFT of the last two axes (DC ends up in the middle)."""
    shifted = torch.fft.ifftshift(image, dim=(-2, -1))
    return torch.fft.fftshift(torch.fft.fft2(shifted, norm="ortho"), dim=(-2, -1))


def kspace_to_image(kspace: Tensor) -> Tensor:
    """Return the centred unitary inverse 2-D FFT of the last two axes."""
    shifted = torch.fft.ifftshift(kspace, dim=(-2, -1))
    return torch.fft.fftshift(torch.fft.ifft2(shifted, norm="ortho"), dim=(-2, -1))
