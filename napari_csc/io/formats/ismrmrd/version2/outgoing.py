"""Images into an MRD stream of version 2, each sent as soon as it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from napari_csc.io.content_to_write import NOTICE, Exported
from napari_csc.io.formats.ismrmrd.version2.package import mrd_package
from napari_csc.io.formats.ismrmrd.writer import IMAGE_TYPES, field_of_view, place_of

KINDS = tuple(IMAGE_TYPES)
"""What an image of a stream can be."""


class Outgoing:
    """A stream of images; to be used as a context.

    Leaving it ends the stream, also after an error: what was written before can be used.

    Parameters
    ----------
    file
        Where the bytes go.
    header
        The ``mrd.Header`` of the scan, which is passed on as it is.
    """

    def __init__(self, file: BinaryIO, header: Any) -> None:
        self._mrd = mrd_package("Images are written as an MRD stream of version 2")
        self._writer = self._mrd.BinaryMrdWriter(file)
        self._writer.write_header(header)
        self._count = 0

    def __enter__(self) -> Outgoing:
        return self

    def __exit__(self, *error: object) -> None:
        # A stream without any image has an end as well.
        self._writer.write_data([])
        self._writer.close()

    def write(self, content: Exported, counters: Mapping[str, int], slices: list[int]) -> None:
        """Write images, one a slice.

        Parameters
        ----------
        content
            The images, their kind, and where they lie.
        counters
            Contrast, phase, repetition and set of all of them.
        slices
            The slice counter of each.
        """
        for number, counter in enumerate(slices):
            self._writer.write_data([self._item(content, number, dict(counters, slice=counter))])
        # The package keeps the last bytes until more come.
        self._writer._stream.flush()

    def _item(self, content: Exported, number: int, counters: Mapping[str, int]) -> Any:
        mrd = self._mrd
        self._count += 1
        place = place_of(content, number)
        names = {"read_dir": "col_dir", "phase_dir": "line_dir"}
        head = mrd.ImageHeader(
            image_type=mrd.ImageType(IMAGE_TYPES[content.kind]),
            image_index=self._count,
            image_series_index=0,
            field_of_view=np.array(field_of_view(content, 1), np.float32),
            **{names.get(one, one): np.array(at, np.float32) for one, at in place.items()},
            **counters,
        )
        text = mrd.ImageMetaValue.String(f"{content.described}; {NOTICE}")
        is_complex = content.kind == "complex"
        values = np.ascontiguousarray(content.values[number][None, None])
        image = mrd.Image(
            head=head,
            data=values.astype(np.complex64 if is_complex else np.float32),
            meta={"ImageComment": [text]},
        )
        kind = mrd.StreamItem.ImageComplexFloat if is_complex else mrd.StreamItem.ImageFloat
        return kind(image)
