"""Filters in files: shipped ones by name, and the user's.

Besides the weight registry this is the only place in ``core`` that opens files.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_csc.core.dictionary.cells import cells_of, of_one_size
from napari_csc.core.dictionary.families import LARGEST_COUNT, LARGEST_SIZE
from napari_csc.core.dictionary.names import SHIPPED, dictionary_names
from napari_csc.errors import CscError
from napari_csc.storage import matlab_arrays, numpy_arrays
from napari_csc.storage.safetensors_files import read_safetensors, write_safetensors
from napari_csc.storage.torch_files import check_archive, weights_of

_SUFFIXES = (".npy", ".npz", ".mat", ".pt", ".pth", ".safetensors")
_METADATA_KEY = "napari_csc"
_LARGEST_FILE = 256 * 2**20
# d_filter: in checkpoints of the authors of the method.
_TELLING = ("filters", "dictionary", "d", "d_filter", "kernels")


@dataclass(frozen=True, eq=False)
class NamedFilters:
    """Filters as a file holds them, not looked at yet.

    Attributes
    ----------
    filters : array
        Shape (K, ky, kx), if all is well.
    name, source, about
        As in the `Dictionary`: what to show, what makes it again, what the file tells.
    file : str
        Name of the file.
    """

    filters: np.ndarray[Any, Any]
    name: str
    source: str
    about: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""


def read_filters(name_or_path: str | Path, key: str | None = None) -> NamedFilters:
    """Return the filters of a shipped dictionary or of a file; see `Dictionary.load`.

    Raises
    ------
    CscError
        If there is no such name or file, or it holds no filters.
    """
    name = str(name_or_path)
    shipped = SHIPPED / f"{name}.safetensors"
    if re.fullmatch(r"[\w.-]+", name) and shipped.is_file():
        filters, about = _read_safetensors(shipped, key)
        return NamedFilters(filters, name, name, about, shipped.name)
    path = Path(name).expanduser()
    if path.suffix.lower() not in _SUFFIXES:
        raise CscError(
            f"There is no dictionary {name!r}; use one of {', '.join(dictionary_names())}, "
            f"a family such as dct-48-9, or a file ({', '.join(_SUFFIXES)})."
        )
    if not path.is_file():
        raise CscError(f"The dictionary file {path} does not exist; check the path.")
    if not 0 < path.stat().st_size <= _LARGEST_FILE:
        raise CscError(
            f"The dictionary file {path.name} is empty or larger than 256 MB; choose another."
        )
    # A file with several arrays cannot be named by its path alone.
    source = str(path) if key is None else ""
    filters, about = _read(path, key)
    return NamedFilters(_filters_first(filters, path), path.stem, source, about, path.name)


def write_filters(path: Path, filters: torch.Tensor, about: Mapping[str, Any]) -> None:
    """Write filters and what is told of them; see `Dictionary.save`."""
    if path.suffix.lower() != ".safetensors":
        raise CscError(f"Dictionaries are saved as .safetensors files, but not as {path.name!r}.")
    write_safetensors(path, {"filters": filters}, {_METADATA_KEY: json.dumps(dict(about))})


def _told(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return what a safetensors file says about its filters."""
    try:
        found = json.loads(metadata.get(_METADATA_KEY, "{}"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(path: Path, key: str | None) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    """Return an array of a file, and what the file tells of it."""
    try:
        if path.suffix.lower() == ".safetensors":
            return _read_safetensors(path, key)
        if path.suffix.lower() in (".pt", ".pth"):
            return _read_torch(path, key), {}
        return _read_arrays(path, key), {}
    except CscError:
        raise
    except Exception as error:
        raise CscError(
            f"{path.name} could not be read as a {path.suffix} file of filters; save the filters "
            "as a plain array of numbers (K, ky, kx), without pickled objects."
        ) from error


def _read_arrays(path: Path, key: str | None) -> np.ndarray[Any, Any]:
    """Return an array of a NumPy or MATLAB file, read by what reads scans from such files."""
    with path.open("rb") as file:
        is_old = b"\0" in file.read(4)
    is_matlab = path.suffix.lower() == ".mat"
    if is_matlab and is_old:
        return _read_old_matlab(path, key)
    content = matlab_arrays.read(path) if is_matlab else numpy_arrays.read(path)
    planes = {
        name: one
        for name, one in content.arrays.items()
        # In a cell a row of numbers is no filter.
        if len(one.shape) >= 2 and ("{" not in name or min(one.shape) > 1)
    }
    cells = cells_of(planes, key)
    if cells:
        return of_one_size([np.asarray(one.read()) for one in cells], path)
    stored = planes[_choose(path, list(planes), key)]
    if math.prod(stored.shape) > LARGEST_COUNT * LARGEST_SIZE**2:
        raise _no_filters(path, stored.shape)
    return np.asarray(stored.read())


def _read_old_matlab(path: Path, key: str | None) -> np.ndarray[Any, Any]:
    """Return an array of a MATLAB 4 file, which begins with a small number."""
    from scipy.io import loadmat, whosmat

    names = [name for name, shape, _ in whosmat(path) if len(shape) >= 2]
    chosen = _choose(path, names, key)
    return np.asarray(loadmat(path, variable_names=[chosen])[chosen])


def _read_torch(path: Path, key: str | None) -> np.ndarray[Any, Any]:
    check_archive(path)
    # weights_only refuses pickled code; anything but tensors and containers of them fails.
    loaded = weights_of(torch.load(path, map_location="cpu", weights_only=True))
    if isinstance(loaded, dict):
        tensors = {str(name): one for name, one in loaded.items() if isinstance(one, torch.Tensor)}
        loaded = tensors[_choose(path, list(tensors), key)]
    if not isinstance(loaded, torch.Tensor):
        raise CscError(f"{path.name} holds no tensor; save the filters as one tensor (K, ky, kx).")
    # A tensor may claim any shape on few stored values.
    if loaded.numel() > LARGEST_COUNT * LARGEST_SIZE**2:
        raise _no_filters(path, tuple(loaded.shape))
    return loaded.detach().to(torch.float64).numpy()


def _read_safetensors(path: Path, key: str | None) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    stored = read_safetensors(path, "np")
    chosen = _choose(path, list(stored.tensors), key)
    return np.asarray(stored.tensors[chosen]), _told(stored.metadata)


def _choose(path: Path, names: list[str], key: str | None) -> str:
    """Return the array to read: the asked one, the only one, or one with a telling name."""
    if key is not None:
        if key not in names:
            raise CscError(f"{path.name} has no array {key!r}; it has {_listed(names) or 'none'}.")
        return key
    if len(names) == 1:
        return names[0]
    telling = [name for name in names if name.lower() in _TELLING]
    if len(telling) != 1:
        raise CscError(
            f"{path.name} holds {len(names)} arrays ({_listed(names)}); "
            "name the one with the filters."
        )
    return telling[0]


def _listed(names: list[str]) -> str:
    return " ".join(", ".join(names).split())[:200]


def _filters_first(array: np.ndarray[Any, Any], path: Path) -> np.ndarray[Any, Any]:
    """Move the filter axis first: (ky, kx, K) is usual in MATLAB; (K, 1, ky, kx) in torch."""
    if array.dtype.kind not in "biufc":
        raise CscError(f"{path.name} holds no numbers; save the filters as a plain array.")
    if array.ndim == 4 and 1 in array.shape[:2]:
        array = array.reshape(-1, *array.shape[2:])
    if array.ndim == 3 and array.shape[0] == array.shape[1] != array.shape[2]:
        array = np.moveaxis(array, -1, 0)
    if array.ndim == 3 and (len(array) > LARGEST_COUNT or max(array.shape[1:]) > LARGEST_SIZE):
        raise _no_filters(path, array.shape)
    return array


def _no_filters(path: Path, shape: tuple[int, ...]) -> CscError:
    return CscError(
        f"The array in {path.name} has the shape {shape}, which is no set of filters; "
        f"up to {LARGEST_COUNT} filters of up to {LARGEST_SIZE} x {LARGEST_SIZE} are taken."
    )
