"""NumPy files of bare arrays: .npy, one array, and .npz, several by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.io.content_to_write import KSPACE, WHOLE, Array, Exported, plain_kspace
from napari_csc.io.formats.format import COMPLEX_FIRST, Format, Writer, of_arrays
from napari_csc.io.requests import WriteRequest
from napari_csc.storage import numpy_arrays
from napari_csc.storage.atomic import replacing
from napari_csc.storage.open_file import OpenFile


def write_npy(content: Exported, request: WriteRequest) -> list[Path]:
    """Write the values as one array, with the axes of `Exported.values`."""
    values = plain_kspace(content) if content.kind == KSPACE else content.values
    with replacing(request.path, request.overwrite) as part, part.open("wb") as file:
        np.save(file, values, allow_pickle=False)
    return [request.path]


def write_npz(content: Exported, request: WriteRequest) -> list[Path]:
    """Write arrays by name: those of a whole result, of a scan, or ``image`` or ``maps`` alone.

    With them go ``spacing``, ``unit``, ``noise_std`` and, where it is known, ``affine``.
    """
    arrays = _arrays(content)
    arrays |= {"spacing": np.array(content.spacing), "unit": np.array(content.unit)}
    arrays["noise_std"] = np.array(content.source.noise_std)
    if content.affine is not None:
        arrays["affine"] = content.affine
    with replacing(request.path, request.overwrite) as part, part.open("wb") as file:
        # An open file, because NumPy would add a suffix to a name.
        writer: Any = np.savez
        writer(file, allow_pickle=False, **arrays)
    return [request.path]


def _arrays(content: Exported) -> dict[str, Array]:
    source = content.source
    if content.kind == WHOLE and isinstance(source, Reconstruction):
        return source.numpy()
    if content.kind == KSPACE and not isinstance(source, Reconstruction):
        found = {"kspace": plain_kspace(content), "mask": np.asarray(source.mask.cpu())}
        if source.coil_maps is not None:
            found["coil_maps"] = np.asarray(source.coil_maps.cpu())
        return found
    return {"maps" if content.kind == "maps" else "image": content.values}


def _holds_complex(file: OpenFile) -> bool:
    return any(one.dtype.kind == "c" for one in numpy_arrays.read(file).arrays.values())


FORMAT = Format(
    "NumPy (.npy, .npz)",
    (".npy", ".npz"),
    numpy_arrays.sniff,
    of_arrays(numpy_arrays.read),
    arrays=numpy_arrays.read,
    # Others show arrays of real numbers as they are.
    is_offered=_holds_complex,
    writers=(
        Writer("npy", "NumPy (.npy)", (".npy",), (*COMPLEX_FIRST, "maps", KSPACE), write_npy),
        Writer(
            "npz", "NumPy (.npz)", (".npz",), (*COMPLEX_FIRST, "maps", KSPACE, WHOLE), write_npz
        ),
    ),
)
