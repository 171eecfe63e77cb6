"""Write NRRD files with the header attached, through pynrrd."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_csc.io.content_to_write import Array, Exported
from napari_csc.io.write_request import WriteRequest
from napari_csc.storage.atomic import replacing

_LEVEL = 4
_NOT_IN_SPACE = [np.nan] * 3


def write_nrrd(content: Exported, request: WriteRequest) -> list[Path]:
    """Write images or maps as a volume (x, y, slice).

    Complex images have an axis of the kind ``complex`` before, maps one of the kind ``list`` behind
    those of space. Where the orientation is not known, the spacing is written alone.
    """
    import nrrd

    values, kinds = _stored(content)
    header: dict[str, Any] = {"content": content.described, "kinds": kinds}
    is_spatial = [kind == "domain" for kind in kinds]
    if content.affine is not None:
        header["space"] = "right-anterior-superior"
        axes = iter(content.affine[:3, [2, 1, 0]].T.tolist())
        directions = [next(axes) if spatial else _NOT_IN_SPACE for spatial in is_spatial]
        header["space directions"] = np.array(directions)
        header["space origin"] = content.affine[:3, 3]
    elif content.unit == "mm":
        sizes = iter(content.spacing[::-1])
        header["spacings"] = np.array([next(sizes) if one else np.nan for one in is_spatial])
        header["units"] = ["mm" if spatial else "" for spatial in is_spatial]
    with replacing(request.path, request.overwrite) as part, part.open("wb") as file:
        nrrd.write(file, values, header, compression_level=_LEVEL, index_order="F")
    return [request.path]


def _stored(content: Exported) -> tuple[Array, list[str]]:
    """Return the array with its axes in the order of the file, fastest first, and their kinds."""
    space = ["domain"] * 3
    if content.kind == "maps":
        return content.values.transpose(3, 2, 0, 1), [*space, "list"]
    values = content.values.transpose(2, 1, 0)
    if content.kind == "complex":
        return np.stack([values.real, values.imag]), ["complex", *space]
    return values, space
