"""Write results as NIfTI through nibabel."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from napari_csc.core.errors import CscError
from napari_csc.core.reconstruction import Reconstruction
from napari_csc.io.atomic import check_target, replacing

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
    import nibabel

    path = check_target(path, overwrite)
    if not path.name.lower().endswith(SUFFIXES):
        raise CscError(f"NIfTI cannot be written as {path.name}; use .nii or .nii.gz.")
    if kind not in NIFTI_KINDS:
        raise CscError(f"NIfTI cannot hold {kind!r}; choose {', '.join(NIFTI_KINDS)}.")
    affine, is_known = _affine(result)
    # Columns of the affine go with the axes.
    image = nibabel.Nifti1Image(_values(result, kind), affine[:, [2, 1, 0, 3]])
    code = _SCANNER if is_known else _UNKNOWN
    image.set_sform(image.affine, code=_SCANNER)
    image.set_qform(image.affine, code=code)
    image.header.set_xyzt_units("mm" if is_known or result.unit == "mm" else "unknown")
    image.header["descrip"] = _description(result, kind, is_known).encode()[:79]
    content = image.to_bytes()
    with replacing(path, overwrite) as part:
        part.write_bytes(gzip.compress(content) if path.suffix.lower() == ".gz" else content)
    return path


def _values(result: Reconstruction, kind: str) -> npt.NDArray[Any]:
    """Return an array (x, y, slice), or (x, y, slice, filter)."""
    if kind == "maps":
        maps = result.sparsity_maps / result.noise_std
        return np.asarray(maps.permute(3, 2, 0, 1), dtype=np.float32)
    image = np.asarray(result.image.permute(2, 1, 0))
    views: dict[str, Any] = {
        "magnitude": np.abs,
        "phase": np.angle,
        "real": np.real,
        "imaginary": np.imag,
        "complex": np.asarray,
    }
    values: npt.NDArray[Any] = views[kind](image)
    return np.ascontiguousarray(values.astype(np.complex64 if kind == "complex" else np.float32))


def _affine(result: Reconstruction) -> tuple[npt.NDArray[np.float64], bool]:
    """Return the affine of indices (slice, y, x), and whether it was told by the input."""
    known = result.metadata.get("affine")
    if known is not None:
        return np.asarray(known, dtype=float), True
    return _UPRIGHT @ np.diag([*result.spacing, 1.0]), False


def _description(result: Reconstruction, kind: str, is_known: bool) -> str:
    what = "sparsity level maps, noise units" if kind == "maps" else kind
    orientation = "" if is_known else "; orientation unknown"
    return f"napari-csc {result.dictionary.name}: {what}{orientation}"
