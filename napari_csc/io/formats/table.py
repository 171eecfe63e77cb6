"""The formats that can be read and written; content decides, not the name of the file.

A new one is a module with a `Format` of its own, and a line here.
"""

from __future__ import annotations

from pathlib import Path

from napari_csc.errors import CscError
from napari_csc.io.formats import (
    bart,
    csc_result,
    dicom,
    fastmri,
    hdf5_arrays,
    ismrmrd,
    m4raw,
    matlab,
    numpy,
    pictures,
)
from napari_csc.io.formats.format import Format, Writer
from napari_csc.io.formats.ismrmrd.version2 import file as mrd_version2
from napari_csc.io.formats.nifti import reader as nifti
from napari_csc.io.formats.nrrd import reader as nrrd
from napari_csc.io.headers.foreign import advice_for, advice_for_missing
from napari_csc.storage.open_file import OpenFile, held

FORMATS: tuple[Format, ...] = (
    numpy.FORMAT,
    matlab.FORMAT,
    nifti.FORMAT,
    dicom.FORMAT,
    nrrd.FORMAT,
    pictures.PNG,
    pictures.TIFF,
    ismrmrd.FORMAT,
    mrd_version2.FORMAT,
    m4raw.FORMAT,
    fastmri.FORMAT,
    hdf5_arrays.FORMAT,
    # Takes every other HDF5 file, to say what is wrong with it.
    csc_result.FORMAT,
    # Takes values without a mark by their name.
    bart.FORMAT,
)
"""The first that recognises a file has it."""

# Those that people want most; others follow in the order of the table.
_WRITTEN_FIRST = ("napari-csc", "nifti", "dicom", "ismrmrd", "npy", "npz", "bart", "nrrd", "tiff")

# Numbers of Windows: another program has the file, or a part of it, for itself.
_IN_USE = (32, 33)


def format_of(source: Path | OpenFile) -> Format:
    """Return the format of a file by its content, or of a folder by its files.

    Raises
    ------
    CscError
        If there is no such file, it cannot be opened, or it is of no known format.
    """
    with held(source) as file:
        if file.path.is_dir():
            return _of_folder(file)
        head = _head(file)
        for one in FORMATS:
            if _recognises(one, file):
                return one
        name, advice = file.path.name, advice_for(file)
    if advice is not None:
        raise CscError(f"{name} is {advice}.")
    what = "holds text" if _is_text(head) else "is of no format that can be read"
    known = ", ".join(one.title for one in FORMATS)
    raise CscError(f"{name} {what}; export the k-space or image as one of {known}.")


def _of_folder(folder: OpenFile) -> Format:
    for one in FORMATS:
        if one.sniff_folder is not None and one.sniff_folder(folder):
            return one
    raise CscError(f"{folder.path} is a folder without DICOM files; choose a file in it.")


def _head(file: OpenFile) -> bytes:
    path = file.path
    if not path.exists():
        advice = advice_for_missing(path)
        if advice is not None:
            raise CscError(f"{path.name} is {advice}.")
        raise CscError(f"The file {path} does not exist; check the path.")
    if not path.is_file():
        raise CscError(f"{path} is no plain file; choose another.")
    try:
        head = file.head
    except OSError as error:
        if getattr(error, "winerror", None) in _IN_USE:
            raise CscError(
                f"{path.name} is open in another program; close it there and try again."
            ) from error
        raise CscError(
            f"{path.name} cannot be opened ({error.strerror}); check its rights."
        ) from error
    if not head:
        raise CscError(f"{path.name} is empty; copy or export it again.")
    return head


def _recognises(one: Format, file: OpenFile) -> bool:
    try:
        return one.sniff(file)
    except Exception:
        # A head that upsets a sniffer is not of its format.
        return False


def _is_text(head: bytes) -> bool:
    return b"\0" not in head and all(byte >= 32 or byte in b"\t\r\n\f" for byte in head[:256])


def endings_to_read() -> tuple[str, ...]:
    """Return the endings of all files that can be read, each once."""
    return tuple(dict.fromkeys(ending for one in FORMATS for ending in one.endings))


def writers() -> list[Writer]:
    """Return all formats that can be written, in the order in which they are listed."""
    found = [writer for one in FORMATS for writer in one.writers]
    places = {name: place for place, name in enumerate(_WRITTEN_FIRST)}
    return sorted(found, key=lambda one: places.get(one.name, len(places)))


def writer_for(path: Path, name: str | None = None) -> Writer:
    """Return the writer for a path: the one with the name, else the one of the ending.

    Raises
    ------
    CscError
        If there is none.
    """
    if name is None:
        found = [one for one in writers() if one.fits(path)]
        if found:
            return found[0]
        endings = ", ".join(ending for one in writers() for ending in one.endings)
        raise CscError(
            f"{path.name or path} ends like no format that can be written; use one of {endings}, "
            "or a name without a suffix for a folder of DICOM files."
        )
    named = {one.name: one for one in writers()}
    if name.lower() not in named:
        raise CscError(f"There is no format {name!r}; choose one of {', '.join(named)}.")
    writer = named[name.lower()]
    if not writer.fits(path, by_name=True):
        endings = " or ".join((*writer.endings, *writer.may_end))
        raise CscError(f"{writer.title} cannot be written as {path.name}; use {endings}.")
    return writer
