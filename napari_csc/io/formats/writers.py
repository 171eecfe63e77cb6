"""The formats that can be written: their names, suffixes, and what each can hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError
from napari_csc.io.content_to_write import IMAGE_KINDS, KSPACE, WHOLE, Exported, Source
from napari_csc.io.formats.bart_writer import write_bart
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.io.formats.csc_result import save
from napari_csc.io.formats.dicom.writer import write_dicom
from napari_csc.io.formats.ismrmrd.writer import write_ismrmrd
from napari_csc.io.formats.nifti_writer import write_nifti
from napari_csc.io.formats.nrrd_writer import write_nrrd
from napari_csc.io.formats.numpy import write_npy, write_npz
from napari_csc.io.formats.pictures_writer import write_png, write_tiff
from napari_csc.io.write_request import WriteRequest


@dataclass(frozen=True)
class Writer:
    """A format that can be written.

    Attributes
    ----------
    name : str
        How it is chosen by name.
    title : str
        What to show to people.
    suffixes : tuple of str
        Endings of names that choose it; the first is the usual one.
    kinds : tuple of str
        What it can hold, see `napari_csc.io.content_to_write.KINDS`; the first is written unless
        another is asked for.
    write : callable
        Writes values, and returns the files, or the folder.
    may_end : tuple of str
        Further endings that are right if the format is chosen by name.
    is_folder : bool
        Whether a name without a suffix becomes a folder.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    kinds: tuple[str, ...]
    write: Callable[[Exported, WriteRequest], list[Path]]
    may_end: tuple[str, ...] = ()
    is_folder: bool = False

    def fits(self, path: Path, by_name: bool = False) -> bool:
        """Return whether a name of a file, or of a folder, is one of this format."""
        if path.name.lower().endswith(self.suffixes + (self.may_end if by_name else ())):
            return True
        return self.is_folder and (by_name or not path.suffix)

    def kind_for(self, source: Source) -> str:
        """Return what is written of a result, or of a scan, unless told."""
        if isinstance(source, Reconstruction):
            return WHOLE if WHOLE in self.kinds else self.kinds[0]
        is_image = source.metadata.get("kind") == "image"
        if KSPACE in self.kinds and (not is_image or self.kinds == _OWN_KINDS):
            return KSPACE
        return self.kinds[0]


def _write_own(content: Exported, request: WriteRequest) -> list[Path]:
    if isinstance(content.source, Reconstruction):
        save(content.source, request.path, request.overwrite, content.acquisition)
    else:
        save_acquisition(content.source, request.path, request.overwrite)
    return [request.path]


_OWN_KINDS = (WHOLE, KSPACE)
_COMPLEX_FIRST = ("complex", *(kind for kind in IMAGE_KINDS if kind != "complex"))
_REAL = tuple(kind for kind in IMAGE_KINDS if kind != "complex")

WRITERS = (
    Writer("napari-csc", "napari-csc (.h5)", (".h5", ".hdf5"), _OWN_KINDS, _write_own),
    Writer("nifti", "NIfTI", (".nii", ".nii.gz"), (*IMAGE_KINDS, "maps"), write_nifti),
    Writer("dicom", "DICOM", (".dcm",), (*IMAGE_KINDS, "maps"), write_dicom, is_folder=True),
    Writer("ismrmrd", "ISMRMRD", (".mrd",), _COMPLEX_FIRST, write_ismrmrd, may_end=(".h5",)),
    Writer("npy", "NumPy (.npy)", (".npy",), (*_COMPLEX_FIRST, "maps", KSPACE), write_npy),
    Writer("npz", "NumPy (.npz)", (".npz",), (*_COMPLEX_FIRST, "maps", KSPACE, WHOLE), write_npz),
    Writer("bart", "BART", (".cfl", ".hdr"), (*_COMPLEX_FIRST, KSPACE), write_bart),
    Writer("nrrd", "NRRD", (".nrrd",), (*IMAGE_KINDS, "maps"), write_nrrd),
    Writer("tiff", "TIFF", (".tif", ".tiff"), (*_REAL, "maps"), write_tiff),
    Writer("png", "PNG", (".png",), _REAL, write_png),
)
"""All of them, in the order in which they are listed."""


def writer_for(path: Path, name: str | None = None) -> Writer:
    """Return the writer for a path: the one with the name, else the one of the suffix.

    Raises
    ------
    CscError
        If there is none.
    """
    if name is None:
        found = [one for one in WRITERS if one.fits(path)]
        if found:
            return found[0]
        endings = ", ".join(ending for one in WRITERS for ending in one.suffixes)
        raise CscError(
            f"{path.name or path} ends like no format that can be written; use one of {endings}, "
            "or a name without a suffix for a folder of DICOM files."
        )
    named = {one.name: one for one in WRITERS}
    if name.lower() not in named:
        raise CscError(f"There is no format {name!r}; choose one of {', '.join(named)}.")
    writer = named[name.lower()]
    if not writer.fits(path, by_name=True):
        endings = " or ".join((*writer.suffixes, *writer.may_end))
        raise CscError(f"{writer.title} cannot be written as {path.name}; use {endings}.")
    return writer
