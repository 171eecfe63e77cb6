"""How far a result is from the data, and whether it is as bright."""

from __future__ import annotations

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.result import Reconstruction

Tensor = torch.Tensor

# Pixels over which images are smoothed, so that noise does not pass for brightness.
_SMOOTHING = 2.0
_OBJECT_SHARE = 0.15


def misfit(acquisition: Acquisition, result: Reconstruction) -> float:
    """Return ``mean |A x - y|^2 / sigma^2`` over the sampled positions; one for noise alone."""
    power, count = 0.0, 0
    for number in range(acquisition.shape[0]):
        one = acquisition.select(number)
        left = one.forward(result.image[number][None].to(one.kspace.device)) - one.kspace
        squares = left.abs().double().square()
        if one.noise_spectrum is not None:
            squares = squares / one.noise_spectrum
        if one.is_cartesian:
            squares = squares[..., one.mask]
        power, count = power + float(squares.sum()), count + squares.numel()
    return power / count / result.noise_std**2


def brightness(acquisition: Acquisition, result: Reconstruction) -> float | None:
    """Return the slope of the result on the data inside the object; None without an object.

    Both as seen through the sampling, ``A^H A x`` and ``A^H y``, and smoothed.
    """
    above, below = 0.0, 0.0
    for number in range(acquisition.shape[0]):
        one = acquisition.select(number)
        measured = _smoothed(one.adjoint()[0])
        made = _smoothed(one.gram(result.image[number][None].to(measured.device))[0])
        size = measured.abs()
        inside = size > _OBJECT_SHARE * torch.quantile(
            size.flatten()[:: 1 + size.numel() // 10**6], 0.99
        )
        above += float((made * measured.conj()).real[inside].double().sum())
        below += float(size[inside].double().square().sum())
    return above / below if below > 0 else None


def _smoothed(image: Tensor) -> Tensor:
    squares = [torch.fft.fftfreq(n, device=image.device).square() for n in image.shape]
    radius = squares[0][:, None] + squares[1][None, :]
    transfer = torch.exp(-2 * (torch.pi * _SMOOTHING) ** 2 * radius)
    return torch.fft.ifft2(torch.fft.fft2(image) * transfer)
