"""Soft thresholding for complex codes: the prox of the weighted l1 norm."""

from typing import Any, Literal

import torch

Tensor = torch.Tensor
Norm = Literal["modulus", "real-imaginary"]
# Thresholds are kept above this, so that the division below never sees 0 / 0.
SMALLEST_THRESHOLD = 1e-30


def soft_threshold(codes: Tensor, thresholds: Tensor, norm: Norm) -> Tensor:
    """Return the prox of ``sum thresholds * |codes|``, differentiable in both arguments.

    Parameters
    ----------
    codes
        Complex codes, any shape.
    thresholds
        Real, not negative, broadcastable to ``codes``.
    norm
        ``"modulus"`` shrinks the complex modulus and keeps the phase;
        ``"real-imaginary"`` shrinks real and imaginary part apart, as in the papers.
    """
    if norm == "modulus":
        result: Tensor = _ModulusShrinkage.apply(codes, thresholds)
        return result
    parts = torch.view_as_real(codes)
    limit = thresholds.expand(codes.shape).unsqueeze(-1)
    return torch.view_as_complex(parts - torch.clamp(parts, -limit, limit))


def l1_norm(codes: Tensor, maps: Tensor, norm: Norm) -> Tensor:
    """Return ``|| maps . codes ||_1`` summed over everything, in the given norm."""
    if norm == "modulus":
        return (maps * codes.abs()).sum()
    return (maps.unsqueeze(-1) * torch.view_as_real(codes).abs()).sum()


class _ModulusShrinkage(torch.autograd.Function):
    """Complex soft threshold; the backward recomputes the mask instead of storing it."""

    @staticmethod
    def forward(ctx: Any, codes: Tensor, thresholds: Tensor) -> Tensor:
        ctx.save_for_backward(codes, thresholds)
        modulus = codes.abs()
        limit = thresholds.clamp_min(SMALLEST_THRESHOLD)
        return codes * (1 - limit / torch.maximum(modulus, limit))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        codes, thresholds = ctx.saved_tensors
        gradient = gradients[0]
        modulus = codes.abs()
        limit = thresholds.clamp_min(SMALLEST_THRESHOLD)
        active = modulus > limit
        direction = codes / modulus.clamp_min(SMALLEST_THRESHOLD)
        radial = (direction.conj() * gradient).real
        ratio = limit / torch.maximum(modulus, limit)
        to_codes = ((1 - ratio) * gradient + (ratio * radial) * direction) * active
        to_thresholds = (-radial * active).sum_to_size(thresholds.shape)
        return to_codes, to_thresholds
