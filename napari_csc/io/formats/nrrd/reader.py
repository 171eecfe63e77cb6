"""NRRD images, attached (.nrrd) or detached (.nhdr), shown in radiological convention.

They are written with the header attached.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.notes import add_note
from napari_csc.errors import CscError
from napari_csc.io.arrays.kind import ask_whether_kspace
from napari_csc.io.arrays.meaning import image_acquisition, kspace_acquisition
from napari_csc.io.arrays.values import without_nan
from napari_csc.io.content_to_write import IMAGE_KINDS, OWN, Array, Exported
from napari_csc.io.formats.format import Format, Writer
from napari_csc.io.formats.nrrd.storage import Header, read_stored
from napari_csc.io.headers.lengths import ANOTHER_UNIT, is_in_millimetres
from napari_csc.io.headers.radiological import spacing_of, turned
from napari_csc.io.headers.table import described, geometry_rows, one_line
from napari_csc.io.requests import LoadRequest, WriteRequest
from napari_csc.storage.atomic import replacing
from napari_csc.storage.open_file import OpenFile

_MAGIC = b"NRRD000"
# Signs that turn the named space into right-anterior-superior.
_SPACES = {
    "right-anterior-superior": (1, 1, 1),
    "ras": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "las": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1),
    "lps": (-1, -1, 1),
}
_MILLIMETRES = {
    **dict.fromkeys(("mm", "millimeter", "millimetre", "millimeters", "millimetres"), 1.0),
    **dict.fromkeys(("m", "meter", "metre", "meters", "metres"), 1000.0),
    **dict.fromkeys(("cm", "centimeter", "centimetre", "centimeters", "centimetres"), 10.0),
    **dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer", "micrometers"), 0.001),
    **dict.fromkeys(("micrometre", "micrometres"), 0.001),
    **dict.fromkeys(("nm", "nanometer", "nanometers", "nanometre", "nanometres"), 1e-6),
    **dict.fromkeys(("inch", "inches", "in"), 25.4),
}
_SPATIAL_KINDS = ("domain", "space", "none", "???")
_LEVEL = 4
_NOT_IN_SPACE = [np.nan] * 3


@dataclass(frozen=True)
class _Volume:
    """A volume with three axes, in the order of the file.

    ``matrix`` has the directions of the axes as columns, ``signs`` turn them into
    right-anterior-superior; they are None where the file does not tell.
    """

    data: npt.NDArray[Any]
    matrix: npt.NDArray[np.float64] | None
    origin: npt.NDArray[np.float64]
    signs: tuple[int, int, int] | None


def sniff(file: OpenFile) -> bool:
    """Return whether this is an NRRD header, with or without the data behind it."""
    return file.head.startswith(_MAGIC)


def load_nrrd(file: OpenFile, request: LoadRequest) -> Acquisition:
    """Return the images of a volume as an acquisition.

    Slices are chosen and turned as in NIfTI where the file names the anatomical space. Otherwise
    the axes stay as stored, the slowest one across the slices, and no affine is known.
    """
    if request.axes is not None:
        raise CscError("An NRRD file states its axes; leave them out.")
    path = file.path
    data, header = read_stored(file)
    volume = _volume(path, data, header, request.key)
    images, spacing, unit, facts = _shown(path, volume)
    # What this package has written is what it says.
    if not str(header.get("content", "")).startswith(OWN):
        ask_whether_kspace(images, path.name, request.kind)
    is_told_otherwise = _scale(_units(header)) != 1.0
    if unit == "mm" and not is_told_otherwise and not is_in_millimetres(spacing, images.shape):
        spacing, unit = (1.0, 1.0, 1.0), "pixel"
        facts.pop("affine", None)
        add_note(facts, ANOTHER_UNIT)
    images, note = without_nan(images)
    add_note(facts, note, _unit_note(header))
    affine = facts.get("affine")
    facts["header"] = {
        **geometry_rows(images.shape, spacing, unit, affine),
        "Stored": described(data.shape, data.dtype),
        **({"Space": one_line(header["space"])} if "space" in header else {}),
        **({"Stored axes": facts["orientation"]} if affine is not None else {}),
    }
    facts |= {"path": str(path), "format": "NRRD", "kind": request.kind or "image"}
    facts |= {} if request.key is None else {"key": request.key}
    extra = {"spacing": spacing, "unit": unit, "metadata": facts}
    stack = images[:, None, None]
    if request.kind == "k-space":
        return kspace_acquisition(stack, request, False, extra)
    return image_acquisition(stack, request, extra)


def _unit_note(header: Header) -> str:
    units = _units(header)
    if _scale(units) is not None:
        return ""
    return f"The unit of length {one_line(str(units[0]), 20)!r} is not known, so no size is told."


def _units(header: Header) -> Any:
    return header.get("space units", header.get("units", ["mm"]))


def _volume(path: Path, data: npt.NDArray[Any], header: Header, key: str | None) -> _Volume:
    """Return the volume in the axes of space; ``key`` is the number of one in a list."""
    data = data.astype(data.dtype.newbyteorder("="), copy=False)
    directions = _directions(path, header, data.ndim)
    kinds = [str(kind) for kind in header.get("kinds", ["domain"] * data.ndim)]
    if len(kinds) != data.ndim:
        raise CscError(f"The kinds of axes in {path.name} do not fit its sizes; export it again.")
    if directions is None:
        spatial = [axis for axis, kind in enumerate(kinds) if kind.lower() in _SPATIAL_KINDS]
    else:
        spatial = [axis for axis in range(data.ndim) if np.isfinite(directions[axis]).all()]
    others = [axis for axis in range(data.ndim) if axis not in spatial]
    if len(spatial) not in (2, 3):
        raise CscError(
            f"{path.name} has {len(spatial)} axes in space; two or three can be used, so tell by "
            "the kinds in its header which axis is a list."
        )
    data = data.transpose(*others, *spatial)
    lists = [kinds[axis] for axis in others]
    pair = next((n for n, kind in enumerate(lists) if kind.lower() == "complex"), None)
    if pair is not None and data.shape[pair] == 2:
        data = data.take(0, pair) + 1j * data.take(1, pair)
        del lists[pair]
    data = _one_of_list(path, data, lists, key)
    matrix = None if directions is None else directions[spatial].T
    if matrix is None and "spacings" in header:
        spacings = np.asarray(header["spacings"], dtype=float)[spatial]
        matrix = np.diag(spacings)
    if data.ndim == 2:
        data = data[..., None]
        matrix = None if matrix is None else _with_slices(matrix)
    signs = _SPACES.get(str(header.get("space", "")).lower())
    origin = np.asarray(header.get("space origin", np.zeros(3)), dtype=float)
    if directions is None or directions.shape[1] != 3 or origin.shape != (3,):
        signs = None
    scale = _scale(_units(header))
    if scale is None:
        # A length in no known unit says nothing.
        return _Volume(data, None, origin, None)
    return _Volume(data, None if matrix is None else scale * matrix, scale * origin, signs)


def _scale(units: Any) -> float | None:
    """Return the length of a unit in millimetres; None if it has another name than is known."""
    words = [str(one).strip().strip('"').lower() for one in np.atleast_1d(np.asarray(units))]
    words = [one for one in words if one and one != "nan"]
    if not words:
        return 1.0
    known = [_MILLIMETRES.get(one) for one in words]
    return known[0] if None not in known and len(set(known)) == 1 else None


def _directions(path: Path, header: Header, n_axes: int) -> npt.NDArray[np.float64] | None:
    """Return the direction of every axis, a row each, NaN for those that are not of space."""
    if header.get("space directions") is None:
        return None
    found = np.asarray(header["space directions"], dtype=float)
    if found.ndim != 2 or len(found) != n_axes or found.shape[1] not in (2, 3):
        raise CscError(
            f"The space directions in {path.name} do not fit two or three axes of space; export it "
            "again without an axis of time."
        )
    return found


def _one_of_list(
    path: Path, data: npt.NDArray[Any], kinds: list[str], key: str | None
) -> npt.NDArray[Any]:
    """Return the part of the data that the key chooses of the axes that are not of space."""
    counts = data.shape[: len(kinds)]
    long = [(kind, count) for kind, count in zip(kinds, counts, strict=True) if count > 1]
    if len(long) > 1:
        raise CscError(f"{path.name} has {len(long)} axes that are not of space; save one volume.")
    data = data.reshape(-1, *data.shape[len(kinds) :])
    if len(data) > 1 and key is None:
        raise CscError(
            f"{path.name} holds {len(data)} volumes (an axis of the kind "
            f"{one_line(long[0][0], 20)!r}); choose one by its number as the key, 0 to "
            f"{len(data) - 1}."
        )
    number = 0 if key is None else int(key) if key.isdecimal() else -1
    if not 0 <= number < len(data):
        raise CscError(f"{path.name} has no volume {key!r}; the volumes are 0 to {len(data) - 1}.")
    return data[number]


def _with_slices(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Add a direction across the slice to those of a single slice."""
    if matrix.shape[0] == 2:
        matrix = np.vstack([matrix, np.zeros(2)])
    normal = np.cross(matrix[:, 0], matrix[:, 1])
    return np.column_stack([matrix, normal / max(float(np.linalg.norm(normal)), 1e-300)])


def _shown(
    path: Path, volume: _Volume
) -> tuple[npt.NDArray[Any], tuple[float, float, float], str, dict[str, Any]]:
    """Return the images (slice, y, x), spacing, unit, and what is known of the orientation."""
    from nibabel.orientations import aff2axcodes

    matrix = volume.matrix
    if matrix is None:
        return volume.data.transpose(2, 1, 0), (1.0, 1.0, 1.0), "pixel", {}
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = matrix, volume.origin[:3] if len(volume.origin) == 3 else 0
    if not np.isfinite(affine).all() or np.linalg.det(matrix) == 0:
        raise CscError(f"The orientation in {path.name} is damaged; export it again.")
    if volume.signs is None:
        spacing = spacing_of(affine[:, [2, 1, 0, 3]])
        return volume.data.transpose(2, 1, 0), spacing, "mm", {}
    affine = np.diag([*volume.signs, 1.0]) @ affine
    images, shown = turned(volume.data, affine)
    codes = "".join(str(code) for code in aff2axcodes(affine))
    facts = {"orientation": codes, "file_affine": affine, "affine": shown}
    return images, spacing_of(shown), "mm", facts


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


FORMAT = Format(
    "NRRD (.nrrd, .nhdr)",
    (".nrrd", ".nhdr"),
    sniff,
    load_nrrd,
    writers=(Writer("nrrd", "NRRD", (".nrrd",), (*IMAGE_KINDS, "maps"), write_nrrd),),
)
