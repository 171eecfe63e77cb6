"""The largest eigenvalue of an operator that is only known by what it does to images."""

from __future__ import annotations

from collections.abc import Callable

import torch

Tensor = torch.Tensor

_STEPS = 30
# Ritz values approach the largest eigenvalue from below.
_SAFETY = 1.02


def norm_bound(operator: Callable[[Tensor], Tensor], start: Tensor) -> float:
    """Return a bound of the largest eigenvalue of a positive semi-definite operator.

    Lanczos' method, which comes much closer in thirty steps than the power iteration, plus the
    residual of its answer and two per cent.

    Parameters
    ----------
    operator
        Maps images to images of the same shape.
    start
        A random image, on which the operator runs.

    References
    ----------
    Zhou & Li, Appl. Math. Lett. 2011 (bounds from a few Lanczos steps).
    """
    current = start / torch.linalg.vector_norm(start)
    previous = torch.zeros_like(current)
    diagonal: list[float] = []
    beside: list[float] = [0.0]
    for _ in range(_STEPS):
        image = operator(current) - beside[-1] * previous
        diagonal.append(float(torch.vdot(current.flatten(), image.flatten()).real))
        image = image - diagonal[-1] * current
        beside.append(float(torch.linalg.vector_norm(image)))
        if beside[-1] <= 1e-6 * abs(diagonal[0]):
            break
        previous, current = current, image / beside[-1]
    off = torch.tensor(beside[1:-1], dtype=torch.float64)
    matrix = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    matrix += torch.diag(off, 1) + torch.diag(off, -1)
    values, vectors = torch.linalg.eigh(matrix)
    return _SAFETY * float(values[-1] + beside[-1] * vectors[-1, -1].abs())
