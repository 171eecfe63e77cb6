"""Noise prewhitening: coils with equal and independent noise, from a noise scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from napari_csc.core.kspace.checks import ArrayLike, to_tensor
from napari_csc.errors import CscError

Tensor = torch.Tensor


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

    References
    ----------
    Roemer et al., Magn. Reson. Med. 1990; Hansen & Kellman, J. Magn. Reson. Imaging 2015.
    """

    matrix: Tensor
    noise_std: float

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
        covariance = samples @ samples.conj().T / samples.shape[1]
        factor, failed = torch.linalg.cholesky_ex(covariance)
        if bool(failed) or float(covariance.diagonal().real.min()) == 0:
            raise CscError(
                "The noise scan holds coils that are silent or copies of each other; leave them "
                "out of k-space and noise scan."
            )
        sigma = float(covariance.diagonal().real.mean().sqrt())
        unit = torch.eye(n_coils, dtype=factor.dtype, device=factor.device)
        inverse = torch.linalg.solve_triangular(factor, unit, upper=False)
        return cls((sigma * inverse).to(torch.complex64), sigma)

    def __call__(self, values: Tensor) -> Tensor:
        """Return k-space or coil sensitivity maps (slice, coil, ...), whitened."""
        return torch.einsum("ij,sj...->si...", self.matrix.to(values.device), values)


def prewhitened(
    data: Tensor,
    maps: Tensor | None,
    noise_std: float | None,
    noise_scan: ArrayLike | None,
    metadata: dict[str, Any],
) -> tuple[Tensor, Tensor | None, float | None]:
    """Return samples, coil maps and noise level as a noise scan makes them, and note it."""
    if noise_scan is None:
        return data, maps, noise_std
    whitening = Whitening.of(to_tensor(noise_scan), data.shape[1])
    known = "measured by the noise scan"
    if noise_std is not None:
        known = str(metadata.get("noise", "given"))
    metadata["noise"] = f"{known}; coils prewhitened"
    level = whitening.noise_std if noise_std is None else noise_std
    return whitening(data), None if maps is None else whitening(maps), level
