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


def about_zero(kspace: Tensor, size: tuple[int, int], outside: float = 0.0) -> Tensor:
    """Return values (..., ky, kx) cut or filled up about the zero frequency in their middle.

    Parameters
    ----------
    kspace
        Samples, or whatever else belongs to centred frequencies.
    size
        How many are wanted along (ky, kx).
    outside
        What is filled in.
    """
    for axis, want in zip((-2, -1), size, strict=True):
        have = kspace.shape[axis]
        before = want // 2 - have // 2
        if want < have:
            kspace = kspace.narrow(axis, -before, want)
        elif want > have:
            shape = list(kspace.shape)
            shape[axis] = want
            filled = kspace.new_full(shape, outside)
            filled.narrow(axis, before, have).copy_(kspace)
            kspace = filled
    return kspace.contiguous()
