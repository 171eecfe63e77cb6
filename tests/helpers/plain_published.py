"""The published method, written plainly from its equations, to compare with."""

import torch
import torch.nn.functional as F


def convolved(codes, filters):
    """Return sum_k d_k * s_k (y, x) of codes (K, y, x), with circular boundaries."""
    size = filters.shape[-1] // 2
    padded = F.pad(torch.view_as_real(codes).movedim(-1, 0), (size,) * 4, mode="circular")
    # Convolution, so that the filter is turned round for torch's correlation.
    kernel = filters.flip(-2, -1)[None]
    parts = F.conv2d(padded, kernel)
    return torch.view_as_complex(parts[:, 0].movedim(0, -1).contiguous())


def correlated(image, filters):
    """Return the adjoint: (K, y, x) of an image (y, x)."""
    size = filters.shape[-1] // 2
    padded = F.pad(torch.view_as_real(image).movedim(-1, 0)[:, None], (size,) * 4, mode="circular")
    parts = F.conv2d(padded, filters[:, None])
    return torch.view_as_complex(parts.movedim(0, -1).contiguous())


def sampled(image, mask):
    """Return A^H A of an image."""
    return torch.fft.ifft2(torch.fft.fft2(image, norm="ortho") * mask, norm="ortho")


def smoothed(values, level, b):
    return values + 0.5 * (((values - level) ** 2 + b).sqrt() - ((values + level) ** 2 + b).sqrt())


def differences(image):
    """Return G^H G of an image, by forward differences."""
    total = torch.zeros_like(image)
    for axis in (0, 1):
        forward = torch.roll(image, -1, axis) - image
        total += torch.roll(forward, 1, axis) - forward
    return total


def low_pass(image, beta, steps=16):
    def system(x):
        return x + beta * differences(x)

    x, r = image.clone(), image - system(image)
    p, old = r.clone(), (r.abs() ** 2).sum()
    for _ in range(steps):
        d = system(p)
        alpha = old / (p.conj() * d).sum().real
        x, r = x + alpha * p, r - alpha * d
        new = (r.abs() ** 2).sum()
        p, old = r + new / old * p, new
    return x


CONVENTIONS = ("smoothing", "threshold", "low_pass", "norm", "step", "momentum")
"""What the authors' code does in its own way; the rest is what the paper says."""


def reconstruct(x0, mask, filters, maps, beta, start, iterations=64, theirs=CONVENTIONS):
    """Return the image (y, x) for an initial image of maximum 10, in double precision."""
    if "low_pass" in theirs:
        low = low_pass(x0, beta)
    else:
        waves = [2 - 2 * torch.cos(2 * torch.pi * torch.fft.fftfreq(n).double()) for n in x0.shape]
        transfer = 1 / (1 + beta * (waves[0][:, None] + waves[1][None]))
        low = torch.fft.ifft2(torch.fft.fft2(x0) * transfer)
    data = x0 - sampled(low, mask)

    def gram(codes):
        return correlated(sampled(convolved(codes, filters), mask), filters)

    if "norm" in theirs:
        q = start / (start.abs() ** 2).sum().sqrt()
        for _ in range(16):
            q = gram(q)
            q = q / (q.abs() ** 2).sum().sqrt()
        norm = (gram(q).abs() ** 2).sum().sqrt()
    else:
        grid = torch.zeros(len(filters), *x0.shape, dtype=torch.float64)
        grid[:, : filters.shape[1], : filters.shape[2]] = filters
        norm = torch.fft.fft2(grid).abs().square().sum(0).max()
    b = 1e-3 if "smoothing" in theirs else 0.0
    step = (0.9 if "step" in theirs else 0.97) / norm
    # Theirs: lambda / L whatever the step.
    level = maps / norm if "threshold" in theirs else maps * step
    codes = torch.zeros_like(start)
    zeta = torch.zeros_like(start)
    for n in range(iterations):
        gradient = correlated(sampled(convolved(zeta, filters), mask) - data, filters)
        point = zeta - step * gradient
        new = torch.complex(smoothed(point.real, level, b), smoothed(point.imag, level, b))
        ahead = n / (n + 3) if "momentum" in theirs else (n + 1) / (n + 4)
        zeta = new + ahead * (new - codes)
        codes = new
    return convolved(codes, filters) + low
