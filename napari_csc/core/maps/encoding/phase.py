"""The phase of the neighbourhood of each pixel."""

from __future__ import annotations

import torch

Tensor = torch.Tensor


def local_phase(image: Tensor, width: float, ramp: bool = False) -> Tensor:
    """Return the phase of the neighbourhood of each pixel, as unit complex numbers (n, y, x).

    Parameters
    ----------
    image
        Complex images (n, y, x).
    width
        Standard deviation, in pixels, of the neighbourhood.
    ramp
        Whether the strongest linear phase is taken out before and put back after the smoothing: an
        echo off the centre of k-space turns the phase so fast that a neighbourhood would cancel.
    """
    if ramp:
        slope = _ramp(image)
        return local_phase(image * slope.conj(), width) * slope
    squares = [torch.fft.fftfreq(n, device=image.device).square() for n in image.shape[-2:]]
    radius = squares[0][:, None] + squares[1][None, :]
    transfer = torch.exp(-2 * (torch.pi * width) ** 2 * radius)
    return torch.sgn(torch.fft.ifft2(torch.fft.fft2(image) * transfer))


def _ramp(image: Tensor) -> Tensor:
    """Return the linear phase (n, y, x) that the autocorrelation of an image at one pixel tells."""
    angles = []
    for axis in (-2, -1):
        step = torch.angle((torch.roll(image, -1, axis) * image.conj()).sum((-2, -1)))
        size = image.shape[axis]
        places = torch.arange(size, device=image.device, dtype=image.real.dtype) - size // 2
        angles.append(step[:, None] * places)
    angle = angles[0][:, :, None] + angles[1][:, None, :]
    return torch.polar(torch.ones_like(angle), angle)
