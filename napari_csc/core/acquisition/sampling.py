"""How k-space was sampled: what an acquisition asks of its sampling, and the Cartesian grid."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

import torch

from napari_csc.core.kspace.fourier import image_to_kspace, kspace_to_image
from napari_csc.core.kspace.noise.answer import NoiseEstimate
from napari_csc.core.kspace.noise.estimate import estimate_noise
from napari_csc.core.kspace.noise.figures import Kind
from napari_csc.core.kspace.sampling_masks import central_mask
from napari_csc.errors import CscError

Tensor = torch.Tensor


class Sampling(ABC):
    """Where samples lie in k-space: the part of ``A`` behind the coil sensitivity maps.

    Images of coils have the shape (slice, coil, y, x); the mask (y, x) tells which frequencies of
    the image grid are covered, zero frequency in the middle.

    Attributes
    ----------
    trajectory, density : Tensor or None
        Positions (sample, 2) and weights (sample,) where samples do not stand on the grid.
    """

    trajectory: Tensor | None
    density: Tensor | None

    @property
    def is_grid(self) -> bool:
        """Whether samples stand on the grid of k-space."""
        return self.trajectory is None

    @property
    @abstractmethod
    def norm(self) -> float:
        """Bound of the largest eigenvalue of `gram`."""

    @abstractmethod
    def identity(self, mask: Tensor) -> tuple[Tensor, ...]:
        """Return what tells this sampling from others."""

    @abstractmethod
    def forward(self, images: Tensor, mask: Tensor) -> Tensor:
        """Return the samples of images of coils."""

    @abstractmethod
    def adjoint(self, kspace: Tensor, mask: Tensor) -> Tensor:
        """Return the images of coils of samples, weighted where their density asks for it."""

    @abstractmethod
    def gram(self, images: Tensor, mask: Tensor) -> Tensor:
        """Return `adjoint` of `forward` for images of coils."""

    @abstractmethod
    def noise_power(self, mask: Tensor) -> Tensor:
        """Return the noise variance (y, x) at each frequency of `adjoint`, `torch.fft` order."""

    @abstractmethod
    def noise_gain(self, power: Callable[[], Tensor]) -> float:
        """Return the noise of a covered frequency, in units of that of a sample.

        ``power`` returns the noise variance (y, x) at each frequency.
        """

    @abstractmethod
    def noise(self, kspace: Tensor, mask: Tensor, kind: Kind | None) -> NoiseEstimate:
        """Estimate the noise of one complex sample; ``kind`` says what the images are, if known."""

    @abstractmethod
    def cut(
        self, kspace: Tensor, mask: Tensor, lines: int | tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Return k-space and mask with the central lines only.

        Raises
        ------
        CscError
            If that cannot be done.
        """

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """Return the same on a device."""


class Grid(Sampling):
    """Samples on the positions of the image grid that the mask marks; k-space (..., ky, kx)."""

    trajectory = None
    density = None

    @property
    def norm(self) -> float:
        """One: the Fourier transform is unitary."""
        return 1.0

    def identity(self, mask: Tensor) -> tuple[Tensor, ...]:
        """Return the mask."""
        return (mask,)

    def forward(self, images: Tensor, mask: Tensor) -> Tensor:
        """Return k-space (slice, coil, ky, kx), zero where not sampled."""
        return image_to_kspace(images) * mask

    def adjoint(self, kspace: Tensor, mask: Tensor) -> Tensor:
        """Return the images of zero-filled k-space."""
        return kspace_to_image(kspace * mask)

    def gram(self, images: Tensor, mask: Tensor) -> Tensor:
        """Return the images of the sampled part of k-space."""
        return kspace_to_image(image_to_kspace(images) * mask)

    def noise_power(self, mask: Tensor) -> Tensor:
        """Return the mask: one where sampled."""
        return torch.fft.ifftshift(mask).to(torch.float32)

    def noise_gain(self, power: Callable[[], Tensor]) -> float:
        """Return one: each position is a sample."""
        return 1.0

    def noise(self, kspace: Tensor, mask: Tensor, kind: Kind | None) -> NoiseEstimate:
        """Estimate the noise from background, smooth patches, finest details, rim of k-space."""
        return estimate_noise(kspace, mask, kind)

    def cut(
        self, kspace: Tensor, mask: Tensor, lines: int | tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Return the central lines, which count as sampled."""
        size = (int(mask.shape[0]), int(mask.shape[1]))
        central = central_mask(size, lines).to(mask.device)
        kept = kspace * central
        if not bool((kept != 0).any()):
            raise CscError("The acquired matrix leaves no measured sample; make it larger.")
        return kept, central

    def to(self, device: torch.device | str) -> Self:
        """Return itself: a grid is on no device."""
        return self
