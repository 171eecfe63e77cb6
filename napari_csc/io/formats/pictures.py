"""PNG and TIFF pictures: grey values, or the luminance of colours."""

from __future__ import annotations

import logging
import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.notes import add_note
from napari_csc.errors import CscError
from napari_csc.io.arrays.meaning import image_acquisition
from napari_csc.io.arrays.values import without_nan
from napari_csc.io.formats.format import REAL_KINDS, Format, Writer
from napari_csc.io.formats.pictures_writer import write_png, write_tiff
from napari_csc.io.headers.table import described, geometry_rows
from napari_csc.io.requests import LoadRequest
from napari_csc.storage.content import check_size, n_bytes
from napari_csc.storage.open_file import OpenFile

if TYPE_CHECKING:
    from PIL import Image
    from tifffile import TiffFile, TiffPage

Array = npt.NDArray[Any]

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Deflate cannot expand more than this; the other methods do not come near it.
_RATIO = 1040
# Larger planes are no images of a scanner, and take minutes to transform.
_MOST_PIXELS = 2**27
_PLAIN, _DEFLATE = 1, (8, 32946)
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
# Of red, green and blue in the luminance (ITU-R BT.601), as most programs have it.
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_REDUCED = 1
# Sizes, type, compression, place and meaning of the pixels.
_TAGS_OF_PIXELS = {254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322}
_TAGS_OF_PIXELS |= {323, 324, 325, 338, 339}
_LARGEST_TILE = 2**20
_LONGEST_HEAD = 2**16


def sniff_png(file: OpenFile) -> bool:
    """Return whether this is a PNG picture."""
    return file.head.startswith(_PNG)


def sniff_tiff(file: OpenFile) -> bool:
    """Return whether this is a TIFF or BigTIFF file."""
    return file.head.startswith(_TIFF)


def load_png(file: OpenFile, request: LoadRequest) -> Acquisition:
    """Return a PNG picture as an acquisition of one slice."""
    from PIL import Image

    path = file.path
    with warnings.catch_warnings():
        # Sizes are checked here, on every picture alike.
        warnings.simplefilter("ignore")
        try:
            picture = Image.open(file.start(), formats=["PNG"])
        except Image.DecompressionBombError as error:
            raise _too_large(path) from error
        with picture:
            _check_plane(path, (picture.height, picture.width, 4), np.dtype(np.uint8), False)
            plane, colour = _grey(picture)
    return _acquisition(path, request, plane[None], "PNG", colour)


def load_tiff(file: OpenFile, request: LoadRequest) -> Acquisition:
    """Return the pages of a TIFF file as slices."""
    import tifffile

    path = file.path
    with _heard() as complaints, tifffile.TiffFile(file.start()) as tiff:
        # Counted first: going on page by page never ends where the list of pages is a circle.
        every = [tiff.pages[number] for number in range(len(tiff.pages))]
        pages = [page for page in every if isinstance(page, tifffile.TiffPage)]
        pages = [page for page in pages if not page.subfiletype & _REDUCED]
        if not pages:
            raise CscError(f"{path.name} holds no page with a picture; export it again.")
        if tiff.is_imagej and len(pages) == 1 and _n_claimed(tiff.imagej_metadata) > 1:
            raise CscError(
                f"{path.name} is an ImageJ stack without its list of pages; save it again as a "
                "plain TIFF."
            )
        _refuse_channels(path, tiff)
        first = pages[0]
        if any((one.shape, one.dtype) != (first.shape, first.dtype) for one in pages):
            raise CscError(f"The pages of {path.name} differ in size or type; save them apart.")
        if first.dtype is None:
            raise CscError(f"The type of the values in {path.name} is unknown; export it again.")
        check_size((len(pages), *first.shape), first.dtype, path)
        planes, colours = zip(*(_page(file, page) for page in pages), strict=True)
    if any(_is_serious(text) for text in complaints):
        raise CscError(
            f"{path.name} is damaged or cut off: pages, or parts of them, are missing; copy or "
            "export it again."
        )
    stack = np.concatenate([plane.reshape(-1, *plane.shape[-2:]) for plane in planes])
    note = ""
    if len(stack) > len(planes):
        note = f"{len(stack) // len(planes)} values at each pixel were taken as slices."
    return _acquisition(path, request, stack, "TIFF", colours[0], note)


def _refuse_channels(path: Path, tiff: TiffFile) -> None:
    """Refuse pages that are channels or times among slices, which would be mixed."""
    told: dict[str, Any] = dict(tiff.imagej_metadata or {}) if tiff.is_imagej else {}
    counts = [told.get(name, 1) for name in ("channels", "frames", "slices")]
    if tiff.is_ome:
        start = (tiff.ome_metadata or "")[:_LONGEST_HEAD]
        found = [re.search(rf'\bSize{axis}="(\d{{1,6}})"', start) for axis in "CTZ"]
        counts = [int(one[1]) if one else 1 for one in found]
    channels, times, slices = (one if isinstance(one, int) else 1 for one in counts)
    # A plain stack may be called channels or frames.
    if (channels > 1) + (times > 1) + (slices > 1) > 1:
        raise CscError(
            f"The pages of {path.name} are {channels} channels, {times} times and {slices} slices; "
            "save one stack alone (in ImageJ with Image > Duplicate)."
        )


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Collect what tifffile logs: it goes on without what it cannot read."""
    logger, heard = logging.getLogger("tifffile"), logging.Handler()
    texts: list[str] = []
    heard.emit = lambda record: texts.append(record.getMessage())  # type: ignore[method-assign]
    spreads = logger.propagate
    logger.addHandler(heard)
    logger.propagate = False
    try:
        yield texts
    finally:
        logger.removeHandler(heard)
        logger.propagate = spreads


def _is_serious(text: str) -> bool:
    """Return whether a complaint is about pages or pixels, not about a note beside them."""
    tag = re.search(r"TiffTag (\d+)", text)
    return tag is None or int(tag[1]) in _TAGS_OF_PIXELS


def _acquisition(
    path: Path, request: LoadRequest, planes: Array, name: str, colour: str, told: str = ""
) -> Acquisition:
    if request.kind == "k-space":
        raise CscError(f"{path.name} is a picture, which holds no k-space; leave the kind out.")
    if request.axes is not None or request.key is not None:
        raise CscError("A picture has slices, y and x only; leave axes and key out.")
    metadata: dict[str, Any] = {"path": str(path), "format": name, "kind": "image"}
    metadata["header"] = geometry_rows(planes.shape, (1.0, 1.0, 1.0), "pixel")
    metadata["header"]["Stored"] = described(planes.shape[1:], planes.dtype)
    if colour:
        metadata["colour"] = metadata["header"]["Colour"] = colour
        metadata["header"].pop("Stored")
    planes, note = without_nan(planes)
    add_note(metadata, told, note)
    return image_acquisition(planes[:, None, None], request, {"metadata": metadata})


def _check_plane(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], is_plain: bool) -> None:
    """Compare what a header claims with the file before anything is allocated."""
    check_size(shape, dtype, path)
    if int(np.prod(shape[:2], dtype=object)) > _MOST_PIXELS:
        raise _too_large(path)
    held = path.stat().st_size * (1 if is_plain else _RATIO * 8)
    if n_bytes(shape, dtype) > held:
        raise CscError(
            f"{path.name} is cut off: it claims a picture of the size {shape}, more than the file "
            "holds; copy or export it again."
        )


def _too_large(path: Path) -> CscError:
    return CscError(
        f"{path.name} claims a picture of more than {_MOST_PIXELS // 2**20} million pixels; cut it "
        "into parts, or export it again if that is wrong."
    )


def _not_decodable(path: Path) -> CscError:
    return CscError(
        f"{path.name} is compressed or packed in a way that cannot be read here; save it without "
        "compression."
    )


def _grey(picture: Image.Image) -> tuple[Array, str]:
    """Return the values of a picture, and what was done to its colours."""
    mode = picture.mode
    if mode in ("1", "L", "I", "F") or mode.startswith("I;16"):
        values = np.asarray(picture)
        return values.astype(np.uint8) if values.dtype == bool else values, ""
    if mode == "LA":
        return np.asarray(picture)[..., 0], ""
    colours = np.asarray(picture.convert("RGB"))
    return luminance(colours), f"{mode.removesuffix('A')} converted to luminance"


def luminance(colours: Array) -> Array:
    """Return the luminance of red, green and blue along the last axis; more channels are alpha."""
    grey: Array = colours[..., :3].astype(np.float32) @ _LUMINANCE
    return grey


def _page(file: OpenFile, page: TiffPage) -> tuple[Array, str]:
    """Return the values of a page, and what was done to its colours."""
    assert page.dtype is not None
    path = file.path
    plain = page.compression == _PLAIN
    shape = _plane_first(page)
    _check_plane(path, shape, page.dtype, plain and page.dtype != bool)
    if int(np.prod(page.chunks, dtype=object)) > 2 * np.prod(shape) + _LARGEST_TILE:
        raise CscError(f"The tiles of {path.name} are larger than its pictures; export it again.")
    if not plain and page.compression not in _DEFLATE:
        return _by_pillow(file, page)
    if not plain:
        _check_segments(file, page)
    try:
        values = page.asarray()
    except ValueError as error:
        if "imagecodecs" in str(error):
            raise _not_decodable(path) from error
        raise
    return _interpreted(path, page, values)


def _plane_first(page: TiffPage) -> tuple[int, ...]:
    """Return the shape with the channels last, whatever their order."""
    channels = max(1, int(np.prod(page.shape)) // max(1, page.imagelength * page.imagewidth))
    return (page.imagelength, page.imagewidth, channels)


def _check_segments(file: OpenFile, page: TiffPage) -> None:
    """Refuse compressed parts that expand to more than they may; tifffile expands them whole."""
    assert page.dtype is not None
    allowed = int(np.prod(page.chunks, dtype=object)) * page.dtype.itemsize
    path, raw = file.path, file.raw
    for start, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        raw.seek(start)
        expander = zlib.decompressobj()
        expander.decompress(raw.read(min(count, path.stat().st_size)), allowed + 1)
        if expander.unconsumed_tail:
            raise CscError(
                f"{path.name} is damaged: a part expands to more than the picture; export it again."
            )


def _interpreted(path: Path, page: TiffPage, values: Array) -> tuple[Array, str]:
    """Return grey values of an array as stored."""
    if page.axes == "SYX":
        values = np.moveaxis(values, 0, -1)
    elif page.axes not in ("YX", "YXS"):
        raise CscError(f"The pages of {path.name} have the axes {page.axes}; save plain pictures.")
    kind = int(page.photometric)
    if kind == _RGB and values.ndim == 3 and values.shape[-1] >= 3:
        return luminance(values), "RGB converted to luminance"
    if kind == _PALETTE and values.ndim == 2 and page.colormap is not None:
        colours = np.moveaxis(page.colormap, 0, -1)[values.astype(np.intp)]
        return luminance(colours), "palette converted to luminance"
    if kind not in (_MIN_IS_WHITE, _MIN_IS_BLACK):
        raise CscError(
            f"The colours of {path.name} cannot be read; save it as grey values or as RGB."
        )
    if values.ndim == 3 and values.shape[-1] > 2:
        # More than grey and alpha: programs write stacks so.
        values = np.moveaxis(values, -1, 0)
    grey = values if values.ndim == 2 or values.shape[-1] > 2 else values[..., 0]
    grey = grey.astype(np.uint8) if grey.dtype == bool else grey
    if kind == _MIN_IS_WHITE and grey.dtype.kind == "u":
        grey = (2**page.bitspersample - 1) - grey
    return grey, ""


def _by_pillow(file: OpenFile, page: TiffPage) -> tuple[Array, str]:
    """Return a page that is compressed in a way that needs a library of its own.

    Pillow has them, but gets values wrong that are not unsigned.
    """
    from PIL import Image

    is_grey = page.photometric == _MIN_IS_BLACK and page.dtype in (np.uint8, np.uint16)
    if not is_grey and not (page.photometric in (_RGB, _YCBCR) and page.dtype == np.uint8):
        raise _not_decodable(file.path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(file.start(), formats=["TIFF"]) as picture:
            picture.seek(page.index)
            return _grey(picture)


def _n_claimed(metadata: dict[str, Any] | None) -> int:
    count = (metadata or {}).get("images", 1)
    return count if isinstance(count, int) else 1


# napari shows pictures itself; the Input section reads them.
PNG = Format(
    "PNG",
    (".png",),
    sniff_png,
    load_png,
    is_offered=None,
    writers=(Writer("png", "PNG", (".png",), REAL_KINDS, write_png),),
)
TIFF = Format(
    "TIFF",
    (".tif", ".tiff"),
    sniff_tiff,
    load_tiff,
    is_offered=None,
    writers=(Writer("tiff", "TIFF", (".tif", ".tiff"), (*REAL_KINDS, "maps"), write_tiff),),
)
