"""Where dictionaries come from: analytic families by name, shipped ones, the user's files.

Besides the weight registry this is the only place in ``core`` that opens files.
"""

import json
import math
import os
import re
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_csc.core.dictionary.dictionary import LARGEST_COUNT, LARGEST_SIZE, Dictionary
from napari_csc.errors import CscError

SHIPPED = Path(__file__).parents[2] / "dictionaries"
_FAMILY = re.compile(r"(dct|gabor|random)-(\d{1,4})-(\d{1,3})(?:-seed(\d{1,9}))?")
_READERS = {
    ".npy": "napari_csc.storage.numpy_arrays",
    ".npz": "napari_csc.storage.numpy_arrays",
    ".mat": "napari_csc.storage.matlab_arrays",
}
_SUFFIXES = (".npy", ".npz", ".mat", ".pt", ".pth", ".safetensors")
_METADATA_KEY = "napari_csc"
_LARGEST_FILE = 256 * 2**20


def dictionary_names() -> list[str]:
    """Return the names of dictionaries to choose from; other sizes of the families work too."""
    families = ["dct-16-7", "dct-32-9", "dct-64-11", "gabor-32-11", "gabor-64-11", "random-64-11"]
    shipped = sorted(path.stem for path in SHIPPED.glob("*.safetensors"))
    return [*shipped, *families]


def load_dictionary(name_or_path: str | Path, key: str | None = None) -> Dictionary:
    """Load a dictionary by name or file; see `Dictionary.load`."""
    name = str(name_or_path)
    if match := _FAMILY.fullmatch(name.lower()):
        family, count, size, seed = match.groups()
        if seed is not None and family != "random":
            raise CscError(f"Only random dictionaries have a seed; use {family}-{count}-{size}.")
        if family == "random":
            return Dictionary.random(int(count), int(size), int(seed or 0))
        return getattr(Dictionary, family)(int(count), int(size))
    shipped = SHIPPED / f"{name}.safetensors"
    if re.fullmatch(r"[\w.-]+", name) and shipped.is_file():
        filters = _read_safetensors(shipped, key)
        return Dictionary.from_filters(filters, name, name, _told(shipped))
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
    filters = _filters_first(_read(path, key), path)
    told = _told(path) if path.suffix.lower() == ".safetensors" else {}
    try:
        return Dictionary.from_filters(filters, path.stem, source, told)
    except CscError as error:
        raise _named(error, path) from error


def save_dictionary(dictionary: Dictionary, path: Path) -> None:
    """Write a dictionary; see `Dictionary.save`."""
    from safetensors.torch import save

    if path.suffix.lower() != ".safetensors":
        raise CscError(f"Dictionaries are saved as .safetensors files, but not as {path.name!r}.")
    told = {_METADATA_KEY: json.dumps(dict(dictionary.metadata))}
    temporary = path.with_name(path.name + ".part")
    try:
        temporary.write_bytes(save({"filters": dictionary.filters.cpu().contiguous()}, told))
        os.replace(temporary, path)
    except OSError as error:
        raise CscError(f"{path} could not be written: {error.strerror}.") from error


def _told(path: Path) -> dict[str, Any]:
    """Return what a safetensors file says about its filters."""
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        text = (file.metadata() or {}).get(_METADATA_KEY, "{}")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(path: Path, key: str | None) -> np.ndarray[Any, Any]:
    readers = {
        ".npy": _read_arrays,
        ".npz": _read_arrays,
        ".mat": _read_arrays,
        ".pt": _read_torch,
        ".pth": _read_torch,
        ".safetensors": _read_safetensors,
    }
    try:
        return readers[path.suffix.lower()](path, key)
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
    if path.suffix.lower() == ".mat" and is_old:
        return _read_old_matlab(path, key)
    # By its name in a text: nothing in this room imports the one that knows the formats.
    content = import_module(_READERS[path.suffix.lower()]).read(path)
    planes = {name: one for name, one in content.arrays.items() if len(one.shape) >= 2}
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
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if sum(one.file_size for one in archive.infolist()) > _LARGEST_FILE:
                raise CscError(f"{path.name} expands to more than 256 MB; choose another file.")
    # weights_only refuses pickled code; anything but tensors and containers of them fails.
    loaded = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(loaded, dict):
        tensors = {str(name): one for name, one in loaded.items() if isinstance(one, torch.Tensor)}
        loaded = tensors[_choose(path, list(tensors), key)]
    if not isinstance(loaded, torch.Tensor):
        raise CscError(f"{path.name} holds no tensor; save the filters as one tensor (K, ky, kx).")
    return loaded.detach().to(torch.float64).numpy()


def _read_safetensors(path: Path, key: str | None) -> np.ndarray[Any, Any]:
    from safetensors.numpy import load_file

    tensors = load_file(path)
    return tensors[_choose(path, list(tensors), key)]


def _choose(path: Path, names: list[str], key: str | None) -> str:
    """Return the array to read: the asked one, the only one, or one with a telling name."""
    if key is not None:
        if key not in names:
            raise CscError(f"{path.name} has no array {key!r}; it has {_listed(names) or 'none'}.")
        return key
    if len(names) == 1:
        return names[0]
    telling = [name for name in names if name.lower() in ("filters", "dictionary", "d", "kernels")]
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


def _named(error: CscError, path: Path) -> CscError:
    """Return an error about filters as one about the file that they come from."""
    text = str(error)
    return CscError(f"{path.name} cannot be used: {text[0].lower()}{text[1:]}")
