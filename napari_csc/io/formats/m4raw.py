"""M4Raw files: low-field (0.3 T) k-space in HDF5, one file a repetition.

Like fastMRI, but the header is no valid ISMRMRD: it has no matrix and no field of view.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.errors import CscError
from napari_csc.io.formats.format import Format
from napari_csc.io.formats.kspace_stack import (
    HEADER,
    KspaceStack,
    is_stack,
    measured_columns,
    reconstruction_of,
    spacing_of,
    stack_acquisition,
)
from napari_csc.io.headers.mr_header import MrHeader
from napari_csc.io.requests import LoadRequest
from napari_csc.storage.content import check_size
from napari_csc.storage.hdf5.safety import is_hdf5, own_text
from napari_csc.storage.open_file import OpenFile

_NAME = re.compile(r"(.*(?:FLAIR|T1|T2|GRE))(\d{1,2})", re.IGNORECASE)
_MODEL_FIELD = re.compile(r"OPER-(0\.\d+)")
# The data descriptor of M4Raw (Sci. Data 10, 264, 2023) gives these for all scans.
_MATRIX = 256
_SPACING = (5.0, 240 / _MATRIX, 240 / _MATRIX)


def sniff(source: OpenFile) -> bool:
    """Return whether this is laid out like fastMRI, with a header that tells no matrix."""
    if not is_hdf5(source.head) or not is_stack(source.hdf5):
        return False
    if source.hdf5.get(HEADER, getlink=True) is None:
        return False
    header = MrHeader(own_text(source.hdf5, HEADER, source.path))
    return bool(header) and header.space("encodedSpace") is None


def load_m4raw(source: OpenFile, request: LoadRequest) -> Acquisition:
    """Return the asked-for slices of one repetition, or of the mean of all (``key="average"``).

    Repetitions are files of the same name up to the number at its end (``_T101.h5``, ``_T102.h5``)
    in the same folder. The noise of their mean is measured from their differences.
    """
    path = source.path
    request.refuse_what_the_file_states(path, "axes")
    if request.key not in (None, "average"):
        raise CscError(
            f"The key {request.key!r} cannot be used for {path.name}; use 'average' for the mean "
            "of its repetitions, or open another of its files."
        )
    siblings = repetitions_of(path)
    metadata, data, shape, told, reference, header = _read(source, request)
    noise_std = request.noise_std
    if request.key == "average":
        metadata["key"] = "average"
        if len(siblings) < 2:
            raise CscError(
                f"There are no other repetitions of {path.name} in its folder, such as "
                "..._T102.h5 beside ..._T101.h5; load it without a key."
            )
        data, measured = _mean(source, siblings, request, shape, data)
        metadata["repeats_averaged"] = len(siblings)
        if noise_std is None and measured is not None:
            noise_std = measured
            metadata["noise"] = "measured from the differences of the repeats"
    if len(siblings) > 1:
        metadata["repetitions"] = ", ".join(one.name for one in siblings)
    if told:
        metadata["reconstruction"] = told
    spacing, unit = spacing_of(header, *shape[2:])
    if unit != "mm" and shape[2:] == (_MATRIX, _MATRIX):
        spacing, unit = _SPACING, "mm"
        metadata["spacing_source"] = "the publication of M4Raw; the file does not tell"
    return stack_acquisition(
        data,
        measured_columns(data, path),
        request,
        reference if request.key is None else None,
        noise_std=noise_std,
        spacing=spacing,
        unit=unit,
        metadata=metadata,
    )


def repetitions_of(path: Path) -> list[Path]:
    """Return the files of all repetitions, this one among them, in the order of their numbers."""
    parts = _NAME.fullmatch(path.stem)
    if parts is None:
        return [path]
    found = {}
    for one in path.parent.iterdir():
        other = _NAME.fullmatch(one.stem)
        is_alike = one.suffix.lower() == path.suffix.lower()
        if other and other[1] == parts[1] and is_alike and one.is_file():
            found[int(other[2]), one.name] = one
    return [found[number] for number in sorted(found)] or [path]


def _read(source: OpenFile, request: LoadRequest) -> tuple[Any, ...]:
    path, file = source.path, source.hdf5
    stack = KspaceStack.of(file, path)
    metadata = stack.metadata("M4Raw", request)
    model = _MODEL_FIELD.search(metadata["header"].get("Scanner", ""))
    if model and "Field strength" not in metadata["header"]:
        metadata["header"]["Field strength"] = f"{float(model[1]):g} T"
    images = (stack.shape[0], *stack.shape[2:])
    numbers = request.slice_numbers(stack.shape[0])
    told, reference = reconstruction_of(file, path, images, numbers)
    return metadata, stack.read(request), stack.shape, told, reference, stack.header


def _mean(
    source: OpenFile,
    siblings: list[Path],
    request: LoadRequest,
    shape: tuple[int, ...],
    own: npt.NDArray[np.complex64],
) -> tuple[npt.NDArray[np.complex64], float | None]:
    """Return the mean over all repetitions, and its noise standard deviation."""
    path = source.path
    check_size((2, *own.shape), own.dtype, path)
    mean = np.zeros_like(own)
    # Welford's sums: one repetition in memory at a time.
    power, degrees = 0.0, 0
    sampled = measured_columns(own, path)
    for number, one in enumerate(siblings, start=1):
        with source.visit(one) as sibling:
            stack = KspaceStack.of(sibling.hdf5, one)
            if stack.shape != shape:
                raise CscError(
                    f"{one.name} has the shape {stack.shape}, but {path.name} has {shape}; move "
                    "files that are no repetition of it elsewhere."
                )
            values = stack.read(replace(request, key=None))
        measured_columns(values, one)
        difference = values - mean
        mean += difference / np.float32(number)
        if number > 1:
            part = np.abs(difference[..., sampled]).astype(np.float64)
            power += float((part**2).sum()) * (number - 1) / number
            degrees += part.size
    found = float(np.sqrt(power / degrees / len(siblings))) if degrees else 0.0
    return mean, found if np.isfinite(found) and found > 0 else None


FORMAT = Format("M4Raw (.h5)", (".h5",), sniff, load_m4raw, reads_slices=True)
