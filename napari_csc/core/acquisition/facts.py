"""What is known of a scan: its shape, its samples, its noise."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch

from napari_csc.core.acquisition.noise_of_scan import kind_told, method_of, profile_map
from napari_csc.core.acquisition.notes import notes_of
from napari_csc.core.acquisition.sampling import Sampling
from napari_csc.core.kspace.broken_samples import Position, broken_samples, without
from napari_csc.core.kspace.noise.answer import NoiseEstimate
from napari_csc.core.kspace.noise.figures import Kind, kind_of

Tensor = torch.Tensor


class AcquisitionFacts:
    """What an `Acquisition` tells of itself, besides its fields."""

    kspace: Tensor
    mask: Tensor
    coil_maps: Tensor | None
    given_noise_std: float | None
    reference: Tensor | None
    metadata: Mapping[str, Any]
    sampling: Sampling
    noise_map: Tensor | None

    def __repr__(self) -> str:
        """Return sizes: the numbers themselves would fill the screen and say nothing."""
        slices, height, width = self.shape
        return (
            f"{type(self).__name__}({slices} x {height} x {width} (slice, y, x), "
            f"{self.n_coils} coil{'s'[: self.n_coils != 1]})"
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the images: (slice, y, x)."""
        return (self.kspace.shape[0], self.mask.shape[0], self.mask.shape[1])

    @property
    def is_cartesian(self) -> bool:
        """Whether samples stand on the grid of k-space, and not along a trajectory."""
        return self.sampling.is_grid

    @property
    def trajectory(self) -> Tensor | None:
        """Positions (sample, 2) as (ky, kx) in cycles per field of view; None on the grid."""
        return self.sampling.trajectory

    @property
    def density(self) -> Tensor | None:
        """Weights (sample,) of samples along a trajectory; None on the grid."""
        return self.sampling.density

    @property
    def n_coils(self) -> int:
        """Number of receive coils."""
        return int(self.kspace.shape[1])

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader assumed, left out or corrected, in short sentences."""
        return notes_of(self.metadata)

    @cached_property
    def broken_samples(self) -> tuple[Position, ...]:
        """Positions (ky, kx) of samples that look broken; see `without_samples`."""
        return broken_samples(self.kspace) if self.is_cartesian else ()

    @cached_property
    def values(self) -> Kind:
        """What the images are: ``"complex"``, ``"real"`` (with signs) or ``"magnitude"``."""
        told = kind_told(self.metadata)
        if told is not None or not self.is_masked_fourier:
            return told or "complex"
        return kind_of(self.adjoint().cpu().numpy().astype(np.complex128))

    @cached_property
    def estimated_noise(self) -> NoiseEstimate:
        """What the data tell of the noise, whether or not its level is known otherwise."""
        kind = self.values if self.is_masked_fourier else None
        kspace = without(self.kspace, self.broken_samples)
        return self.sampling.noise(kspace, self.mask, kind)

    @property
    def noise(self) -> NoiseEstimate:
        """The noise level, how it was found, and whether it can be believed."""
        if self.given_noise_std is not None:
            return NoiseEstimate.told(self.given_noise_std, method_of(self.metadata))
        return self.estimated_noise

    @property
    def noise_std(self) -> float:
        """Standard deviation of one complex k-space sample: as given, else estimated.

        Of magnitude and real images the deviation along the signal.
        """
        return self.noise.std

    @property
    def noise_is_estimated(self) -> bool:
        """Whether `noise_std` is an estimate from the data."""
        return self.given_noise_std is None

    @cached_property
    def relative_noise(self) -> Tensor | None:
        """Noise level at each pixel over its mean (y, x); None if it is the same everywhere.

        As given in ``noise_map``, else from the data. Simulated noise is even.
        """
        if self.noise_map is not None or self.reference is not None:
            return self.noise_map
        found = profile_map(self.estimated_noise, self.shape[1:])
        return None if found is None else found.to(self.mask.device)

    @property
    def is_masked_fourier(self) -> bool:
        """Whether ``A^H A`` is the sampling mask in the Fourier domain, and nothing else."""
        return self.is_cartesian and self.coil_maps is None

    @cached_property
    def gram_norm(self) -> float:
        """Bound of the largest eigenvalue of `gram`, for every slice: for step sizes."""
        if self.coil_maps is None:
            return self.sampling.norm
        return self.sampling.norm * float(self.coil_maps.abs().square().sum(1).max())

    @cached_property
    def noise_gain(self) -> float:
        """Noise of ``A^H y`` at a sampled frequency, in units of that of a k-space sample.

        The noise unit of a reconstruction is ``noise_std * noise_gain``. One on a Cartesian grid;
        less where samples stand closer than the grid, so that their noise averages out.
        """
        return self.sampling.noise_gain(self.noise_power)

    def noise_power(self) -> Tensor:
        """Return the noise variance at each frequency; see `Acquisition.noise_power`."""
        raise NotImplementedError

    def adjoint(self) -> Tensor:
        """Return the initial images; see `Acquisition.adjoint`."""
        raise NotImplementedError
