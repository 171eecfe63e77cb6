"""What writers are given: values of one kind, what they are, and where they lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.orientation import affine_of_slices
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError
from napari_csc.io.headers.radiological import spacing_of

Array = npt.NDArray[Any]
Source = Reconstruction | Acquisition

VIEWS: dict[str, Callable[[Array], Array]] = {
    "magnitude": np.abs,
    "phase": np.angle,
    "real": np.real,
    "imaginary": np.imag,
    "complex": np.asarray,
}
"""What can be written of complex images."""

IMAGE_KINDS = tuple(VIEWS)
WHOLE = "result"
KSPACE = "k-space"
KINDS = (*IMAGE_KINDS, "maps", KSPACE, WHOLE)
PARTS = {"image": "image", "initial": "initial", "smooth": "low_pass", "reference": "reference"}
"""Images of a result, and the attributes that hold them."""

OWN = "napari-csc"
"""How descriptions of written files begin."""
NOTICE = "not for diagnostic use"
# Axes whose directions have a larger product are not at a right angle.
_SKEWED = 0.01
_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Exported:
    """Values to be written.

    Attributes
    ----------
    values : ndarray
        Images (slice, y, x), float32 or complex64; of the kind ``"maps"`` the sparsity level maps
        (slice, filter, y, x) in units of the noise; of the kind ``"k-space"`` complex64
        (slice, coil, ky, kx).
    kind : str
        One of `KINDS`.
    title : str
        What made them, such as the name of the dictionary; nothing that tells of the patient.
    spacing, unit
        As in the `napari_csc.Acquisition`.
    affine : ndarray or None
        Indices (slice, y, x) to millimetres (right, anterior, superior), if known.
    source : Reconstruction or Acquisition
        What they were taken from.
    acquisition : Acquisition or None
        Input of a result, to keep it in the same file.
    """

    values: Array
    kind: str
    title: str
    spacing: tuple[float, float, float]
    unit: str
    affine: npt.NDArray[np.float64] | None
    source: Source = field(repr=False)
    acquisition: Acquisition | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        source: Source,
        kind: str,
        part: str = "image",
        slices: Sequence[int] | None = None,
        acquisition: Acquisition | None = None,
    ) -> Exported:
        """Take what is to be written from a result or a scan.

        Parameters
        ----------
        source
            The result, or a scan: its coil-combined images ``A^H y``, or its k-space.
        kind
            One of `KINDS`.
        part
            Which images of a result, one of `PARTS`.
        slices
            Slices to keep; all if None.
        acquisition
            Input of a result.

        Raises
        ------
        CscError
            If the source does not hold what is asked for.
        """
        if slices is not None and isinstance(source, Acquisition):
            source, slices = source.select(slices), None
        values = _values(source, kind, part)
        affine = _usable(source.metadata.get("affine"))
        if slices is not None:
            numbers = _checked(slices, len(values), kind)
            values = values[numbers]
            affine = None if affine is None else affine_of_slices(affine, numbers)
        spacing, unit = source.spacing, source.unit
        if not (np.isfinite(spacing).all() and min(spacing) > 0):
            spacing, unit = (1.0, 1.0, 1.0), "pixel"
        if affine is not None:
            spacing, unit = spacing_of(affine), "mm"
        title = source.dictionary.name if isinstance(source, Reconstruction) else ""
        title = title if part == "image" or kind == "maps" else f"{title}, {part}"
        return cls(values, kind, title, spacing, unit, affine, source, acquisition)

    @property
    def described(self) -> str:
        """What this is, in a line."""
        what = "sparsity level maps, noise units" if self.kind == "maps" else self.kind
        return f"{OWN} {self.title}: {what}" if self.title else f"{OWN}: {what}"

    def check_finite(self) -> None:
        """Refuse values that whole numbers cannot stand for.

        Raises
        ------
        CscError
            If there are NaN or infinite values.
        """
        if not np.isfinite(self.values).all():
            raise CscError(
                "The values contain NaN or infinity, which pictures and DICOM cannot hold; write "
                "NumPy or NIfTI."
            )

    def lps(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
        """Return where the images lie as DICOM and ISMRMRD have it; None if that is not known.

        Returns
        -------
        affine : ndarray
            Indices (slice, y, x) to millimetres (left, posterior, superior).
        directions : ndarray
            Unit vectors across the slices, along y and along x, as columns; the first is at a
            right angle to the others.
        """
        if self.affine is None:
            return None
        affine = _TO_LPS @ self.affine
        across, y, x = affine[:3, :3].T
        y, x = y / np.linalg.norm(y), x / np.linalg.norm(x)
        if abs(y @ x) > _SKEWED:
            return None
        normal = np.cross(x, y)
        normal /= np.linalg.norm(normal)
        return affine, np.stack([normal if normal @ across > 0 else -normal, y, x], axis=1)


def _usable(affine: Any) -> npt.NDArray[np.float64] | None:
    """Return an affine that says where pixels lie; None for what is none."""
    try:
        found = np.asarray(affine, dtype=float)
    except (TypeError, ValueError):
        return None
    if found.shape != (4, 4) or not np.isfinite(found).all():
        return None
    return found if np.linalg.det(found[:3, :3]) != 0 else None


def _values(source: Source, kind: str, part: str) -> Array:
    if part not in PARTS:
        raise CscError(f"There is no part {part!r} of a result; choose {', '.join(PARTS)}.")
    if isinstance(source, Reconstruction):
        return _of_result(source, kind, part)
    if kind in ("maps", WHOLE) or part != "image":
        raise CscError("A scan has images and k-space only; reconstruct it first.")
    if kind == KSPACE:
        return np.asarray(source.kspace.cpu())
    return _view(np.asarray(source.adjoint().cpu()), kind)


def _of_result(result: Reconstruction, kind: str, part: str) -> Array:
    if kind == KSPACE:
        raise CscError("A result has no k-space of its own; write that of the scan.")
    if kind == "maps":
        maps = result.sparsity_maps / result.noise_std
        return np.asarray(maps.cpu(), dtype=np.float32)
    images = getattr(result, PARTS[part])
    if images is None:
        raise CscError("This result has no reference; choose another part.")
    return _view(np.asarray(images.cpu()), "complex" if kind == WHOLE else kind)


def _view(images: Array, kind: str) -> Array:
    if kind not in VIEWS:
        raise CscError(f"The kind {kind!r} is unknown; choose {', '.join(KINDS)}.")
    values = VIEWS[kind](images)
    return np.ascontiguousarray(values.astype(np.complex64 if kind == "complex" else np.float32))


def _checked(slices: Sequence[int], count: int, kind: str) -> list[int]:
    if kind == WHOLE:
        raise CscError("A whole result is written with all slices; leave the slices out.")
    numbers = [int(one) for one in slices]
    for number in numbers:
        if not -count <= number < count:
            raise CscError(f"Slice {number} does not exist; the slices are 0 to {count - 1}.")
    if not numbers:
        raise CscError("Choose at least one slice.")
    return [number % count for number in numbers]


def plain_kspace(content: Exported) -> Array:
    """Return the k-space on the grid (slice, coil, ky, kx), for files of bare arrays.

    Raises
    ------
    CscError
        If the samples lie along a trajectory.
    """
    if isinstance(content.source, Acquisition) and not content.source.is_cartesian:
        raise CscError(
            "Samples along a trajectory cannot be written as a bare array; write them to .h5."
        )
    return content.values
