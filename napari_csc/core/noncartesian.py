"""Acquisitions along any trajectory through k-space, by mrpro's non-uniform Fourier operator."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch

from napari_csc.core.acquisition import Acquisition
from napari_csc.core.acquisition_checks import (
    SMALLEST_IMAGE,
    ArrayLike,
    check_noise_std,
    checked_coil_maps,
    checked_reference,
    to_tensor,
)
from napari_csc.core.coils import CoilMethod, coil_maps_of_images
from napari_csc.core.errors import CscError
from napari_csc.core.noise import background_noise_std
from napari_csc.core.prewhitening import Whitening

if TYPE_CHECKING:
    from mrpro.operators import NonUniformFastFourierOp
    from mrpro.operators.NonUniformFastFourierOp import NonUniformFastFourierOpGramOp

Tensor = torch.Tensor

_POWER_ITERATIONS = 40
# The power iteration ends slightly below the norm.
_SAFETY = 1.03
# Share of the outermost samples that tell the noise, where the signal is weakest.
_OUTER_SHARE = 0.1
_SAMPLED_POWER = 0.05


@dataclass(frozen=True, eq=False)
class NonCartesianAcquisition(Acquisition):
    """Samples along a trajectory: radial, spiral, or Cartesian with gradient errors.

    The samples are weighted by their share of k-space (density compensation ``W``), so that
    ``A^H W y`` looks like the image and ``A^H W A`` is about the identity where k-space is well
    sampled. Build it with `from_trajectory`.

    Attributes
    ----------
    kspace : Tensor
        Samples (slice, coil, sample), complex64, scaled like a unitary FFT.
    mask : Tensor
        Frequencies (ky, kx) of the image grid that the trajectory covers, bool; for display.
    trajectory : Tensor
        Positions (sample, 2) as (ky, kx) in cycles per field of view, between -n/2 and n/2.
    density : Tensor
        Weights ``W`` (sample,), in units of the area of one position of the image grid.
    """

    trajectory: Tensor = field(default_factory=lambda: torch.zeros(0, 2))
    density: Tensor = field(default_factory=lambda: torch.zeros(0))

    @classmethod
    def from_trajectory(
        cls,
        kspace: ArrayLike,
        trajectory: ArrayLike,
        shape: tuple[int, int],
        coil_maps: ArrayLike | CoilMethod | None = None,
        density: ArrayLike | None = None,
        noise_std: float | None = None,
        *,
        noise_scan: ArrayLike | None = None,
        **extra: Any,
    ) -> NonCartesianAcquisition:
        """Check samples and trajectory and wrap them.

        Parameters
        ----------
        kspace
            Samples: the shape of the trajectory without its last axis, with slice, or slice and
            coil, before it; scaled like a unitary FFT (``sum |x|^2`` of an image is that of its
            samples on a grid).
        trajectory
            Positions (..., 2) as (ky, kx) in cycles per field of view.
        shape
            Image grid (y, x).
        coil_maps, noise_std, noise_scan, **extra
            As for `Acquisition.from_kspace`.
        density
            Weights, the shape of the trajectory without its last axis; from the Voronoi cells of
            the trajectory if None.

        Raises
        ------
        CscError
            If shapes disagree, positions leave the grid, or values are not finite.
        """
        grid = (int(shape[0]), int(shape[1]))
        positions = _checked_trajectory(trajectory, grid)
        data = _checked_samples(kspace, positions)
        n_slices, n_coils = data.shape[:2]
        flat = positions.reshape(-1, 2)
        weights = _voronoi(positions) if density is None else to_tensor(density).float()
        if weights.numel() != len(flat) or not bool(
            (torch.isfinite(weights) & (weights >= 0)).all()
        ):
            raise CscError(
                f"The density weights must be {len(flat)} numbers that are zero or more, one for "
                "each position of the trajectory."
            )
        check_noise_std(noise_std)
        maps = None
        if coil_maps is not None and not isinstance(coil_maps, str):
            maps = checked_coil_maps(coil_maps, data.new_empty(1).expand(n_slices, n_coils, *grid))
        metadata = dict(extra.pop("metadata", {}))
        if noise_scan is not None:
            whitening = Whitening.of(to_tensor(noise_scan), n_coils)
            data = whitening(data)
            maps = None if maps is None else whitening(maps)
            noise_std = whitening.noise_std if noise_std is None else noise_std
            metadata["noise"] = "measured by the noise scan; coils prewhitened"
        reference = extra.pop("reference", None)
        if reference is not None:
            reference = checked_reference(reference, (n_slices, *grid))
        acquisition = cls(
            kspace=data,
            mask=torch.ones(grid, dtype=torch.bool),
            given_noise_std=None if noise_std is None else float(noise_std),
            metadata=metadata,
            reference=reference,
            trajectory=flat,
            density=weights.reshape(-1),
            **extra,
        )
        if maps is None and (n_coils > 1 or isinstance(coil_maps, str)):
            method = coil_maps if isinstance(coil_maps, str) else "walsh"
            maps = coil_maps_of_images(acquisition._coil_images(), method)
            metadata["coil_maps"] = f"estimated from the data ({method})"
        power = acquisition.noise_power()
        covered = torch.fft.fftshift(power > _SAMPLED_POWER * float(power.max()))
        return acquisition._with(coil_maps=maps, mask=covered)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the images: (slice, y, x)."""
        return (len(self.kspace), int(self.mask.shape[0]), int(self.mask.shape[1]))

    @property
    def is_masked_fourier(self) -> bool:
        """Never: samples do not stand on the grid."""
        return False

    @cached_property
    def noise_std(self) -> float:
        """Standard deviation of one complex sample: as given, else estimated.

        The smaller of two estimates, to both of which signal only adds: the median power of the
        outermost samples, and the power of the emptiest blocks of the image.
        """
        if self.given_noise_std is not None:
            return self.given_noise_std
        radius = self.trajectory.abs().amax(1)
        outer = radius >= torch.quantile(radius, 1 - _OUTER_SHARE)
        power = self.kspace[..., outer].abs().square()
        scale = float(self.kspace.abs().square().mean())
        noise = self.noise_power()
        covered = float((noise > _SAMPLED_POWER * noise.max()).float().mean())
        estimates = (
            math.sqrt(float(power.median()) / math.log(2)),
            background_noise_std(self._coil_images(), float(noise.mean()), covered),
        )
        return max(min(estimates), 1e-4 * math.sqrt(scale))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of samples, trajectory, weights and coil maps."""
        digest = hashlib.sha256()
        for part in (self.kspace, self.trajectory, self.density, self.coil_maps):
            if part is not None:
                array = np.ascontiguousarray(part.cpu().numpy())
                digest.update(repr(array.shape).encode() + array.tobytes())
        return digest.hexdigest()

    def forward(self, images: Tensor) -> Tensor:
        """Return samples (slice, coil, sample) of images (slice, y, x)."""
        coil_images = (
            images[:, None] if self.coil_maps is None else self.coil_maps * images[:, None]
        )
        (samples,) = self._operator(coil_images[:, :, None])
        return samples[:, :, 0, 0]

    def adjoint(self) -> Tensor:
        """Return the initial images ``x0 = A^H W y``, (slice, y, x) complex64."""
        return self._combined(self._coil_images())

    def gram(self, images: Tensor) -> Tensor:
        """Return ``A^H W A x`` for images (slice, y, x), by a convolution on the doubled grid."""
        coil_images = (
            images[:, None] if self.coil_maps is None else self.coil_maps * images[:, None]
        )
        (convolved,) = self._gram_operator(coil_images[:, :, None])
        return self._combined(convolved[:, :, 0])

    @cached_property
    def gram_norm(self) -> float:
        """Bound of the largest eigenvalue of ``A^H W A``: power iteration on the image grid."""
        maps = None if self.coil_maps is None else self.coil_maps[:1]
        one = self._with(kspace=self.kspace[:1], coil_maps=maps)
        draw = torch.Generator().manual_seed(0)
        image = torch.randn(1, *self.shape[1:], dtype=torch.complex64, generator=draw)
        image = image.to(self.kspace.device)
        norm = 1.0
        for _ in range(_POWER_ITERATIONS):
            image = one.gram(image / torch.linalg.vector_norm(image))
            norm = float(torch.linalg.vector_norm(image))
        return _SAFETY * norm

    @cached_property
    def noise_gain(self) -> float:
        """Root mean square noise of ``A^H W y`` over the covered frequencies."""
        power = self.noise_power()
        return math.sqrt(float(power[power > _SAMPLED_POWER * power.max()].mean()))

    def noise_power(self) -> Tensor:
        """Return the noise variance at each frequency of ``A^H W y``, (y, x), `torch.fft` order.

        The Fourier transform of the point spread function of ``A^H W^2 A`` (without the coils,
        whose sensitivities are normalised).
        """
        from mrpro.operators.NonUniformFastFourierOp import NonUniformFastFourierOpGramOp

        squared = self.density.square().reshape(1, 1, 1, 1, -1)
        operator = NonUniformFastFourierOpGramOp(self._operator, squared)
        point = self.kspace.new_zeros(1, 1, 1, *self.shape[1:])
        point[..., self.shape[1] // 2, self.shape[2] // 2] = 1
        (spread,) = operator(point)
        centred = torch.fft.ifftshift(spread[0, 0, 0])
        return torch.fft.fft2(centred).real.clamp_min(0)

    def with_noise_std(self, noise_std: float | None) -> Self:
        """Return the same acquisition with another noise level (None: estimate it)."""
        check_noise_std(noise_std)
        changed = self._with(given_noise_std=noise_std)
        changed.__dict__.pop("noise_std", None)
        return changed

    @cached_property
    def _operator(self) -> NonUniformFastFourierOp:
        from mrpro.data import KTrajectory, SpatialDimension
        from mrpro.operators import NonUniformFastFourierOp

        height, width = self.shape[1:]
        size = SpatialDimension(1, height, width)
        along_y, along_x = self.trajectory.T.reshape(2, 1, 1, 1, 1, -1)
        trajectory = KTrajectory(torch.zeros(1, 1, 1, 1, 1), along_y, along_x)
        operator = NonUniformFastFourierOp(("y", "x"), size, size, trajectory)
        return operator.to(self.kspace.device)

    @cached_property
    def _gram_operator(self) -> NonUniformFastFourierOpGramOp:
        from mrpro.operators.NonUniformFastFourierOp import NonUniformFastFourierOpGramOp

        weights = self.density.reshape(1, 1, 1, 1, -1)
        return NonUniformFastFourierOpGramOp(self._operator, weights).to(self.kspace.device)

    def _coil_images(self) -> Tensor:
        weighted = (self.kspace * self.density)[:, :, None, None]
        (images,) = self._operator.adjoint(weighted)
        return images[:, :, 0]

    def _combined(self, coil_images: Tensor) -> Tensor:
        if self.coil_maps is None:
            return coil_images[:, 0]
        return (self.coil_maps.conj() * coil_images).sum(1)

    def _with(self, **changes: Any) -> Self:
        """Return a changed copy that keeps the operators, which depend on the trajectory only."""
        changed = replace(self, **changes)
        for name in ("_operator", "_gram_operator", "noise_gain", "noise_std"):
            if name in self.__dict__:
                changed.__dict__[name] = self.__dict__[name]
        return changed

    def _selected(self, index: list[int]) -> Self:
        chosen = super()._selected(index)
        for name in ("_operator", "_gram_operator", "gram_norm", "noise_gain"):
            chosen.__dict__[name] = getattr(self, name)
        return chosen


def _checked_trajectory(trajectory: ArrayLike, grid: tuple[int, int]) -> Tensor:
    positions = to_tensor(trajectory)
    if positions.is_complex() or positions.ndim < 2 or positions.shape[-1] != 2:
        raise CscError(
            f"The trajectory must be real with the axes (..., 2) as (ky, kx), but has the shape "
            f"{tuple(positions.shape)}."
        )
    if min(grid) < SMALLEST_IMAGE:
        raise CscError(
            f"The image would have {grid[0]} x {grid[1]} pixels, but at least {SMALLEST_IMAGE} x "
            f"{SMALLEST_IMAGE} are needed."
        )
    positions = positions.to(torch.float32)
    reach = positions.abs().reshape(-1, 2).amax(0)
    if not bool(torch.isfinite(reach).all()):
        raise CscError("The trajectory contains NaN or infinite positions.")
    if any(float(far) > size / 2 + 0.5 for far, size in zip(reach, grid, strict=True)):
        raise CscError(
            f"The trajectory reaches {float(reach[0]):.4g} x {float(reach[1]):.4g} cycles per "
            f"field of view, beyond the image grid of {grid[0]} x {grid[1]}; give a larger grid, "
            "or positions in cycles per field of view."
        )
    return positions


def _checked_samples(kspace: ArrayLike, positions: Tensor) -> Tensor:
    data, axes = to_tensor(kspace), positions.ndim - 1
    expected = tuple(positions.shape[:-1])
    if not data.is_complex() or tuple(data.shape[-axes:]) != expected or data.ndim > axes + 2:
        raise CscError(
            f"The samples must be complex with the axes ([slice, [coil,]] {expected}) of the "
            f"trajectory, but have the shape {tuple(data.shape)}."
        )
    if not torch.isfinite(torch.view_as_real(data)).all():
        raise CscError("The k-space contains NaN or infinite values; replace them before loading.")
    if not bool((data != 0).any()):
        raise CscError("The k-space is all zeros, so there is nothing to reconstruct.")
    data = data.to(torch.complex64).flatten(-axes)
    if data.ndim == 1:
        return data[None, None]
    return data[:, None] if data.ndim == 2 else data


def _voronoi(positions: Tensor) -> Tensor:
    """Return the area of the Voronoi cell of each position (sample,), by mrpro."""
    from mrpro.algorithms.dcf import dcf_2d3d_voronoi

    flat = positions.reshape(-1, 2).T.reshape(2, 1, 1, -1)
    return dcf_2d3d_voronoi(flat).reshape(-1).to(torch.float32)
