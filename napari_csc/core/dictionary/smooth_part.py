"""The smooth part of an image: exact low-pass filter, or wide Gaussian dictionary filters."""

import torch

from napari_csc.core.options import GAUSSIAN_WIDTHS

Tensor = torch.Tensor

# Share of the largest frequency below which single precision holds nothing but rounding errors.
_NOTHING = 2e-6


def low_pass_transfer(
    shape: tuple[int, int], weight: float | Tensor, device: torch.device | None = None
) -> Tensor:
    """Return the transfer function ``1 / (1 + beta sum_d |1 - e^{i w_d}|^2)``, shape (y, x).

    It solves ``argmin_x 1/2 ||x - x0||^2 + beta/2 ||grad x||^2`` exactly for circular forward
    differences. Frequencies are in `torch.fft` order; ``weight`` is ``beta`` (dimensionless).
    """
    # On the CPU, because not every device has double precision.
    squares = [
        2 - 2 * torch.cos(2 * torch.pi * torch.fft.fftfreq(n, dtype=torch.float64)) for n in shape
    ]
    penalty = (squares[0][:, None] + squares[1][None, :]).to(torch.float32).to(device)
    return (1 / (1 + weight * penalty)).to(torch.float32)


def low_pass(image: Tensor, weight: float) -> Tensor:
    """Return the low-pass part of images (..., y, x) for the smoothing weight ``beta``."""
    return low_passed(
        image, low_pass_transfer((image.shape[-2], image.shape[-1]), weight, image.device)
    )


def low_passed(image: Tensor, transfer: Tensor) -> Tensor:
    """Return images (..., y, x) times a transfer function (y, x) in the Fourier domain."""
    return torch.fft.ifft2(torch.fft.fft2(image) * transfer.to(image.real.dtype))


def low_pass_by_steps(image: Tensor, weight: float, steps: int = 16) -> Tensor:
    """Return what conjugate gradients for the low-pass of an image (y, x) reach after some steps.

    They begin at the image; the exact answer is `low_pass`. They run in double precision on the
    frequencies that the image holds: outside of them the polynomials of the steps grow so much
    that rounding errors there would change the result by 1e-4.
    """
    # Not every device has double precision.
    given = image.cpu() if image.device.type == "mps" else image
    spectrum = torch.fft.fft2(given.to(torch.complex128))
    spectrum[spectrum.abs() < _NOTHING * spectrum.abs().max()] = 0
    transfer = low_pass_transfer((image.shape[-2], image.shape[-1]), weight, given.device)
    system = 1 / transfer.double()
    found, residual = spectrum, spectrum * (1 - system)
    direction, power = residual, _power(residual)
    for _ in range(steps):
        if not power > 0:
            break
        applied = system * direction
        length = power / torch.vdot(direction.flatten(), applied.flatten()).real
        found, residual = found + length * direction, residual - length * applied
        before, power = power, _power(residual)
        direction = residual + power / before * direction
    return torch.fft.ifft2(found).to(image)


def _power(values: Tensor) -> Tensor:
    return torch.view_as_real(values).square().sum()


def gaussian_filters(widths: tuple[float, ...] = GAUSSIAN_WIDTHS) -> Tensor:
    """Return unit-norm Gaussian filters, (len(widths), n, n), n = 4 times the largest width + 1.

    They join any dictionary in the smooth mode ``"filters"``; each gets a sparsity level map like
    every other filter, so that noise in the smooth part is thresholded too.
    """
    radius = int(2 * max(widths))
    axis = torch.arange(-radius, radius + 1, dtype=torch.float64)
    filters = []
    for width in widths:
        profile = torch.exp(-(axis**2) / (2 * width**2)) * (axis.abs() <= 2 * width)
        kernel = profile[:, None] * profile[None, :]
        filters.append(kernel / kernel.norm())
    return torch.stack(filters).to(torch.float32)
