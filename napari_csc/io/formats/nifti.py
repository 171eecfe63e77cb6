"""NIfTI images through nibabel, shown in radiological convention; results written as such."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError
from napari_csc.io.arrays.meaning import image_acquisition, kspace_acquisition
from napari_csc.io.content_to_write import IMAGE_KINDS, Exported
from napari_csc.io.formats.format import Format, Writer
from napari_csc.io.headers.radiological import spacing_of, turned
from napari_csc.io.headers.table import described, geometry_rows, one_line
from napari_csc.io.requests import LoadRequest, WriteRequest
from napari_csc.storage.atomic import replacing
from napari_csc.storage.content import DEFLATE_RATIO, check_size, n_bytes
from napari_csc.storage.open_file import OpenFile
from napari_csc.storage.targets import check_target

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image

_GZIP = b"\x1f\x8b"
_HEADER_BYTES = 348
_MILLIMETRES = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}

NiftiKind = Literal["magnitude", "phase", "real", "imaginary", "complex", "maps"]
NIFTI_KINDS: tuple[str, ...] = get_args(NiftiKind)
SUFFIXES = (".nii", ".nii.gz")

_SCANNER, _UNKNOWN = 1, 0
# Indices (slice, y, x) of a picture seen as an axial slice from below: what is shown upright here
# is upright elsewhere.
_UPRIGHT = np.array([[0.0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])


def sniff(file: OpenFile) -> bool:
    """Return whether this is a NIfTI-1 or NIfTI-2 header, plain or in gzip."""
    head = file.head
    if head.startswith(_GZIP):
        # Part of the stream is enough for the header; what is missing behind it does not matter.
        head = zlib.decompressobj(wbits=31).decompress(head, _HEADER_BYTES)
    return head[344:347] in (b"n+1", b"ni1") or head[4:7] in (b"n+2", b"ni2")


def load_nifti(file: OpenFile, request: LoadRequest) -> Acquisition:
    """Return the images of a volume as an acquisition.

    Slices cross the body axis along which the voxels are clearly longest, else they are axial.
    ``metadata["affine"]`` maps (slice, y, x) indices of the acquisition to millimetres (right,
    anterior, superior); ``metadata["file_affine"]`` is the one of the file.
    """
    volume, affine, metadata = _read(file, request)
    metadata |= {"path": str(file.path), "format": "NIfTI", "kind": request.kind or "image"}
    spacing = spacing_of(affine)
    metadata["header"] = {
        **geometry_rows(volume.shape, spacing, "mm", affine),
        **metadata["header"],
    }
    extra = {"spacing": spacing, "unit": "mm", "metadata": {**metadata, "affine": affine}}
    data = volume[:, None, None]
    if request.kind == "k-space":
        return kspace_acquisition(data, request, False, extra)
    return image_acquisition(data, request, extra)


def _read(file: OpenFile, request: LoadRequest) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Return the volume (slice, y, x), its affine, and what the header tells."""
    import nibabel

    if request.axes is not None:
        raise CscError("A NIfTI file states its axes; leave them out.")
    path, is_gzip = file.path, file.head.startswith(_GZIP)
    stream: Any = gzip.GzipFile(fileobj=file.start()) if is_gzip else file.start()
    start = stream.read(_HEADER_BYTES)
    stream.seek(0)
    if start[344:347] == b"ni1" or start[4:7] == b"ni2":
        raise CscError(f"{path.name} is the header of a pair of files; save one .nii file.")
    kind = nibabel.Nifti2Image if start[4:7] == b"n+2" else nibabel.Nifti1Image
    # nibabel logs what it mends in a header; what it cannot mend still raises.
    with nibabel.imageglobals.LoggingOutputSuppressor():
        image = kind.from_stream(stream)
    _check(path, image, path.stat().st_size * (DEFLATE_RATIO if is_gzip else 1))
    data = _one_volume(path, image, request.key)
    codes = "".join(str(code) for code in nibabel.orientations.aff2axcodes(image.affine))
    millimetres = _MILLIMETRES.get(str(image.header.get_xyzt_units()[0]), 1.0)
    volume, affine = turned(data, np.diag([millimetres] * 3 + [1.0]) @ image.affine)
    metadata: dict[str, Any] = {
        "orientation": codes,
        "file_affine": np.asarray(image.affine, dtype=float),
    }
    header = {"Stored": described(image.shape, image.get_data_dtype()), "Stored axes": codes}
    description = bytes(image.header["descrip"].tobytes()).split(b"\0")[0].decode(errors="replace")
    if description.strip():
        metadata["description"] = description.strip()
        header["Description"] = one_line(description)
    metadata["header"] = header
    if request.key is not None:
        metadata["key"] = request.key
    return volume, affine, metadata


def _check(path: Path, image: Nifti1Image, size: int) -> None:
    """Compare what the header claims with what the file can hold, before anything is allocated."""
    dtype = image.get_data_dtype()
    if dtype.kind not in "biufc":
        raise CscError(f"{path.name} holds colours and no plain numbers; export it as grey values.")
    if not 2 <= len(image.shape) <= 4:
        raise CscError(f"{path.name} has {len(image.shape)} axes; two to four can be used.")
    check_size(image.shape, dtype, path)
    if n_bytes(image.shape, dtype) > size:
        raise CscError(
            f"{path.name} is cut off: its header claims the shape {image.shape}, more than the "
            "file holds; copy or export it again."
        )
    if not np.isfinite(image.affine).all() or np.linalg.det(image.affine[:3, :3]) == 0:
        raise CscError(f"The orientation in {path.name} is damaged; export it again.")


def _one_volume(path: Path, image: Nifti1Image, key: str | None) -> np.ndarray:
    """Return the volume with three axes; ``key`` is the number of one of several."""
    count = image.shape[3] if len(image.shape) == 4 else 1
    if count > 1 and key is None:
        raise CscError(
            f"{path.name} holds {count} volumes; choose one by its number as the key, 0 to "
            f"{count - 1}."
        )
    number = 0 if key is None else int(key) if key.isdigit() else -1
    if not 0 <= number < count:
        raise CscError(f"{path.name} has no volume {key!r}; the volumes are 0 to {count - 1}.")
    if len(image.shape) == 4:
        return np.asanyarray(image.dataobj[..., number])
    data = np.asanyarray(image.dataobj)
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
    SUFFIXES,
    sniff,
    load_nifti,
    writers=(Writer("nifti", "NIfTI", SUFFIXES, (*IMAGE_KINDS, "maps"), write_nifti),),
)
