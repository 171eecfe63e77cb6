"""Write results as NIfTI through nibabel."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError
from napari_csc.io.content_to_write import Exported
from napari_csc.io.write_request import WriteRequest
from napari_csc.storage.atomic import check_target, replacing

NiftiKind = Literal["magnitude", "phase", "real", "imaginary", "complex", "maps"]
NIFTI_KINDS: tuple[str, ...] = get_args(NiftiKind)
SUFFIXES = (".nii", ".nii.gz")

_SCANNER, _UNKNOWN = 1, 0
# Indices (slice, y, x) of a picture seen as an axial slice from below: what is shown upright here
# is upright elsewhere.
_UPRIGHT = np.array([[0.0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])


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

    affine, is_known = _affine(content)
    # Columns of the affine go with the axes.
    image = nibabel.Nifti1Image(_values(content), affine[:, [2, 1, 0, 3]])
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


def _values(content: Exported) -> npt.NDArray[Any]:
    """Return an array (x, y, slice), or (x, y, slice, filter)."""
    values = content.values
    return values.transpose(3, 2, 0, 1) if content.kind == "maps" else values.transpose(2, 1, 0)


def _affine(content: Exported) -> tuple[npt.NDArray[np.float64], bool]:
    """Return the affine of indices (slice, y, x), and whether it was told by the input."""
    if content.affine is not None:
        return content.affine, True
    return _UPRIGHT @ np.diag([*content.spacing, 1.0]), False
