"""NIfTI, Analyze and FreeSurfer images, in radiological convention; results written as NIfTI."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.notes import add_note
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError
from napari_csc.io.arrays.kind import ask_whether_kspace
from napari_csc.io.arrays.meaning import image_acquisition, kspace_acquisition
from napari_csc.io.arrays.values import without_nan
from napari_csc.io.content_to_write import IMAGE_KINDS, OWN, Exported
from napari_csc.io.formats.format import Format, Writer
from napari_csc.io.formats.nifti.storage import ENDINGS, opened_image, sniff
from napari_csc.io.headers.lengths import ANOTHER_UNIT, is_in_millimetres
from napari_csc.io.headers.radiological import spacing_of, turned
from napari_csc.io.headers.table import described, geometry_rows, one_line
from napari_csc.io.requests import LoadRequest, WriteRequest
from napari_csc.storage.atomic import replacing
from napari_csc.storage.open_file import OpenFile
from napari_csc.storage.targets import check_target

_MILLIMETRES = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}

NiftiKind = Literal["magnitude", "phase", "real", "imaginary", "complex", "maps"]
NIFTI_KINDS: tuple[str, ...] = get_args(NiftiKind)
SUFFIXES = (".nii", ".nii.gz")

_SCANNER, _UNKNOWN = 1, 0
# Indices (slice, y, x) of a picture seen as an axial slice from below: what is shown upright here
# is upright elsewhere.
_UPRIGHT = np.array([[0.0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])


def load_nifti(file: OpenFile, request: LoadRequest) -> Acquisition:
    """Return the images of a volume as an acquisition.

    Slices cross the body axis along which the voxels are clearly longest, else they are axial.
    ``metadata["affine"]`` maps (slice, y, x) indices of the acquisition to millimetres (right,
    anterior, superior); ``metadata["file_affine"]`` is the one of the file.
    """
    volume, affine, metadata = _read(file, request)
    # What this package has written is what it says.
    if not str(metadata.get("description", "")).startswith(OWN):
        ask_whether_kspace(volume, file.path.name, request.kind)
    metadata |= {"path": str(file.path), "format": "NIfTI", "kind": request.kind or "image"}
    spacing, unit = spacing_of(affine), "mm"
    if not is_in_millimetres(spacing, volume.shape):
        spacing, unit = (1.0, 1.0, 1.0), "pixel"
        add_note(metadata, ANOTHER_UNIT)
    told = affine if unit == "mm" else None
    metadata["header"] = {
        **geometry_rows(volume.shape, spacing, unit, told),
        **metadata["header"],
    }
    metadata |= {} if told is None else {"affine": told}
    extra = {"spacing": spacing, "unit": unit, "metadata": metadata}
    data = volume[:, None, None]
    if request.kind == "k-space":
        return kspace_acquisition(data, request, False, extra)
    return image_acquisition(data, request, extra)


def _read(file: OpenFile, request: LoadRequest) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Return the volume (slice, y, x), its affine, and what the header tells."""
    import nibabel

    if request.axes is not None:
        raise CscError("A NIfTI file states its axes; leave them out.")
    path = file.path
    image, notes = opened_image(file)
    data = _one_volume(path, image, request.key)
    data, note = without_nan(data)
    notes += [note] if note else []
    stored = np.asarray(image.affine, dtype=float)
    codes = "".join(str(code) for code in nibabel.orientations.aff2axcodes(stored))
    millimetres, note = _millimetres(image)
    notes += [note] if note else []
    volume, affine = turned(data, np.diag([millimetres] * 3 + [1.0]) @ stored)
    metadata: dict[str, Any] = {"orientation": codes, "file_affine": stored}
    header = {"Stored": described(image.shape, image.get_data_dtype()), "Stored axes": codes}
    description = _description(image)
    if description:
        metadata["description"] = description
        header["Description"] = one_line(description)
    metadata["header"] = header
    if request.key is not None:
        metadata["key"] = request.key
    add_note(metadata, *notes)
    return volume, affine, metadata


def _millimetres(image: Any) -> tuple[float, str]:
    """Return the length of a unit in millimetres, and what was assumed."""
    units = getattr(image.header, "get_xyzt_units", None)
    try:
        word = "mm" if units is None else str(units()[0])
    except KeyError:
        word = "unknown"
    note = (
        "The header tells no unit of length; millimetres were taken." if word == "unknown" else ""
    )
    return _MILLIMETRES.get(word, 1.0), note


def _description(image: Any) -> str:
    try:
        raw = bytes(image.header["descrip"].tobytes())
    except (KeyError, ValueError):
        return ""
    return raw.split(b"\0")[0].decode(errors="replace").strip()


def _one_volume(path: Path, image: Any, key: str | None) -> np.ndarray:
    """Return the volume with three axes; ``key`` is the number of one of several."""
    lengths = [size for size in image.shape[3:] if size > 1]
    if len(lengths) > 1:
        raise CscError(
            f"{path.name} holds volumes along {len(lengths)} axes, shape {image.shape}; save one "
            "of them."
        )
    count = lengths[0] if lengths else 1
    if count > 1 and key is None:
        raise CscError(
            f"{path.name} holds {count} volumes; choose one by its number as the key, 0 to "
            f"{count - 1}."
        )
    number = 0 if key is None else int(key) if key.isdigit() else -1
    if not 0 <= number < count:
        raise CscError(f"{path.name} has no volume {key!r}; the volumes are 0 to {count - 1}.")
    if count > 1:
        place = next(axis for axis in range(3, len(image.shape)) if image.shape[axis] > 1)
        index = [slice(None)] * 3 + [0] * (len(image.shape) - 3)
        index[place] = number
        return np.asanyarray(image.dataobj[tuple(index)])
    data = np.asanyarray(image.dataobj)
    # Axes of length one behind those of space say nothing.
    data = data.reshape(data.shape[:3])
    return data[..., None] if data.ndim == 2 else data


def save_nifti(
    result: Reconstruction,
    path: str | Path,
    kind: NiftiKind = "magnitude",
    *,
    overwrite: bool = False,
) -> Path:
    """Write images or maps of a result as a NIfTI-1 file with axes (x, y, slice).

    The affine is that of the file the scan was read from. Where none is known, the picture is
    written as an axial slice, upright, and the description says so.

    Parameters
    ----------
    result
        The reconstruction.
    path
        File to write, ``.nii`` or ``.nii.gz``.
    kind
        What of the images to write; ``"maps"`` writes the sparsity level maps in units of the
        noise, as a volume for each filter along a fourth axis.
    overwrite
        Whether an existing file may be replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CscError
        If kind or suffix do not exist, or the file cannot be written.
    """
    path = check_target(path, overwrite)
    if not path.name.lower().endswith(SUFFIXES):
        raise CscError(f"NIfTI cannot be written as {path.name}; use .nii or .nii.gz.")
    if kind not in NIFTI_KINDS:
        raise CscError(f"NIfTI cannot hold {kind!r}; choose {', '.join(NIFTI_KINDS)}.")
    write_nifti(Exported.of(result, kind), WriteRequest(path, overwrite))
    return path


def write_nifti(content: Exported, request: WriteRequest) -> list[Path]:
    """Write images or maps; see `save_nifti`."""
    import nibabel

    affine, is_known = _affine_of(content)
    # Columns of the affine go with the axes.
    image = nibabel.Nifti1Image(_turned_back(content), affine[:, [2, 1, 0, 3]])
    code = _SCANNER if is_known else _UNKNOWN
    image.set_sform(image.affine, code=_SCANNER)
    image.set_qform(image.affine, code=code)
    image.header.set_xyzt_units("mm" if is_known or content.unit == "mm" else "unknown")
    orientation = "" if is_known else "; orientation unknown"
    image.header["descrip"] = f"{content.described}{orientation}".encode()[:79]
    values = image.to_bytes()
    is_packed = request.path.suffix.lower() == ".gz"
    with replacing(request.path, request.overwrite) as part:
        part.write_bytes(gzip.compress(values) if is_packed else values)
    return [request.path]


def _turned_back(content: Exported) -> npt.NDArray[Any]:
    """Return an array (x, y, slice), or (x, y, slice, filter)."""
    values = content.values
    return values.transpose(3, 2, 0, 1) if content.kind == "maps" else values.transpose(2, 1, 0)


def _affine_of(content: Exported) -> tuple[npt.NDArray[np.float64], bool]:
    """Return the affine of indices (slice, y, x), and whether it was told by the input."""
    if content.affine is not None:
        return content.affine, True
    return _UPRIGHT @ np.diag([*content.spacing, 1.0]), False


FORMAT = Format(
    "NIfTI (.nii, .nii.gz)",
    (*SUFFIXES, *ENDINGS),
    sniff,
    load_nifti,
    writers=(Writer("nifti", "NIfTI", SUFFIXES, (*IMAGE_KINDS, "maps"), write_nifti),),
)
