"""Measured k-space with what is needed to reconstruct it: the ``Acquisition``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from napari_csc.core.errors import CscError
from napari_csc.core.fourier import image_to_kspace, kspace_to_image
from napari_csc.core.noise import estimate_noise_std

Tensor = torch.Tensor
ArrayLike = Tensor | np.ndarray

SMALLEST_IMAGE = 8
"""Fewer pixels along an axis than this hold no structure for a dictionary to describe."""

# Zero-filled samples of real scanners are near zero, not zero (values near 1e-16 of the maximum
# were seen); measured noise is orders of magnitude above this share of the largest sample.
_EMPTY_SHARE = 1e-7


@dataclass(frozen=True, eq=False)
class Acquisition:
    """Cartesian k-space of one or more slices, its sampling, coils and noise level.

    Build it with `from_kspace`, `from_image`, `napari_csc.load` or
    `napari_csc.simulate_low_field`.

    Attributes
    ----------
    kspace : Tensor
        Centred k-space (slice, coil, ky, kx), complex64, DC in the middle, zero where not sampled.
        ``image = fftshift(ifft2(ifftshift(kspace), norm="ortho"))``.
    mask : Tensor
        Sampled positions (ky, kx), bool.
    coil_maps : Tensor or None
        Coil sensitivity maps (slice, coil, y, x), complex64; None for one uniform coil.
    given_noise_std : float or None
        Standard deviation of one complex k-space sample, ``E|n|^2 = sigma^2``, if it is known.
    reference : Tensor or None
        True image (slice, y, x), complex64, if it is known (simulations).
    spacing : tuple of float
        Distance of neighbouring pixels along (slice, y, x).
    unit : str
        Unit of ``spacing``: ``"mm"`` or ``"pixel"``.
    metadata : mapping
        Whatever the file told (sequence, field strength, affine, path, ...).
    """

    kspace: Tensor
    mask: Tensor
    coil_maps: Tensor | None = None
    given_noise_std: float | None = None
    reference: Tensor | None = None
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    unit: str = "pixel"
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_kspace(
        cls,
        kspace: ArrayLike,
        mask: ArrayLike | None = None,
        coil_maps: ArrayLike | None = None,
        noise_std: float | None = None,
        **extra: Any,
    ) -> Acquisition:
        """Check k-space and wrap it.

        Parameters
        ----------
        kspace
            Centred k-space: (y, x), (slice, y, x) for one coil, or (slice, coil, y, x).
        mask
            Sampled positions (y, x); found from the data if None. Zero-filled samples that are
            only nearly zero count as not sampled.
        coil_maps
            Coil sensitivity maps (coil, y, x) or (slice, coil, y, x). Needed for several coils.
        noise_std
            Standard deviation of one complex k-space sample; estimated from the data if None.
        **extra
            ``reference``, ``spacing``, ``unit`` and ``metadata`` of the attributes.

        Raises
        ------
        CscError
            If the array is no usable k-space: wrong number of axes, not complex, NaN or infinite
            values, all zeros, too few pixels, or several coils without coil maps.
        """
        data = _checked_kspace(_to_tensor(kspace))
        sampling = _checked_mask(mask, data)
        maps = _checked_coil_maps(coil_maps, data)
        _check_noise_std(noise_std)
        reference = extra.pop("reference", None)
        if reference is not None:
            reference = _to_tensor(reference).to(torch.complex64)
            reference = reference.reshape(-1, *reference.shape[-2:])
            if reference.shape != (len(data), *data.shape[-2:]):
                raise CscError(
                    f"The reference has the shape {tuple(reference.shape)}, but the images have "
                    f"{(len(data), *data.shape[-2:])}."
                )
        return cls(
            kspace=data * sampling,
            mask=sampling,
            coil_maps=maps,
            given_noise_std=None if noise_std is None else float(noise_std),
            reference=reference,
            **extra,
        )

    @classmethod
    def from_image(cls, image: ArrayLike, **extra: Any) -> Acquisition:
        """Wrap an image (y, x) or (slice, y, x), real or complex, as its fully sampled k-space."""
        data = _to_tensor(image)
        if data.ndim not in (2, 3):
            raise CscError(
                f"An image must have the axes (y, x) or (slice, y, x), but has {data.ndim} axes; "
                "choose one slice, channel or time point first."
            )
        if not torch.isfinite(torch.view_as_real(data) if data.is_complex() else data).all():
            raise CscError(
                "The image contains NaN or infinite values; replace them before loading."
            )
        return cls.from_kspace(image_to_kspace(data.to(torch.complex64)), **extra)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the images: (slice, y, x)."""
        return (self.kspace.shape[0], self.kspace.shape[-2], self.kspace.shape[-1])

    @property
    def n_coils(self) -> int:
        """Number of receive coils."""
        return int(self.kspace.shape[1])

    @cached_property
    def noise_std(self) -> float:
        """Standard deviation of one complex k-space sample: as given, else estimated."""
        if self.given_noise_std is not None:
            return self.given_noise_std
        return estimate_noise_std(self.kspace, self.mask)

    @property
    def noise_is_estimated(self) -> bool:
        """Whether `noise_std` is an estimate from the data."""
        return self.given_noise_std is None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of k-space, mask and coil maps: the identity of the input in provenance."""
        digest = hashlib.sha256()
        for part in (self.kspace, self.mask, self.coil_maps):
            if part is not None:
                array = np.ascontiguousarray(part.cpu().numpy())
                digest.update(repr(array.shape).encode() + array.tobytes())
        return digest.hexdigest()

    def adjoint(self) -> Tensor:
        """Return the initial ("zero-filled") images ``x0 = A^H y``, (slice, y, x) complex64."""
        coil_images = kspace_to_image(self.kspace * self.mask)
        if self.coil_maps is None:
            return coil_images[:, 0]
        return (self.coil_maps.conj() * coil_images).sum(1)

    def gram(self, images: Tensor) -> Tensor:
        """Return ``A^H A x`` for images (slice, y, x)."""
        if self.coil_maps is None:
            return kspace_to_image(image_to_kspace(images) * self.mask)
        coil_images = self.coil_maps * images.unsqueeze(1)
        sampled = kspace_to_image(image_to_kspace(coil_images) * self.mask)
        return (self.coil_maps.conj() * sampled).sum(1)

    @cached_property
    def gram_norm(self) -> float:
        """Bound of the largest eigenvalue of ``A^H A``, for step sizes."""
        if self.coil_maps is None:
            return 1.0
        return float(self.coil_maps.abs().square().sum(1).max())

    def noise_power(self) -> Tensor:
        """Return the noise variance at each frequency of the unitary spectrum of ``A^H y``.

        Shape (y, x), in `torch.fft` order, per unit variance of one k-space sample. For one coil
        that is the sampling mask.
        """
        mask = torch.fft.ifftshift(self.mask).to(torch.float32)
        if self.coil_maps is None:
            return mask
        return mask * float(self.coil_maps.abs().square().sum(1).mean())

    def select(self, slices: int | Sequence[int]) -> Acquisition:
        """Return the acquisition of some slices only.

        Raises
        ------
        CscError
            If a slice does not exist.
        """
        index = [int(one) for one in np.atleast_1d(np.asarray(slices, dtype=np.int64))]
        count = self.shape[0]
        if not index:
            raise CscError("Choose at least one slice.")
        for number in index:
            if not -count <= number < count:
                raise CscError(
                    f"Slice {number} does not exist; this acquisition has the slices "
                    f"0 to {count - 1}."
                )
        chosen = replace(
            self,
            kspace=self.kspace[index],
            coil_maps=None if self.coil_maps is None else self.coil_maps[index],
            reference=None if self.reference is None else self.reference[index],
        )
        # One noise level for the whole scan, whichever slices are looked at.
        chosen.__dict__["noise_std"] = self.noise_std
        return chosen

    def with_noise_std(self, noise_std: float | None) -> Acquisition:
        """Return the same acquisition with another noise level (None: estimate it)."""
        _check_noise_std(noise_std)
        return replace(self, given_noise_std=noise_std)

    def to(self, device: torch.device | str) -> Acquisition:
        """Return the acquisition on another device."""
        moved = {
            name: value.to(device)
            for name in ("kspace", "mask", "coil_maps", "reference")
            if (value := getattr(self, name)) is not None
        }
        there = replace(self, **moved)
        if "noise_std" in self.__dict__:
            there.__dict__["noise_std"] = self.noise_std
        return there


def acquired_mask(kspace: Tensor) -> Tensor:
    """Return which positions (ky, kx) hold samples, treating nearly zero as not sampled.

    Parameters
    ----------
    kspace
        Shape (slice, coil, ky, kx). A position counts as sampled if any slice or coil has a value
        there above 1e-7 of the largest sample.
    """
    magnitude = kspace.abs().flatten(0, 1).amax(0)
    return magnitude > _EMPTY_SHARE * magnitude.max()


def _to_tensor(array: ArrayLike) -> Tensor:
    if isinstance(array, Tensor):
        return array.detach()
    array = np.asarray(array)
    if array.dtype.kind not in "biufc":
        raise CscError(
            f"Numbers are needed, but the array holds values of the type {array.dtype}; "
            "choose another data set or key."
        )
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    if array.dtype.kind == "c" and array.dtype.itemsize > 16:
        array = array.astype(np.complex128)
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    # A copy where the array cannot be written (memory-mapped files): tensors must be writable.
    return torch.from_numpy(np.require(native, requirements=("C", "W")))


def _check_noise_std(noise_std: float | None) -> None:
    if noise_std is not None and not (np.isfinite(noise_std) and noise_std > 0):
        raise CscError(
            f"The noise standard deviation must be a positive number, but is {noise_std}; "
            "leave it out to have it estimated."
        )


def _checked_kspace(data: Tensor) -> Tensor:
    if not data.is_complex():
        raise CscError(
            "k-space must be complex, but the data are real; if they are an image, load them as "
            "an image instead."
        )
    if data.ndim not in (2, 3, 4):
        raise CscError(
            f"k-space must have the axes (y, x), (slice, y, x) or (slice, coil, y, x), but has "
            f"{data.ndim} axes; choose or move axes first."
        )
    if data.numel() == 0:
        raise CscError("The k-space is empty; check how the file was exported.")
    if min(data.shape[-2:]) < SMALLEST_IMAGE:
        raise CscError(
            f"The image would have {data.shape[-2]} x {data.shape[-1]} pixels, but at least "
            f"{SMALLEST_IMAGE} x {SMALLEST_IMAGE} are needed; check the order of the axes."
        )
    if not torch.isfinite(torch.view_as_real(data)).all():
        raise CscError(
            "The k-space contains NaN or infinite values; replace them (by zero, say) before "
            "loading."
        )
    if not bool((data != 0).any()):
        raise CscError("The k-space is all zeros, so there is nothing to reconstruct.")
    data = data.to(torch.complex64)
    if not torch.isfinite(torch.view_as_real(data)).all():
        raise CscError(
            "The k-space contains values too large for single precision; scale the data down."
        )
    if data.ndim == 2:
        return data[None, None]
    return data[:, None] if data.ndim == 3 else data


def _checked_mask(mask: ArrayLike | None, data: Tensor) -> Tensor:
    if mask is None:
        return acquired_mask(data)
    sampling = _to_tensor(mask).to(data.device) != 0
    if sampling.shape != data.shape[-2:]:
        raise CscError(
            f"The sampling mask has the shape {tuple(sampling.shape)}, but the k-space "
            f"{tuple(data.shape[-2:])}; both must agree."
        )
    if not bool((data * sampling != 0).any()):
        raise CscError("The sampling mask leaves no measured sample; check the mask.")
    return sampling


def _checked_coil_maps(coil_maps: ArrayLike | None, data: Tensor) -> Tensor | None:
    n_slices, n_coils, height, width = data.shape
    if coil_maps is None:
        if n_coils > 1:
            raise CscError(
                f"The k-space has {n_coils} coils, but no coil sensitivity maps were given; give "
                "them, or choose one coil."
            )
        return None
    maps = _to_tensor(coil_maps).to(device=data.device, dtype=torch.complex64)
    maps = maps[None] if maps.ndim == 3 else maps
    fits = maps.ndim == 4 and maps.shape[1:] == (n_coils, height, width)
    if not fits or len(maps) not in (1, n_slices):
        raise CscError(
            f"The coil sensitivity maps have the shape {tuple(maps.shape)}, but "
            f"({n_slices}, {n_coils}, {height}, {width}) is needed."
        )
    if not torch.isfinite(torch.view_as_real(maps)).all() or not bool((maps != 0).any()):
        raise CscError(
            "The coil sensitivity maps are all zeros, or contain NaN or infinite values."
        )
    return maps.expand(n_slices, -1, -1, -1)
