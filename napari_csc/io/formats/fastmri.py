"""fastMRI files: k-space in HDF5 with a reconstruction, or the mask of an undersampled scan.

The readout runs along y. Its oversampling is removed in image space, which halves the work and
loses nothing; along x nothing is cut, because lines may be missing. Images keep the orientation of
the reconstruction in the file, which tells no other.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.errors import CscError
from napari_csc.io.arrays.coil_evidence import coil_evidence
from napari_csc.io.arrays.encoded import CORNER, centred
from napari_csc.io.arrays.kind import meaning_of
from napari_csc.io.formats.format import Format
from napari_csc.io.formats.kspace_stack import (
    KspaceStack,
    is_stack,
    measured_columns,
    reconstruction_of,
    spacing_of,
    stack_acquisition,
)
from napari_csc.io.headers.oversampling import kept_samples, without_oversampling
from napari_csc.io.requests import LoadRequest
from napari_csc.storage.hdf5.attributes import own_attribute
from napari_csc.storage.hdf5.safety import is_hdf5, own_item, own_numbers
from napari_csc.storage.open_file import OpenFile

if TYPE_CHECKING:
    import h5py


def sniff(source: OpenFile) -> bool:
    """Return whether this is HDF5 with the data sets of fastMRI."""
    return is_hdf5(source.head) and is_stack(source.hdf5)


def load_fastmri(source: OpenFile, request: LoadRequest) -> Acquisition:
    """Return the asked-for slices of a fastMRI file.

    Columns that the scanner filled with zeros, by the padding attributes or by their samples, and
    those that the mask leaves out, do not count as sampled.
    """
    path, file = source.path, source.hdf5
    request.refuse_what_the_file_states(path, "axes", "key")
    stack = KspaceStack.of(file, path)
    count, _, rows, columns = stack.shape
    metadata = stack.metadata("fastMRI", request)
    sampled = _sampled_columns(file, path, columns)
    kspace = stack.read(request)
    if not stack.header:
        _refuse_other_layouts(kspace, path)
    keep = _kept_rows(stack)
    images = (count, keep, columns)
    told, reference = reconstruction_of(file, path, images, request.slice_numbers(count))
    sampled &= measured_columns(kspace, path)
    if not sampled.any():
        raise CscError(
            f"No column of the k-space in {path.name} is both measured and in its mask; copy or "
            "export the file again."
        )
    spacing, unit = spacing_of(stack.header, rows, columns)
    if keep < rows:
        metadata["oversampling"] = f"removed along the readout, {rows} to {keep} rows"
        kspace = np.concatenate(
            [without_oversampling(one[None], keep, -2) for one in kspace], axis=0
        )
    if told:
        metadata["reconstruction"] = told
    return stack_acquisition(
        kspace,
        sampled,
        request,
        reference,
        noise_std=request.noise_std,
        spacing=spacing,
        unit=unit,
        metadata=metadata,
    )


def _refuse_other_layouts(kspace: npt.NDArray[np.complex64], path: Path) -> None:
    """Refuse what others lay out in another way, where no header says that it is fastMRI's.

    Raises
    ------
    CscError
        If the zero frequency is in the corner, or one axis of three holds coils.
    """
    meaning = meaning_of(kspace)
    if not (meaning.is_clear and meaning.kind == "k-space"):
        return
    _, notes = centred(kspace, (-2, -1), meaning.peak, ("y", "x"))
    is_coils = kspace.shape[1] == 1 and coil_evidence(kspace[:, 0], is_kspace=True) == "coils"
    if CORNER in notes or is_coils:
        what = "has its zero frequency in the corner" if CORNER in notes else "holds coils"
        raise CscError(
            f"The k-space in {path.name} {what}, unlike that of fastMRI (slice, coil, y, x), and "
            "has no header that says so; save 'kspace' alone as .npy, and it is found out."
        )


def _sampled_columns(file: h5py.File, path: Path, columns: int) -> npt.NDArray[np.bool_]:
    """Return the columns that mask and padding leave, all without them."""
    sampled = np.ones(columns, dtype=bool)
    if own_item(file, "mask") is not None:
        stored = own_numbers(file, "mask", path)
        lines = stored.shape[:-1] if stored.ndim > 1 else ()
        if stored.size == columns * math.prod(lines) and stored.shape[-1:] == (columns,):
            # One for each row, all alike.
            every = stored[()].reshape(-1, columns) != 0
            if (every == every[:1]).all():
                return _without_padding(file, sampled & every[0])
        if stored.size != columns or stored.dtype.kind == "c":
            raise CscError(
                f"The mask in {path.name} has the shape {stored.shape}, but the k-space has "
                f"{columns} columns; copy or export the file again."
            )
        sampled &= stored[()].reshape(-1) != 0
    return _without_padding(file, sampled)


def _without_padding(file: h5py.File, sampled: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the columns between those that the padding attributes leave out."""
    columns = len(sampled)
    left, right = (own_attribute(file, f"padding_{side}") for side in ("left", "right"))
    left = left if isinstance(left, int) else 0
    right = right if isinstance(right, int) else columns
    if 0 <= left < right <= columns:
        sampled[:left] = False
        sampled[right:] = False
    return sampled


def _kept_rows(stack: KspaceStack) -> int:
    """Return how many rows hold the field of view of the reconstruction."""
    rows = stack.shape[2]
    encoded, wanted = (stack.header.space(name) for name in ("encodedSpace", "reconSpace"))
    if encoded is None or wanted is None or encoded.matrix[0] != rows:
        return rows
    if encoded.field_of_view is None or wanted.field_of_view is None:
        return rows
    return kept_samples(rows, encoded.field_of_view[0], wanted.field_of_view[0])


FORMAT = Format("fastMRI (.h5)", (".h5",), sniff, load_fastmri, reads_slices=True)
