"""Write .npy, one array, and .npz, several by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.io.content_to_write import KSPACE, WHOLE, Array, Exported, plain_kspace
from napari_csc.io.write_request import WriteRequest
from napari_csc.storage.atomic import replacing


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
