"""fastMRI files: k-space in HDF5 with a reconstruction, or the mask of an undersampled scan.

The readout runs along y. Its oversampling is removed in image space, which halves the work and
loses nothing; along x nothing is cut, because lines may be missing. Images keep the orientation of
the reconstruction in the file, which tells no other.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.errors import CscError
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


def _sampled_columns(file: h5py.File, path: Path, columns: int) -> npt.NDArray[np.bool_]:
    """Return the columns that mask and padding leave, all without them."""
    sampled = np.ones(columns, dtype=bool)
    if own_item(file, "mask") is not None:
        stored = own_numbers(file, "mask", path)
        if stored.size != columns or stored.dtype.kind == "c":
            raise CscError(
                f"The mask in {path.name} has the shape {stored.shape}, but the k-space has "
                f"{columns} columns; copy or export the file again."
            )
        sampled &= stored[()].reshape(-1) != 0
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
