"""Acquisitions along any trajectory through k-space, by mrpro's non-uniform Fourier operator."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.operator_norm import norm_bound
from napari_csc.core.kspace.checks import (
    ArrayLike,
    check_noise_std,
    checked_coil_maps,
    checked_reference,
    to_tensor,
)
from napari_csc.core.kspace.coils import CoilMethod, coil_maps_of_images, coil_noise_power
from napari_csc.core.kspace.noise import background_noise_std, root_mean_square
from napari_csc.core.kspace.prewhitening import Whitening
from napari_csc.core.kspace.trajectory import (
    central_window,
    checked_density,
    checked_grid,
    checked_samples,
    checked_trajectory,
)
from napari_csc.core.triton_guard import keep_triton_out
from napari_csc.errors import CscError

if TYPE_CHECKING:
    from mrpro.operators import NonUniformFastFourierOp
    from mrpro.operators.NonUniformFastFourierOp import NonUniformFastFourierOpGramOp

Tensor = torch.Tensor

# Share of the outermost samples that tell the noise, where the signal is weakest.
_OUTER_SHARE = 0.1
_SAMPLED_POWER = 0.05
# What depends on trajectory and weights only, so that slices and noise levels share it.
_SHARED = ("_operator", "_gram_operator", "_grid_norm", "_grid_noise_power")


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
            the trajectory, at most one each, if None.

        Raises
        ------
        CscError
            If shapes disagree, positions leave the grid, or values are not finite.
        """
        grid = checked_grid(shape)
        positions = checked_trajectory(trajectory, grid)
        data = checked_samples(kspace, positions)
        n_slices, n_coils = data.shape[:2]
        flat = positions.reshape(-1, 2)
        weights = checked_density(density, positions)
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
            density=weights,
            **extra,
        )
        power = acquisition._grid_noise_power
        covered = torch.fft.fftshift(power > _SAMPLED_POWER * float(power.max()))
        if maps is None and (n_coils > 1 or isinstance(coil_maps, str)):
            method = coil_maps if isinstance(coil_maps, str) else "walsh"
            centre = acquisition._with(kspace=data * central_window(flat))
            maps = coil_maps_of_images(centre._coil_images(), method)
            metadata["coil_maps"] = f"estimated from the data ({method})"
        return acquisition._with(coil_maps=maps, mask=covered)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the images: (slice, y, x)."""
        return (len(self.kspace), int(self.mask.shape[0]), int(self.mask.shape[1]))

    @property
    def is_cartesian(self) -> bool:
        """Never: samples lie along a trajectory."""
        return False

    @property
    def is_masked_fourier(self) -> bool:
        """Never: samples do not stand on the grid."""
        return False

    @cached_property
    def noise_std(self) -> float:
        """Standard deviation of one complex sample: as given, else estimated.

        Of each coil by itself, and the root mean square over the coils. The smaller of two
        estimates, to both of which signal only adds: the median power of the outermost samples,
        and the power of the emptiest blocks of the image.
        """
        if self.given_noise_std is not None:
            return self.given_noise_std
        radius = self.trajectory.abs().amax(1)
        outer = radius >= torch.quantile(radius, 1 - _OUTER_SHARE)
        # As of root mean square one: squares of unusual units leave single precision.
        scale = float(self.kspace.abs().double().square().mean().sqrt())
        scaled = self._with(kspace=self.kspace / scale)
        noise = self._grid_noise_power
        # Of unequal powers, as many count as would make a mean vary as much.
        share = float(noise.mean() ** 2 / noise.square().mean())
        levels = []
        for samples, images in zip(
            scaled.kspace.split(1, dim=1), scaled._coil_images().split(1, dim=1), strict=True
        ):
            rim = math.sqrt(float(samples[..., outer].abs().square().median()) / math.log(2))
            levels.append(min(rim, background_noise_std(images, float(noise.mean()), share)))
        return scale * root_mean_square([max(level, 1e-4) for level in levels])

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
        """Bound of the largest eigenvalue of ``A^H W A``, for every slice.

        That of one uniform coil, measured on the image grid, times ``max_r sum_c |C_c|^2``.
        """
        if self.coil_maps is None:
            return self._grid_norm
        return self._grid_norm * float(self.coil_maps.abs().square().sum(1).max())

    @cached_property
    def noise_gain(self) -> float:
        """Root mean square noise of ``A^H W y`` over the covered frequencies."""
        power = self.noise_power()
        return math.sqrt(float(power[power > _SAMPLED_POWER * power.max()].mean()))

    def noise_power(self) -> Tensor:
        """Return the noise variance at each frequency of ``A^H W y``, (y, x), `torch.fft` order.

        The diagonal of ``A^H W^2 A`` in the Fourier domain, smeared by the power spectra of the
        coil sensitivity maps; the mean over the slices.
        """
        power = self._grid_noise_power
        return power if self.coil_maps is None else coil_noise_power(self.coil_maps, power)

    def with_noise_std(self, noise_std: float | None) -> Self:
        """Return the same acquisition with another noise level (None: estimate it)."""
        check_noise_std(noise_std)
        return self._with(given_noise_std=noise_std)

    def with_acquired_matrix(self, lines: int | tuple[int, int]) -> Self:
        """Refuse: samples along a trajectory have no matrix."""
        raise CscError(
            "The acquired matrix cannot be changed here: the samples lie along a trajectory."
        )

    @cached_property
    def _operator(self) -> NonUniformFastFourierOp:
        keep_triton_out()
        from mrpro.data import KTrajectory, SpatialDimension
        from mrpro.operators import NonUniformFastFourierOp

        height, width = self.shape[1:]
        size = SpatialDimension(1, height, width)
        along_y, along_x = self.trajectory.T.reshape(2, 1, 1, 1, 1, -1)
        trajectory = KTrajectory(along_y.new_zeros(1, 1, 1, 1, 1), along_y, along_x)
        operator = NonUniformFastFourierOp(("y", "x"), size, size, trajectory)
        return operator.to(self.kspace.device)

    @cached_property
    def _gram_operator(self) -> NonUniformFastFourierOpGramOp:
        return self._weighted_gram(self.density)

    def _weighted_gram(self, weights: Tensor) -> NonUniformFastFourierOpGramOp:
        keep_triton_out()
        from mrpro.operators.NonUniformFastFourierOp import NonUniformFastFourierOpGramOp

        operator = NonUniformFastFourierOpGramOp(self._operator, weights.reshape(1, 1, 1, 1, -1))
        return operator.to(self.kspace.device)

    @cached_property
    def _grid_norm(self) -> float:
        draw = torch.Generator().manual_seed(0)
        start = torch.randn(1, 1, 1, *self.shape[1:], dtype=torch.complex64, generator=draw)
        return norm_bound(lambda image: self._gram_operator(image)[0], start.to(self.kspace.device))

    @cached_property
    def _grid_noise_power(self) -> Tensor:
        """Noise variance at each frequency (y, x) for one uniform coil.

        ``A^H W^2 A`` is a convolution on the image, so its diagonal in the Fourier domain is the
        transform of its kernel, each shift weighted by the number of pixel pairs that far apart.
        The answers to points in the four corners hold all shifts.
        """
        height, width = self.shape[1:]
        operator = self._weighted_gram(self.density.square())
        kernel = self.kspace.new_zeros(2 * height, 2 * width)
        rows, columns = torch.arange(height), torch.arange(width)
        for row in (0, height - 1):
            for column in (0, width - 1):
                point = self.kspace.new_zeros(1, 1, 1, height, width)
                point[..., row, column] = 1
                (answer,) = operator(point)
                kernel[((rows - row) % (2 * height))[:, None], (columns - column) % (2 * width)] = (
                    answer[0, 0, 0]
                )
        shares = [
            1 - torch.fft.fftfreq(2 * size, 0.5 / size).abs() / size for size in self.shape[1:]
        ]
        pairs = (shares[0][:, None] * shares[1]).to(kernel.device)
        return torch.fft.fft2(kernel * pairs)[::2, ::2].real.clamp_min(0)

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
        for name in _SHARED:
            if name in self.__dict__:
                changed.__dict__[name] = self.__dict__[name]
        return changed

    def _selected(self, index: list[int]) -> Self:
        chosen = super()._selected(index)
        for name in (*_SHARED, "noise_gain"):
            chosen.__dict__[name] = getattr(self, name)
        return chosen
