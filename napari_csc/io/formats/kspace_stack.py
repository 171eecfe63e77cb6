"""HDF5 files of one k-space array (slice, [coil,] y, x), as fastMRI and M4Raw write them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.checks import EMPTY_SHARE, to_tensor
from napari_csc.errors import CscError
from napari_csc.io.headers.mr_header import MrHeader
from napari_csc.io.requests import SLICE_COUNT, LoadRequest
from napari_csc.storage.content import Array
from napari_csc.storage.hdf5.attributes import own_attribute
from napari_csc.storage.hdf5.safety import own_dataset, own_item, own_text

if TYPE_CHECKING:
    import h5py

HEADER = "ismrmrd_header"
RECONSTRUCTIONS = ("reconstruction_rss", "reconstruction_esc")
_SIGNS = (HEADER, "mask", *RECONSTRUCTIONS)
_LONGEST_LABEL = 100


@dataclass(frozen=True)
class KspaceStack:
    """The k-space of a file, not read yet.

    Attributes
    ----------
    dataset : h5py.Dataset
        Shape (slice, [coil,] y, x), complex; the readout runs along y.
    shape : tuple of int
        (slice, coil, y, x).
    header : MrHeader
        Empty if the file has none.
    path : Path
        The file.
    label : str
        What the file calls the acquisition.
    """

    dataset: h5py.Dataset
    shape: tuple[int, int, int, int]
    header: MrHeader
    path: Path
    label: str = ""

    @classmethod
    def of(cls, file: h5py.File, path: Path) -> KspaceStack:
        """Check the k-space of a file without reading it.

        Raises
        ------
        CscError
            If it is missing, of a wrong shape or type, or the header is no text.
        """
        dataset = own_dataset(file, "kspace", path)
        if dataset.dtype.kind != "c" or dataset.ndim not in (3, 4) or 0 in dataset.shape:
            raise CscError(
                f"The k-space in {path.name} has the shape {dataset.shape} and the type "
                f"{dataset.dtype}, but complex (slice, y, x) or (slice, coil, y, x) is needed."
            )
        sizes = dataset.shape if dataset.ndim == 4 else (dataset.shape[0], 1, *dataset.shape[1:])
        header = own_text(file, HEADER, path) if file.get(HEADER, getlink=True) is not None else ""
        acquisition = own_attribute(file, "acquisition")
        label = " ".join(str(acquisition or "").split())[:_LONGEST_LABEL]
        return cls(dataset, sizes, MrHeader(header), path, label)

    def read(self, request: LoadRequest) -> npt.NDArray[np.complex64]:
        """Return the slices and coils that are asked for, (slice, coil, y, x).

        Raises
        ------
        CscError
            If there is no such slice or coil.
        """
        count, coils = self.shape[:2]
        parts = []
        for number in request.slice_numbers(count):
            values: Array = self.dataset[number]
            # What overflows becomes infinite, and is refused later.
            with np.errstate(over="ignore"):
                parts.append(values.reshape(self.shape[1:]).astype(np.complex64, copy=False))
        data = np.stack(parts)
        if request.coil is None or isinstance(request.coil, str):
            return data
        if not 0 <= int(request.coil) < coils:
            raise CscError(f"Coil {request.coil} does not exist; the coils are 0 to {coils - 1}.")
        return data[:, int(request.coil) : int(request.coil) + 1]

    def table(self) -> dict[str, str]:
        """Return the header for people."""
        named = {"Acquisition": self.label} if self.label else {}
        return {**named, **self.header.table(), "Coils": str(self.shape[1])}

    def metadata(self, format_name: str, request: LoadRequest) -> dict[str, Any]:
        """Return what is told of every such file."""
        metadata: dict[str, Any] = {
            "path": str(self.path),
            "format": format_name,
            "kind": "k-space",
        }
        if request.coil is not None and request.coil != "all":
            metadata |= {"coil": int(request.coil)}
        return {**metadata, "header": self.table(), SLICE_COUNT: self.shape[0]}


def is_stack(file: h5py.File) -> bool:
    """Return whether an HDF5 file has the data sets of fastMRI or M4Raw, and is none of ours."""
    if "schema" in file.attrs or file.get("kspace", getlink=True) is None:
        return False
    return any(file.get(name, getlink=True) is not None for name in _SIGNS)


def reconstruction_of(
    file: h5py.File, path: Path, shape: tuple[int, int, int], numbers: list[int]
) -> tuple[str, Array | None]:
    """Return what is said of the reconstruction in a file, and its slices if the shape fits.

    Parameters
    ----------
    file, path
        The file.
    shape
        Of the images of all slices, (slice, y, x).
    numbers
        Slices to return.
    """
    for name in RECONSTRUCTIONS:
        if own_item(file, name) is None:
            continue
        dataset = own_dataset(file, name, path)
        told = f"{name}, {' x '.join(str(size) for size in dataset.shape)}"
        if dataset.shape != shape or dataset.dtype.kind not in "fc":
            return told, None
        return told, np.stack([dataset[number] for number in numbers])
    return "", None


def measured_columns(kspace: npt.NDArray[np.complex64], path: Path) -> npt.NDArray[np.bool_]:
    """Return which columns of k-space (slice, coil, y, x) hold samples.

    Raises
    ------
    CscError
        If none does, or values are not finite.
    """
    largest = np.abs(kspace).max(axis=(0, 1, 2))
    if not np.isfinite(largest).all():
        raise CscError(
            f"The k-space in {path.name} contains NaN or infinite values; replace them (by zero, "
            "say) before loading."
        )
    if not largest.any():
        raise CscError(
            f"The k-space in {path.name} is all zeros, so there is nothing to reconstruct."
        )
    found: npt.NDArray[np.bool_] = largest > EMPTY_SHARE * largest.max()
    return found


def spacing_of(header: MrHeader, rows: int, columns: int) -> tuple[tuple[float, float, float], str]:
    """Return the pixel spacing (slice, y, x) of k-space of so many rows and columns, and its unit.

    The readout, x of the header, runs along y of the array.
    """
    space = header.space("encodedSpace")
    if space is None or space.field_of_view is None:
        return (1.0, 1.0, 1.0), "pixel"
    along_read, along_phase, through = space.field_of_view
    sizes = (through / space.matrix[2], along_read / rows, along_phase / columns)
    z, y, x = (float(f"{size:.6g}") for size in sizes)
    return (z, y, x), "mm"


def stack_acquisition(
    kspace: npt.NDArray[np.complex64],
    columns: npt.NDArray[np.bool_],
    request: LoadRequest,
    reference: Array | None,
    **extra: Any,
) -> Acquisition:
    """Return the acquisition of k-space (slice, coil, y, x), sampled in some columns.

    The reconstruction of a file becomes the reference only where the request leaves out part of
    what was measured; of the whole k-space it is the same measurement, and no truth to compare to.
    """
    mask = np.broadcast_to(columns, kspace.shape[-2:]).copy()
    is_part = request.acquired is not None
    if isinstance(request.mask, str):
        mask = np.ones_like(mask)
    elif request.mask is not None:
        asked = to_tensor(request.mask).numpy() != 0
        # Zeros that the scanner filled in were not measured, whoever asks for them.
        mask = asked & mask if asked.shape == mask.shape else asked
        is_part = True
    return Acquisition.from_kspace(
        kspace,
        mask=mask,
        coil_maps=request.coil_maps,
        noise_scan=request.noise_scan,
        reference=reference if is_part else None,
        **extra,
    )
