"""Measured k-space with what is needed to reconstruct it: the ``Acquisition``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Self, TypeVar

import numpy as np
import torch

from napari_csc.core.acquisition.build import (
    parts_along_trajectory,
    parts_on_grid,
    volume_as_slices,
)
from napari_csc.core.acquisition.facts import AcquisitionFacts
from napari_csc.core.acquisition.noise_of_scan import (
    kind_of_values,
    told_as,
)
from napari_csc.core.acquisition.notes import add_note, without_note
from napari_csc.core.acquisition.orientation import metadata_of_slices
from napari_csc.core.acquisition.sampling import Grid, Sampling
from napari_csc.core.kspace.broken_samples import (
    Position,
    told_of_broken_samples,
    without,
)
from napari_csc.core.kspace.checks import (
    ArrayLike,
    acquired_outline,
    check_noise_std,
    checked_kspace,
    in_single_precision,
    to_tensor,
)
from napari_csc.core.kspace.coils import CoilMethod, coil_noise_power
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.errors import CscError

Tensor = torch.Tensor


@dataclass(frozen=True, eq=False, repr=False)
class Acquisition(AcquisitionFacts):
    """The k-space of one or more slices, its sampling, coils and noise level.

    Build it with `from_kspace`, `from_volume_kspace`, `from_trajectory`, `from_image`,
    `napari_csc.load` or `napari_csc.simulate_low_field`.

    Attributes
    ----------
    kspace : Tensor
        Centred k-space (slice, coil, ky, kx), complex64, DC in the middle, zero where not sampled.
        ``image = fftshift(ifft2(ifftshift(kspace), norm="ortho"))``.
    mask : Tensor
        Sampled positions (ky, kx), bool; of samples along a trajectory, what they cover.
    coil_maps : Tensor or None
        Coil sensitivity maps (slice, coil, y, x), complex64; None for one uniform coil. Their root
        sum of squares should be near one, so that images come in the units of the k-space.
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
    sampling : Sampling
        Where the samples lie: on the grid, or along a trajectory; then ``kspace`` is
        (slice, coil, sample).

    Examples
    --------
    >>> import napari_csc as csc
    >>> import numpy as np
    >>> scan = csc.Acquisition.from_image(np.eye(16))
    >>> scan
    Acquisition(1 x 16 x 16 (slice, y, x), 1 coil)
    >>> scan.shape, scan.n_coils, scan.is_cartesian
    ((1, 16, 16), 1, True)
    >>> scan.with_noise_std(0.1).noise_std
    0.1
    """

    kspace: Tensor
    mask: Tensor
    coil_maps: Tensor | None = None
    given_noise_std: float | None = None
    reference: Tensor | None = None
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    unit: str = "pixel"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    sampling: Sampling = field(default_factory=Grid)
    noise_map: Tensor | None = None
    noise_spectrum: Tensor | None = None

    @classmethod
    def from_kspace(
        cls,
        kspace: ArrayLike,
        mask: ArrayLike | None = None,
        coil_maps: ArrayLike | CoilMethod | None = None,
        noise_std: float | None = None,
        *,
        noise_scan: ArrayLike | None = None,
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
            Coil sensitivity maps (coil, y, x) or (slice, coil, y, x), or the method that estimates
            them from the k-space: ``"walsh"``, ``"inati"``, or ``"uniform"`` (all coils alike).
            Several coils without maps: Walsh.
        noise_std
            Standard deviation of one complex k-space sample; measured from the noise scan, else
            estimated from the data, if None.
        noise_scan
            Samples without signal (coil, ...): the coils are prewhitened with them.
        **extra
            ``reference``, ``spacing``, ``unit``, ``metadata``, ``noise_map`` and ``noise_spectrum``
            of the attributes; the last two in any unit.

        Raises
        ------
        CscError
            If the array is no usable k-space: wrong number of axes, not complex, NaN or infinite
            values, all zeros, too few pixels, or maps and noise scan do not fit it.

        Examples
        --------
        >>> import napari_csc as csc
        >>> import numpy as np
        >>> kspace = np.random.default_rng(0).standard_normal((3, 16, 12)) + 0j
        >>> kspace[:, :4] = 0  # not sampled
        >>> scan = csc.Acquisition.from_kspace(kspace, noise_std=1.0)
        >>> scan.shape, int(scan.mask.sum())
        ((3, 16, 12), 144)
        """
        return Acquisition(**parts_on_grid(kspace, mask, coil_maps, noise_std, noise_scan, extra))

    @classmethod
    def from_volume_kspace(
        cls, kspace: ArrayLike, mask: ArrayLike | None = None, **options: Any
    ) -> Acquisition:
        """Wrap the k-space of a 3-D scan: an FFT along the third direction gives slices.

        Parameters
        ----------
        kspace
            Centred k-space (kz, ky, kx) or (coil, kz, ky, kx).
        mask
            Sampled positions (ky, kx) or (kz, ky, kx); found from the data if None. The region may
            shrink with the distance from kz = 0; what was left out is zero-filled.
        **options
            As for `from_kspace`. ``noise_std`` and ``noise_scan`` are those of the samples as
            measured; where kz was not sampled, the noise of the slices is lower.

        Raises
        ------
        CscError
            If a plane kz was sampled where one nearer to kz = 0 was not, so that the scan does not
            fall into slices.

        Examples
        --------
        >>> import napari_csc as csc
        >>> import numpy as np
        >>> kspace = np.ones((6, 16, 12), dtype=complex)
        >>> csc.Acquisition.from_volume_kspace(kspace).shape
        (6, 16, 12)
        """
        slices, sampled, options = volume_as_slices(kspace, mask, options)
        return cls.from_kspace(slices, sampled, **options)

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
    ) -> Self:
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

        Examples
        --------
        >>> import math
        >>> import napari_csc as csc
        >>> import torch
        >>> angles, radius = torch.arange(30) * math.pi / 30, torch.linspace(-8, 8, 32)
        >>> spokes = torch.stack([angles.sin(), angles.cos()], -1)[:, None] * radius[:, None]
        >>> samples = torch.ones(30, 32, dtype=torch.complex64)
        >>> scan = csc.Acquisition.from_trajectory(samples, spokes, (16, 16), noise_std=0.1)
        >>> scan.shape, tuple(scan.trajectory.shape), scan.is_cartesian
        ((1, 16, 16), (960, 2), False)
        """
        return cls(
            **parts_along_trajectory(
                kspace, trajectory, shape, coil_maps, density, noise_std, noise_scan, extra
            )
        )

    @classmethod
    def from_image(cls, image: ArrayLike, **extra: Any) -> Acquisition:
        """Wrap an image (y, x) or (slice, y, x), real or complex, as its fully sampled k-space.

        Of a real image the result is real, too, with its signs.
        """
        data = to_tensor(image)
        if data.ndim not in (2, 3):
            raise CscError(
                f"An image must have the axes (y, x) or (slice, y, x), but has {data.ndim} axes; "
                "choose one slice, channel or time point first."
            )
        if not torch.isfinite(torch.view_as_real(data) if data.is_complex() else data).all():
            raise CscError(
                "The image contains NaN or infinite values; replace them before loading."
            )
        metadata = {**extra.pop("metadata", {}), "values": kind_of_values(data)}
        kspace = image_to_kspace(in_single_precision(data, "image"))
        if extra.get("mask") is None:
            extra["mask"] = acquired_outline(checked_kspace(kspace))
        return cls.from_kspace(kspace, metadata=metadata, **extra)

    def with_notes(self, *sentences: str) -> Self:
        """Return the same acquisition with further notes, each once."""
        metadata = dict(self.metadata)
        add_note(metadata, *sentences)
        return knowing(replace(self, metadata=metadata), self._known(_ANYWHERE))

    def _known(self, names: Sequence[str]) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in names if name in self.__dict__}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of samples, sampling, coil maps and what is known of where the noise is.

        The identity of the input in provenance.
        """
        digest = hashlib.sha256()
        noise = (self.noise_map, self.noise_spectrum)
        for part in (self.kspace, *self.sampling.identity(self.mask), self.coil_maps, *noise):
            if part is not None:
                array = np.ascontiguousarray(part.cpu().numpy())
                digest.update(repr(array.shape).encode() + array.tobytes())
        return digest.hexdigest()

    def forward(self, images: Tensor) -> Tensor:
        """Return the samples ``A x`` of images (slice, y, x), of the shape of ``kspace``."""
        return self.sampling.forward(self._of_coils(images), self.mask)

    def adjoint(self) -> Tensor:
        """Return the initial ("zero-filled") images ``x0 = A^H y``, (slice, y, x) complex64.

        Along a trajectory ``A^H W y``, with the weights ``W`` of the samples.
        """
        return self._combined(self.sampling.adjoint(self.kspace, self.mask))

    def gram(self, images: Tensor) -> Tensor:
        """Return ``A^H A x`` for images (slice, y, x); ``A^H W A x`` along a trajectory."""
        return self._combined(self.sampling.gram(self._of_coils(images), self.mask))

    def noise_power(self) -> Tensor:
        """Return the noise variance at each frequency of the unitary spectrum of ``A^H y``.

        Shape (y, x), in `torch.fft` order, per unit variance of one k-space sample; the mean over
        the slices. For one Cartesian coil that is the sampling mask, times the noise spectrum.
        """
        power = self.sampling.noise_power(self.mask)
        if self.noise_spectrum is not None:
            power = power * torch.fft.ifftshift(self.noise_spectrum)
        return power if self.coil_maps is None else coil_noise_power(self.coil_maps, power)

    def _of_coils(self, images: Tensor) -> Tensor:
        """Return what each coil sees of images (slice, y, x)."""
        seen = images.unsqueeze(1)
        return seen if self.coil_maps is None else self.coil_maps * seen

    def _combined(self, coil_images: Tensor) -> Tensor:
        if self.coil_maps is None:
            return coil_images[:, 0]
        return (self.coil_maps.conj() * coil_images).sum(1)

    def select(self, slices: int | Sequence[int]) -> Self:
        """Return the acquisition of some slices only.

        Raises
        ------
        CscError
            If a slice does not exist.

        Examples
        --------
        >>> import napari_csc as csc
        >>> import numpy as np
        >>> scan = csc.Acquisition.from_image(np.ones((5, 16, 16)))
        >>> scan.select(2).shape, scan.select([0, 4]).shape
        ((1, 16, 16), (2, 16, 16))
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
        return self._selected(index)

    def _selected(self, index: list[int]) -> Self:
        chosen = replace(
            self,
            metadata=metadata_of_slices(self.metadata, [one % self.shape[0] for one in index]),
            kspace=self.kspace[index],
            coil_maps=None if self.coil_maps is None else self.coil_maps[index],
            reference=None if self.reference is None else self.reference[index],
        )
        # One noise level for the whole scan, whichever slices are looked at.
        return knowing(chosen, self.noise_of_scan())

    def noise_of_scan(self) -> dict[str, Any]:
        """Return what slices take over from the whole scan, for `knowing`."""
        names = ("values", "relative_noise", "noise_gain")
        is_needed = self.given_noise_std is None or "estimated_noise" in self.__dict__
        return {name: getattr(self, name) for name in (*names, *["estimated_noise"] * is_needed)}

    def with_noise_std(self, noise_std: float | None) -> Self:
        """Return the same acquisition with another noise level (None: estimate it)."""
        check_noise_std(noise_std)
        metadata = told_as(self.metadata, noise_std)
        changed = replace(self, given_noise_std=noise_std, metadata=metadata)
        names = ("estimated_noise", "relative_noise", *_ANYWHERE)
        return knowing(changed, self._known(names))

    def without_samples(self, positions: Sequence[Position]) -> Self:
        """Return the acquisition without some samples, which count as not sampled.

        Parameters
        ----------
        positions
            (ky, kx) of each, as the note on broken samples names them.

        Raises
        ------
        CscError
            If a position lies outside of k-space, or no sample is left.
        """
        places = [(int(ky), int(kx)) for ky, kx in positions]
        height, width = self.mask.shape
        if not self.is_cartesian or any(
            not (0 <= ky < height and 0 <= kx < width) for ky, kx in places
        ):
            raise CscError(f"There are no such samples; k-space has {height} x {width} positions.")
        mask = self.mask.clone()
        for place in places:
            mask[place] = False
        kspace = without(self.kspace, places)
        if not bool((kspace != 0).any()):
            raise CscError("No sample would be left; leave out fewer.")
        metadata = without_note(self.metadata, told_of_broken_samples(self.broken_samples))
        listed = ", ".join(f"({ky}, {kx})" for ky, kx in places)
        add_note(metadata, f"Samples at (ky, kx) = {listed} were left out.")
        return replace(self, kspace=kspace, mask=mask, metadata=metadata)

    def with_acquired_matrix(self, lines: int | tuple[int, int]) -> Self:
        """Return the acquisition with central k-space lines only, which count as sampled.

        For files whose zero-filling cannot be told from samples.

        Parameters
        ----------
        lines
            Lines along each axis, or (ky, kx).

        Raises
        ------
        CscError
            If the matrix is larger than that of the scan, or holds no sample.
        """
        kspace, mask = self.sampling.cut(self.kspace, self.mask, lines)
        return replace(self, kspace=kspace, mask=mask)

    def to(self, device: torch.device | str) -> Self:
        """Return the acquisition on another device."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        moved: dict[str, Any] = {
            name: value.to(device)
            for name, value in values.items()
            if isinstance(value, (Tensor, Sampling))
        }
        if all(moved[name] is values[name] for name in moved):
            return self
        known = self._known((*_ANYWHERE, "relative_noise"))
        if isinstance(known.get("relative_noise"), Tensor):
            known["relative_noise"] = known["relative_noise"].to(device)
        return knowing(replace(self, **moved), known)


# Cached properties that hold on any device.
_ANYWHERE = ("values", "estimated_noise", "noise_gain", "gram_norm")

_Scan = TypeVar("_Scan", bound=Acquisition)


def knowing(acquisition: _Scan, known: Mapping[str, Any]) -> _Scan:
    """Return the acquisition with values of its cached properties, so that none is found anew."""
    acquisition.__dict__.update(known)
    return acquisition
