"""Noise prewhitening: coils with equal and independent noise, from a noise scan."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from napari_csc.core.kspace.checks import ArrayLike, to_tensor
from napari_csc.errors import CscError

Tensor = torch.Tensor

# Power of a sample over the mean, which noise alone exceeds once in 10**26 samples.
_SPIKE = 60.0
_MOST_SPIKES = 0.01
# Power of the mean of a coil over that of its standard error; once in 10**11 for noise alone.
_OFFSET = 25.0
# Smallest eigenvalue of the correlations of coils that are copies, of single precision.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Whitening:
    """A linear combination of the coils after which their noise is white.

    The combination keeps the mean noise power of the coils, so that k-space stays in its units.

    Attributes
    ----------
    matrix : Tensor
        Shape (coil, coil), complex64: ``sigma L^-1`` with the noise covariance ``L L^H``.
    noise_std : float
        Standard deviation ``sigma`` of one complex sample of every coil afterwards.
    notes : tuple of str
        What of the noise scan was left out, because it is no noise.

    References
    ----------
    Roemer et al., Magn. Reson. Med. 1990; Hansen & Kellman, J. Magn. Reson. Imaging 2015.
    """

    matrix: Tensor
    noise_std: float
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, noise_scan: Tensor, n_coils: int) -> Whitening:
        """Return the whitening for a noise scan (coil, ...), complex.

        Raises
        ------
        CscError
            If the noise scan does not fit the coils, or is no noise.
        """
        if not noise_scan.is_complex() or noise_scan.ndim == 0 or len(noise_scan) != n_coils:
            raise CscError(
                f"The noise scan must be complex with the axes (coil, samples) and {n_coils} "
                f"coils, but has the shape {tuple(noise_scan.shape)}."
            )
        samples = noise_scan.to(torch.complex128).reshape(n_coils, -1)
        if not torch.isfinite(torch.view_as_real(samples)).all():
            raise CscError("The noise scan contains NaN or infinite values.")
        if samples.shape[1] < 10 * n_coils:
            raise CscError(
                f"The noise scan has {samples.shape[1]} samples, too few to tell the noise of "
                f"{n_coils} coils; at least {10 * n_coils} are needed."
            )
        samples, notes = _noise_alone(samples)
        covariance = samples @ samples.conj().T / samples.shape[1]
        factor, failed = torch.linalg.cholesky_ex(covariance)
        if bool(failed) or _is_singular(covariance):
            raise CscError(
                "The noise scan holds coils that are silent or copies of each other; leave them "
                "out of k-space and noise scan."
            )
        sigma = float(covariance.diagonal().real.mean().sqrt())
        unit = torch.eye(n_coils, dtype=factor.dtype, device=factor.device)
        inverse = torch.linalg.solve_triangular(factor, unit, upper=False)
        return cls((sigma * inverse).to(torch.complex64), sigma, notes)

    def __call__(self, values: Tensor) -> Tensor:
        """Return k-space or coil sensitivity maps (slice, coil, ...), whitened."""
        return torch.einsum("ij,sj...->si...", self.matrix.to(values.device), values)


def _noise_alone(samples: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """Return a noise scan (coil, sample) without spikes and constant offsets, and what was done.

    Either would pass for noise that is stronger, and the same in all coils.
    """
    notes = []
    level = samples.abs().square().median(1, keepdim=True).values / math.log(2)
    spikes = (samples.abs().square() > _SPIKE * level).any(0) & bool((level > 0).all())
    share = float(spikes.double().mean())
    if 0 < share <= _MOST_SPIKES:
        samples = samples[:, ~spikes]
        notes.append(
            f"The noise scan holds spikes far above its noise ({int(spikes.sum())} of "
            f"{len(spikes)} samples), which were left out."
        )
    elif share > 0:
        notes.append(
            f"The noise scan holds more than noise ({100 * share:.0f} % of its samples are far "
            "above the rest), so the noise level may be too high; check it."
        )
    offset = samples.mean(1, keepdim=True)
    error = (samples - offset).abs().square().mean(1, keepdim=True) / samples.shape[1]
    if bool((offset.abs().square() > _OFFSET * error).any()) and bool((error > 0).all()):
        samples = samples - offset
        notes.append("The noise scan has a constant offset, which is no noise and was left out.")
    return samples, tuple(notes)


def _is_singular(covariance: Tensor) -> bool:
    """Return whether a coil is silent, or a combination of others up to rounding."""
    levels = covariance.diagonal().real.sqrt()
    if float(levels.min()) == 0:
        return True
    alike = covariance / (levels[:, None] * levels[None, :])
    return float(torch.linalg.eigvalsh(alike)[0]) < _ROUNDING


def prewhitened(
    data: Tensor,
    maps: Tensor | None,
    noise_std: float | None,
    noise_scan: ArrayLike | None,
    metadata: dict[str, Any],
    note: Callable[[str], None],
) -> tuple[Tensor, Tensor | None, float | None]:
    """Return samples, coil maps and noise level as a noise scan makes them, and note it."""
    if noise_scan is None:
        return data, maps, noise_std
    whitening = Whitening.of(to_tensor(noise_scan), data.shape[1])
    for sentence in whitening.notes:
        note(sentence)
    known = "measured by the noise scan"
    if noise_std is not None:
        known = str(metadata.get("noise", "given"))
    metadata["noise"] = f"{known}; coils prewhitened"
    level = whitening.noise_std if noise_std is None else noise_std
    return whitening(data), None if maps is None else whitening(maps), level
