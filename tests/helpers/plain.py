"""The method as one writes it down, with autograd: what the fast solvers are measured by."""

import torch

from napari_csc.core.solvers import balanced_penalties, chambolle_dossal
from napari_csc.core.solvers.admm import OVER_RELAXATION


def soft_threshold(codes, thresholds, norm="modulus"):
    if norm == "modulus":
        modulus = codes.abs()
        factors = torch.where(modulus > thresholds, 1 - thresholds / modulus.clamp_min(1e-30), 0)
        return codes * factors
    parts = torch.view_as_real(codes)
    limit = thresholds.expand(codes.shape).unsqueeze(-1)
    return torch.view_as_complex(parts - torch.clamp(parts, -limit, limit))


def l1_norm(codes, maps, norm):
    if norm == "modulus":
        return (maps * codes.abs()).sum()
    return (maps.unsqueeze(-1) * torch.view_as_real(codes).abs()).sum()


def plain_fista(
    synthesis, data, maps, steps, iterations, norm="modulus", momentum=chambolle_dossal
):
    sizes = steps[:, None, None]
    codes = previous = torch.zeros(maps.shape, dtype=synthesis.spectra.dtype)
    for iteration in range(iterations):
        point = codes + momentum(iteration) * (codes - previous)
        gradient = synthesis.from_spectrum(data.residual(synthesis.to_spectrum(point)))
        codes, previous = soft_threshold(point - sizes * gradient, sizes * maps, norm), codes
    return codes


def plain_admm(synthesis, data, maps, iterations, norm="modulus", penalties=None):
    if penalties is None:
        penalties = balanced_penalties(synthesis.spectra, data.spectrum, maps)
    weights = penalties[..., None, None]
    power = (torch.view_as_real(synthesis.spectra).square().sum(-1) / weights).sum(-3)
    codes = sums = torch.zeros(maps.shape, dtype=synthesis.spectra.dtype)
    for _ in range(iterations):
        correction = data.penalised_residual(synthesis.to_spectrum(2 * codes - sums), power)
        fitted = codes - sums + synthesis.from_spectrum(correction) / weights
        sums = sums + OVER_RELAXATION * fitted
        codes = soft_threshold(sums, maps / weights, norm)
    return codes
