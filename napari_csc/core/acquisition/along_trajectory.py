"""Samples along any trajectory through k-space, by mrpro's non-uniform Fourier operator."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import torch

from napari_csc.core.acquisition.operator_norm import norm_bound
from napari_csc.core.acquisition.sampling import Sampling
from napari_csc.core.kspace.noise.answer import NoiseEstimate
from napari_csc.core.kspace.noise.decide import BACKGROUND, RIM
from napari_csc.core.kspace.noise.estimate import joined_estimate
from napari_csc.core.kspace.noise.figures import Kind
from napari_csc.core.kspace.noise.partial import background_noise_std
from napari_csc.core.triton_guard import keep_triton_out
from napari_csc.errors import CscError

if TYPE_CHECKING:
    from mrpro.operators import NonUniformFastFourierOp
    from mrpro.operators.NonUniformFastFourierOp import NonUniformFastFourierOpGramOp

Tensor = torch.Tensor

# Share of the outermost samples that tell the noise, where the signal is weakest.
_OUTER_SHARE = 0.1
_SAMPLED_POWER = 0.05


@dataclass(frozen=True, eq=False)
class Trajectory(Sampling):
    """Samples (slice, coil, sample) along a trajectory, weighted by their share of k-space.

    With the density compensation ``W``, `adjoint` is ``A^H W y`` and `gram` is ``A^H W A``. What
    depends on trajectory and weights only is found once, and shared by all acquisitions with it.

    Attributes
    ----------
    trajectory : Tensor
        Positions (sample, 2) as (ky, kx) in cycles per field of view, between -n/2 and n/2.
    density : Tensor
        Weights ``W`` (sample,), in units of the area of one position of the image grid.
    grid : tuple of int
        Image grid (y, x).
    """

    trajectory: Tensor
    density: Tensor
    grid: tuple[int, int]

    def identity(self, mask: Tensor) -> tuple[Tensor, ...]:
        """Return trajectory and weights."""
        return self.trajectory, self.density

    def forward(self, images: Tensor, mask: Tensor) -> Tensor:
        """Return samples (slice, coil, sample)."""
        (samples,) = self._operator(images[:, :, None])
        return samples[:, :, 0, 0]

    def adjoint(self, kspace: Tensor, mask: Tensor) -> Tensor:
        """Return the images of weighted samples."""
        weighted = (kspace * self.density)[:, :, None, None]
        (images,) = self._operator.adjoint(weighted)
        return images[:, :, 0]

    def gram(self, images: Tensor, mask: Tensor) -> Tensor:
        """Return ``A^H W A x``, by a convolution on the doubled grid."""
        (convolved,) = self._gram_operator(images[:, :, None])
        return convolved[:, :, 0]

    def noise_power(self, mask: Tensor) -> Tensor:
        """Return the diagonal of ``A^H W^2 A`` in the Fourier domain."""
        return self.grid_noise_power

    def noise_gain(self, power: Callable[[], Tensor]) -> float:
        """Return the root mean square noise over the covered frequencies."""
        found = power()
        return math.sqrt(float(found[found > _SAMPLED_POWER * found.max()].mean()))

    def covered(self) -> Tensor:
        """Return the frequencies (ky, kx) of the image grid that the trajectory covers, bool."""
        power = self.grid_noise_power
        return torch.fft.fftshift(power > _SAMPLED_POWER * float(power.max()))

    def noise(self, kspace: Tensor, mask: Tensor, kind: Kind | None) -> NoiseEstimate:
        """Estimate the noise of each living coil by itself; the root mean square over the coils.

        The smaller of two estimates, to both of which signal only adds: the median power of the
        outermost samples, and the power of the emptiest blocks of the image.
        """
        radius = self.trajectory.abs().amax(1)
        outer = radius >= torch.quantile(radius, 1 - _OUTER_SHARE)
        # As of root mean square one: squares of unusual units leave single precision.
        scale = float(kspace.abs().double().square().mean().sqrt())
        scaled = kspace / scale
        noise = self.grid_noise_power
        # Of unequal powers, as many count as would make a mean vary as much.
        share = float(noise.mean() ** 2 / noise.square().mean())
        figures: list[dict[str, float]] = []
        for samples, images in zip(
            scaled.split(1, dim=1), self.adjoint(scaled, mask).split(1, dim=1), strict=True
        ):
            rim = math.sqrt(float(samples[..., outer].abs().square().median()) / math.log(2))
            background = background_noise_std(images, float(noise.mean()), share)
            figures.append({RIM: scale * rim, BACKGROUND: scale * background})
        powers = scaled.abs().double().square().mean((0, 2)).sqrt()
        return joined_estimate(figures, [scale * power for power in powers.tolist()])

    def cut(
        self, kspace: Tensor, mask: Tensor, lines: int | tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Refuse: samples along a trajectory have no matrix."""
        raise CscError(
            "The acquired matrix cannot be changed here: the samples lie along a trajectory."
        )

    def to(self, device: torch.device | str) -> Self:
        """Return the same on a device, where the operators are made anew."""
        trajectory, density = self.trajectory.to(device), self.density.to(device)
        if trajectory is self.trajectory and density is self.density:
            return self
        return type(self)(trajectory, density, self.grid)

    @cached_property
    def norm(self) -> float:
        """Bound of the largest eigenvalue of ``A^H W A`` for one uniform coil."""
        draw = torch.Generator().manual_seed(0)
        start = torch.randn(1, 1, 1, *self.grid, dtype=torch.complex64, generator=draw)
        start = start.to(self.trajectory.device)
        return norm_bound(lambda image: self._gram_operator(image)[0], start)

    @cached_property
    def grid_noise_power(self) -> Tensor:
        """Noise variance at each frequency (y, x) for one uniform coil.

        ``A^H W^2 A`` is a convolution on the image, so its diagonal in the Fourier domain is the
        transform of its kernel, each shift weighted by the number of pixel pairs that far apart.
        The answers to points in the four corners hold all shifts.
        """
        height, width = self.grid
        device = self.trajectory.device
        operator = self._weighted_gram(self.density.square())
        kernel = torch.zeros(2 * height, 2 * width, dtype=torch.complex64, device=device)
        rows, columns = torch.arange(height), torch.arange(width)
        for row in (0, height - 1):
            for column in (0, width - 1):
                point = kernel.new_zeros(1, 1, 1, height, width)
                point[..., row, column] = 1
                (answer,) = operator(point)
                kernel[((rows - row) % (2 * height))[:, None], (columns - column) % (2 * width)] = (
                    answer[0, 0, 0]
                )
        shares = [1 - torch.fft.fftfreq(2 * size, 0.5 / size).abs() / size for size in self.grid]
        pairs = (shares[0][:, None] * shares[1]).to(device)
        return torch.fft.fft2(kernel * pairs)[::2, ::2].real.clamp_min(0)

    @cached_property
    def _operator(self) -> NonUniformFastFourierOp:
        keep_triton_out()
        from mrpro.data import KTrajectory, SpatialDimension
        from mrpro.operators import NonUniformFastFourierOp

        size = SpatialDimension(1, *self.grid)
        along_y, along_x = self.trajectory.T.reshape(2, 1, 1, 1, 1, -1)
        trajectory = KTrajectory(along_y.new_zeros(1, 1, 1, 1, 1), along_y, along_x)
        operator = NonUniformFastFourierOp(("y", "x"), size, size, trajectory)
        return operator.to(self.trajectory.device)

    @cached_property
    def _gram_operator(self) -> NonUniformFastFourierOpGramOp:
        return self._weighted_gram(self.density)

    def _weighted_gram(self, weights: Tensor) -> NonUniformFastFourierOpGramOp:
        keep_triton_out()
        from mrpro.operators.NonUniformFastFourierOp import NonUniformFastFourierOpGramOp

        operator = NonUniformFastFourierOpGramOp(self._operator, weights.reshape(1, 1, 1, 1, -1))
        return operator.to(self.trajectory.device)
