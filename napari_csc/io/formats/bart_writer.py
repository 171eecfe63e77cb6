"""Write BART pairs of files: text header (.hdr) and complex64 values (.cfl)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_csc.io.content_to_write import KSPACE, Array, Exported, plain_kspace
from napari_csc.io.write_request import WriteRequest
from napari_csc.storage.atomic import replacing_all

_DIMENSIONS = 16
_COIL, _SLICE = 3, 13


def write_bart(content: Exported, request: WriteRequest) -> list[Path]:
    """Write images or k-space; x is ``read``, y ``phase1``.

    Spacing and orientation have no place in these files.

    Raises
    ------
    CscError
        If one of the files exists and may not be overwritten, or cannot be written.
    """
    is_kspace = content.kind == KSPACE
    values = plain_kspace(content) if is_kspace else content.values[:, None]
    slices, coils, height, width = values.shape
    sizes = [1] * _DIMENSIONS
    sizes[0], sizes[1], sizes[_COIL], sizes[_SLICE] = width, height, coils, slices
    text = f"# Dimensions\n{' '.join(str(size) for size in sizes)}\n# Creator\nnapari-csc\n"
    paths = [request.path.with_suffix(ending) for ending in (".cfl", ".hdr")]
    # The header is what makes the values a pair, so it is the last.
    with replacing_all(paths, request.overwrite) as (data, header):
        data.write_bytes(_stored(values))
        header.write_text(text, encoding="ascii")
    return paths


def _stored(values: Array) -> memoryview:
    """Return (slice, coil, y, x) in Fortran order of (x, y, coil, slice): as it stands."""
    return np.ascontiguousarray(values, dtype="<c8").reshape(-1).view(np.uint8).data
