"""The formats that can be read; content decides, not the name of the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.errors import CscError
from napari_csc.io.arrays.reader import acquisition_from
from napari_csc.io.formats import bart as bart_files
from napari_csc.io.formats import csc_acquisition as acquisition_file
from napari_csc.io.formats import fastmri as fastmri_files
from napari_csc.io.formats import m4raw as m4raw_files
from napari_csc.io.formats import nifti
from napari_csc.io.formats import nrrd as nrrd_files
from napari_csc.io.formats import pictures as picture_files
from napari_csc.io.formats.dicom import reader as dicom_files
from napari_csc.io.formats.ismrmrd import reader as ismrmrd_files
from napari_csc.io.requests import LoadRequest
from napari_csc.storage import matlab_arrays as matlab
from napari_csc.storage import numpy_arrays as numpy_files
from napari_csc.storage.content import FileContent

_HEAD_BYTES = 4096


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes
    ----------
    name : str
        What to show to people.
    sniff : callable
        Tells by the first bytes (and the path, to look further) whether a file is of this format.
    load : callable
        Makes an acquisition of a file.
    reads_slices : bool
        Whether ``load`` itself leaves out the slices that are not asked for.
    arrays : callable or None
        For files of bare arrays, which say nothing about them: tells which there are.
    is_offered : callable
        Tells whether napari's File > Open should offer a file of this format to us.
    """

    name: str
    sniff: Callable[[bytes, Path], bool]
    load: Callable[[Path, LoadRequest], Acquisition]
    reads_slices: bool = False
    is_offered: Callable[[Path], bool] = lambda path: True
    arrays: Callable[[Path], FileContent] | None = None


def _of_arrays(read: Callable[[Path], FileContent]) -> Callable[[Path, LoadRequest], Acquisition]:
    return lambda path, request: acquisition_from(path, read(path), request)


def _holds_complex(path: Path) -> bool:
    return any(one.dtype.kind == "c" for one in numpy_files.read(path).arrays.values())


def _holds_arrays(path: Path) -> bool:
    # Whether a .mat is complex shows only when it is read; nothing else opens these anyway.
    return bool(matlab.read(path).arrays)


def _is_own(path: Path) -> bool:
    return acquisition_file.schema_of(path) in (
        acquisition_file.SCHEMA,
        acquisition_file.RESULT_SCHEMA,
    )


def _never(path: Path) -> bool:
    return False


_DICOM = Format("DICOM (file or folder)", dicom_files.sniff, dicom_files.load_dicom)

FORMATS = (
    Format(
        "NumPy (.npy, .npz)",
        numpy_files.sniff,
        _of_arrays(numpy_files.read),
        is_offered=_holds_complex,
        arrays=numpy_files.read,
    ),
    Format(
        "MATLAB (.mat)",
        matlab.sniff,
        _of_arrays(matlab.read),
        is_offered=_holds_arrays,
        arrays=matlab.read,
    ),
    Format("NIfTI (.nii, .nii.gz)", nifti.sniff, nifti.load_nifti),
    _DICOM,
    Format("NRRD (.nrrd, .nhdr)", nrrd_files.sniff, nrrd_files.load_nrrd),
    Format("PNG", picture_files.sniff_png, picture_files.load_png, is_offered=_never),
    Format("TIFF", picture_files.sniff_tiff, picture_files.load_tiff, is_offered=_never),
    Format("ISMRMRD (.h5, .mrd)", ismrmrd_files.sniff, ismrmrd_files.load_ismrmrd, True),
    Format("M4Raw (.h5)", m4raw_files.sniff, m4raw_files.load_m4raw, True),
    Format("fastMRI (.h5)", fastmri_files.sniff, fastmri_files.load_fastmri, True),
    # Takes every other HDF5 file, to say what is wrong with it.
    Format(
        "napari-csc (.h5)",
        acquisition_file.sniff,
        acquisition_file.load_acquisition,
        is_offered=_is_own,
    ),
    Format("BART (.cfl, .hdr)", bart_files.sniff, bart_files.load_bart, True),
)
"""The first that recognises a file has it."""

# What else is seen in practice, to say more than "unknown".
_OTHERS = (
    (b"\x80", 0, "a Python pickle, which could run code; save a plain array with numpy.save"),
    (b"PK\x03\x04", 0, "a zip archive without arrays; unpack it and choose a file in it"),
    (b"\x1f\x8b", 0, "compressed, but no NIfTI image; unpack it first"),
)


def format_of(path: Path) -> Format:
    """Return the format of a file by its content, or of a folder by its files.

    Raises
    ------
    CscError
        If there is no such file, it cannot be opened, or it is of no known format.
    """
    if path.is_dir() and dicom_files.is_dicom_folder(path):
        return _DICOM
    head = _head(path)
    for one in FORMATS:
        if _recognises(one, head, path):
            return one
    for magic, position, what in _OTHERS:
        if head[position:].startswith(magic):
            raise CscError(f"{path.name} is {what}.")
    what = "holds text" if _is_text(head) else "is of no format that can be read"
    known = ", ".join(one.name for one in FORMATS)
    raise CscError(f"{path.name} {what}; export the k-space or image as one of {known}.")


def _head(path: Path) -> bytes:
    if path.is_dir():
        raise CscError(f"{path} is a folder without DICOM files; choose a file in it.")
    if not path.exists():
        raise CscError(f"The file {path} does not exist; check the path.")
    if not path.is_file():
        raise CscError(f"{path} is no plain file; choose another.")
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise CscError(
            f"{path.name} cannot be opened ({error.strerror}); check its rights."
        ) from error
    if not head:
        raise CscError(f"{path.name} is empty; copy or export it again.")
    return head


def _recognises(one: Format, head: bytes, path: Path) -> bool:
    try:
        return one.sniff(head, path)
    except Exception:
        # A head that upsets a sniffer is not of its format.
        return False


def _is_text(head: bytes) -> bool:
    return b"\0" not in head and all(byte >= 32 or byte in b"\t\r\n\f" for byte in head[:256])
