"""What a file format is: how it is recognised, read and written, and what it can hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError
from napari_csc.io.arrays.reader import acquisition_from
from napari_csc.io.arrays.values import SIGNED
from napari_csc.io.content_to_write import IMAGE_KINDS, KSPACE, WHOLE, Exported, Source
from napari_csc.io.requests import LoadRequest, WriteRequest
from napari_csc.storage.content import FileContent
from napari_csc.storage.open_file import OpenFile

Load = Callable[[OpenFile, LoadRequest], Acquisition]

OWN_KINDS = (WHOLE, KSPACE)
"""What files of napari-csc hold: all of a result, or a scan."""

COMPLEX_FIRST = ("complex", *(kind for kind in IMAGE_KINDS if kind != "complex"))
REAL_KINDS = tuple(kind for kind in IMAGE_KINDS if kind != "complex")


@dataclass(frozen=True)
class Writer:
    """How a format is written.

    Attributes
    ----------
    name : str
        How it is chosen by name.
    title : str
        What to show to people.
    endings : tuple of str
        Endings of names that choose it; the first is the usual one.
    kinds : tuple of str
        What it can hold, see `napari_csc.io.content_to_write.KINDS`; the first is written unless
        another is asked for.
    write : callable
        Writes values, and returns the files, or the folder.
    may_end : tuple of str
        Further endings that are right if the format is chosen by name.
    is_folder : bool
        Whether a name without an ending becomes a folder.
    one_image_endings : tuple of str
        Endings of files that hold a single image.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    kinds: tuple[str, ...]
    write: Callable[[Exported, WriteRequest], list[Path]]
    may_end: tuple[str, ...] = ()
    is_folder: bool = False
    one_image_endings: tuple[str, ...] = ()

    def check_count(self, path: Path, count: int) -> None:
        """Refuse several images in a file that can hold one, before they are made.

        Raises
        ------
        CscError
            If so.
        """
        if count > 1 and path.name.lower().endswith(self.one_image_endings or ("\0",)):
            raise CscError(
                f"{path.name} would be one {self.title} file, but there are {count} images; give "
                f"a folder (a name without {path.suffix}), or choose one slice."
            )

    def fits(self, path: Path, by_name: bool = False) -> bool:
        """Return whether a name of a file, or of a folder, is one of this format."""
        if path.name.lower().endswith(self.endings + (self.may_end if by_name else ())):
            return True
        return self.is_folder and (by_name or not path.suffix)

    def kind_for(self, source: Source) -> str:
        """Return what is written of a result, or of a scan, unless told."""
        if isinstance(source, Reconstruction):
            if WHOLE in self.kinds:
                return WHOLE
            is_signed = source.metadata.get(SIGNED) is True and self.kinds[0] == "magnitude"
            return "real" if is_signed else self.kinds[0]
        is_image = source.metadata.get("kind") == "image"
        if KSPACE in self.kinds and (not is_image or self.kinds == OWN_KINDS):
            return KSPACE
        if self.kinds[0] == "magnitude" and source.metadata.get(SIGNED) is True:
            return "real"
        return self.kinds[0]


@dataclass(frozen=True)
class Format:
    """A file format, as `napari_csc.io.formats.table` lists it.

    Attributes
    ----------
    title : str
        What to show to people.
    endings : tuple of str
        Of the names of its files; content decides, but dialogs list files by them.
    sniff : callable
        Tells whether a file is of this format, by its first bytes where these are enough.
    load : callable
        Makes an acquisition of a file.
    reads_slices : bool
        Whether ``load`` itself leaves out the slices that are not asked for.
    arrays : callable or None
        For files of bare arrays, which say nothing about them: tells which there are.
    is_offered : callable or None
        Tells whether napari's File > Open should offer a file of this format to us; None if none.
    sniff_folder : callable or None
        Tells whether a folder can be read as a whole; None if none can.
    writers : tuple of Writer
        How it is written; none if it is read only.
    """

    title: str
    endings: tuple[str, ...]
    sniff: Callable[[OpenFile], bool]
    load: Load
    reads_slices: bool = False
    arrays: Callable[[OpenFile], FileContent] | None = None
    is_offered: Callable[[OpenFile], bool] | None = lambda file: True
    sniff_folder: Callable[[OpenFile], bool] | None = None
    writers: tuple[Writer, ...] = ()


def of_arrays(read: Callable[[OpenFile], FileContent]) -> Load:
    """Return the ``load`` of a format of bare arrays."""
    return lambda file, request: acquisition_from(file.path, read(file), request)
