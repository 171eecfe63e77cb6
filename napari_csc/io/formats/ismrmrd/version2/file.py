"""Files of MRD version 2: a stream that was kept, read like an ISMRMRD file."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.errors import CscError
from napari_csc.io.formats.format import Format
from napari_csc.io.formats.ismrmrd.header import ScanHeader
from napari_csc.io.formats.ismrmrd.images import checked_pixels, images_of
from napari_csc.io.formats.ismrmrd.reader import scan_of
from napari_csc.io.formats.ismrmrd.version2.incoming import MAGIC, kind_of, opened_stream
from napari_csc.io.formats.ismrmrd.version2.left_out import LeftOut
from napari_csc.io.formats.ismrmrd.version2.translated import HeldReadouts, header_xml
from napari_csc.io.requests import LoadRequest
from napari_csc.storage.open_file import OpenFile

_COUNTERS = ("average", "slice", "contrast", "phase", "repetition", "set", "image_series_index")
_PLACES = {"position": "position", "read_dir": "col_dir", "phase_dir": "line_dir"}
_PLACES |= {"slice_dir": "slice_dir", "field_of_view": "field_of_view"}
_IMAGE = np.dtype(
    [
        *[(name, "<u4") for name in (*_COUNTERS, "image_type")],
        *[(name, "<f4", 3) for name in _PLACES],
    ]
)


def sniff(source: OpenFile) -> bool:
    """Return whether a file begins like a stream of MRD version 2."""
    return source.head.startswith(MAGIC) and b'"name":"Mrd"' in source.head


def load_version2(source: OpenFile, request: LoadRequest) -> Acquisition:
    """Return one image series of a stream, of the asked-for slices; see `load_ismrmrd`.

    Raises
    ------
    CscError
        If mrd-python is missing, or the stream is damaged or holds nothing that can be used.
    """
    path = source.path
    header, items = opened_stream(source.start().read, path.name)
    told = ScanHeader.of(header_xml(header), path)
    readouts: list[Any] = []
    images: list[Any] = []
    others = LeftOut()
    for item in items:
        if kind_of(item) == "Acquisition":
            readouts.append(item.value)
        elif hasattr(item.value, "head") and hasattr(item.value.head, "image_type"):
            images.append(item.value)
        else:
            others.add(item)
    if images and (not readouts or request.kind == "image"):
        found = _images(source, images, request)
    elif readouts:
        request.refuse_what_the_file_states(path, "axes")
        every = HeldReadouts.holding(readouts, path)
        found = scan_of(every, told, request, request.key or "")
    else:
        raise CscError(f"{path.name} holds neither readouts nor images; choose another file.")
    left_out = others.notes()
    return found.with_notes(*left_out) if left_out else found


def _images(source: OpenFile, images: list[Any], request: LoadRequest) -> Acquisition:
    """Return images of the stream as a scan."""
    path = source.path
    if request.kind == "k-space" or request.axes is not None:
        raise CscError(f"{path.name} holds images and states their axes; leave kind and axes out.")
    heads = np.zeros(len(images), _IMAGE)
    for row, one in zip(heads, images, strict=True):
        for name in _COUNTERS:
            row[name] = getattr(one.head, name) or 0
        row["image_type"] = int(getattr(one.head.image_type, "value", one.head.image_type))
        for ours, theirs in _PLACES.items():
            row[ours] = getattr(one.head, theirs)

    def pixels(rows: list[int]) -> Any:
        shapes = {images[row].data.shape for row in rows}
        if len(shapes) > 1:
            raise CscError(f"The images in {path.name} have different sizes; save one series.")
        return checked_pixels(path, np.stack([images[row].data for row in rows]))

    found = images_of(path, heads, pixels, request, request.key or "", {})
    return found if request.slice is None else found.select(request.slice)


FORMAT = Format("MRD 2 (.mrd)", (".mrd",), sniff, load_version2, reads_slices=True)
