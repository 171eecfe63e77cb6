"""The result file: a reconstruction with everything that explains it, in HDF5."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError
from napari_csc.io.content_to_write import Exported
from napari_csc.io.formats.csc_acquisition import (
    INPUT_GROUP,
    RESULT_SCHEMA,
    SCHEMA,
    check_version,
    load_acquisition,
    save_acquisition,
    schema_of,
    sniff,
    write_acquisition,
)
from napari_csc.io.formats.format import OWN_KINDS, Format, Writer
from napari_csc.io.requests import WriteRequest
from napari_csc.storage.atomic import replacing
from napari_csc.storage.hdf5.safety import own_array, own_text
from napari_csc.storage.hdf5.writing import new_file
from napari_csc.storage.json_values import from_json, to_json
from napari_csc.storage.open_file import OpenFile, held

if TYPE_CHECKING:
    import h5py

VERSION = 1
# The history of many slices and iterations is long.
_LONGEST_TEXT = 256 * 2**20
_ARRAYS = ("image", "initial", "low_pass", "sparsity_maps", "smooth_maps", "sparse_codes")
_OPTIONAL = ("reference", "smooth_parts")
"""Not in every file: there is no reference, or the version was an earlier one."""


def save(
    result: Reconstruction,
    path: str | Path,
    overwrite: bool = False,
    acquisition: Acquisition | None = None,
) -> None:
    """Write a reconstruction to HDF5, to a temporary name first, then renamed.

    Parameters
    ----------
    result
        The reconstruction.
    path
        File to write.
    overwrite
        Whether an existing file may be replaced.
    acquisition
        The input, to keep it in the file as well: `napari_csc.load` of the file then returns it.

    Raises
    ------
    CscError
        If the file exists, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import napari_csc as csc
    >>> scan = csc.Acquisition.from_image(np.eye(32))
    >>> result = csc.Reconstructor(csc.Dictionary.dct(4, 5), csc.NoiseScalar(2.0), iterations=2)(
    ...     scan
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     csc.save(result, f"{folder}/result.h5", acquisition=scan)
    ...     again = csc.load(f"{folder}/result.h5")
    >>> again.shape == scan.shape
    True
    """
    with replacing(path, overwrite) as temporary, new_file(temporary) as file:
        for name, values in result.numpy().items():
            _write(file, name, values)
        file.attrs["schema"] = RESULT_SCHEMA
        file.attrs["schema_version"] = VERSION
        for name, content in _described(result).items():
            file.create_dataset(name, data=to_json(content))
        if acquisition is not None:
            write_acquisition(acquisition, file.create_group(INPUT_GROUP))


def read_result(source: OpenFile) -> Reconstruction:
    """Read what `save` wrote; see `napari_csc.load_result`."""
    path = source.path
    try:
        return _read(source.hdf5, path)
    except CscError:
        raise
    except MemoryError as error:
        raise CscError(f"{path.name} does not fit into memory; close other programs.") from error
    except Exception as error:
        raise CscError(f"{path.name} is damaged and cannot be read; write it again.") from error


def is_result(source: str | Path | OpenFile) -> bool:
    """Return whether a file is a result file."""
    with _held(source) as file:
        return file.path.is_file() and schema_of(file) == RESULT_SCHEMA


def provenance_of_file(path: Path) -> dict[str, Any]:
    """Return where a result comes from, without reading its images.

    Raises
    ------
    CscError
        If the file is no result, or is damaged.
    """
    with OpenFile(path) as file:
        try:
            if schema_of(file) == RESULT_SCHEMA:
                found = from_json(own_text(file.hdf5, "provenance", path, _LONGEST_TEXT))
                if isinstance(found, dict):
                    return found
        except CscError:
            raise
        except Exception as error:
            raise CscError(f"{path.name} is damaged and cannot be read; write it again.") from error
    raise CscError(f"{path.name} is no result of napari-csc, or is damaged.")


def has_input(source: str | Path | OpenFile) -> bool:
    """Return whether a result file also holds the acquisition it was made from."""
    with _held(source) as file:
        try:
            return is_result(file) and INPUT_GROUP in file.hdf5
        except Exception:
            # A damaged file holds nothing that can be counted on.
            return False


def _held(source: str | Path | OpenFile) -> AbstractContextManager[OpenFile]:
    return held(source if isinstance(source, OpenFile) else Path(source).expanduser())


def _write(file: h5py.File, name: str, values: np.ndarray[Any, Any]) -> None:
    """Write an array, one image a chunk, so that a single map can be read quickly.

    lzf with shuffle shrinks a result of 64 filters to a third in a quarter of a second; gzip
    gains a quarter more and takes more than twice as long.
    """
    if not values.size:
        file.create_dataset(name, data=values)
        return
    chunks = (1,) * (values.ndim - 2) + values.shape[-2:]
    file.create_dataset(name, data=values, chunks=chunks, compression="lzf", shuffle=True)


def _described(result: Reconstruction) -> dict[str, Any]:
    dictionary = result.dictionary
    return {
        "provenance": result.provenance,
        "history": result.history,
        "about": {
            "dictionary": {
                "name": dictionary.name,
                "order": dictionary.order,
                "seed": dictionary.seed,
                "source": dictionary.source,
                "total": dictionary.total,
            },
            "noise_std": result.noise_std,
            "spacing": result.spacing,
            "unit": result.unit,
            "metadata": result.metadata,
        },
    }


def _read(file: h5py.File, path: Path) -> Reconstruction:
    check_version(file, path, VERSION)
    about, provenance, history = (
        from_json(own_text(file, name, path, _LONGEST_TEXT))
        for name in ("about", "provenance", "history")
    )
    names = (*_ARRAYS, "filters", *(one for one in _OPTIONAL if one in file))
    tensors = {name: torch.from_numpy(own_array(file, name, path)) for name in names}
    _check_shapes(tensors, path)
    _check_facts(about, provenance, history, len(tensors["filters"]), path)
    stored = about["dictionary"]
    stored["order"] = tuple(stored["order"])
    dictionary = Dictionary(tensors.pop("filters"), **stored)
    return Reconstruction(
        **tensors,
        dictionary=dictionary,
        noise_std=about["noise_std"],
        history=history,
        provenance=provenance,
        spacing=tuple(about["spacing"]),
        unit=about["unit"],
        metadata=about["metadata"],
    )


def _check_facts(about: Any, provenance: Any, history: Any, count: int, path: Path) -> None:
    """Refuse facts of a wrong type, or numbers that cannot be."""
    stored = about["dictionary"]
    numbers = [about["noise_std"], *about["spacing"]]
    is_sound = (
        isinstance(provenance, dict)
        and isinstance(about["metadata"], dict)
        and isinstance(about["unit"], str)
        and isinstance(history, list)
        and all(isinstance(one, dict) for one in history)
        and len(about["spacing"]) == 3
        and all(isinstance(one, (int, float)) and 0 < one < math.inf for one in numbers)
        and len(stored["order"]) == count
        and all(isinstance(one, int) for one in stored["order"])
    )
    if not is_sound:
        raise CscError(
            f"{path.name} is damaged: what it tells of noise, spacing, dictionary or history "
            "cannot be; write it again."
        )


def _check_shapes(tensors: dict[str, torch.Tensor], path: Path) -> None:
    if tensors["image"].ndim != 3 or tensors["filters"].ndim != 3:
        raise CscError(
            f"{path.name} is damaged: its images or filters have the wrong number of axes; write "
            "it again."
        )
    slices, height, width = tensors["image"].shape
    count = len(tensors["filters"])
    expected = {
        **dict.fromkeys(("initial", "low_pass", "reference"), (slices, height, width)),
        **dict.fromkeys(("sparsity_maps", "sparse_codes"), (slices, count, height, width)),
    }
    expected["smooth_parts"] = tuple(tensors["smooth_maps"].shape)
    for name, shape in expected.items():
        if name in tensors and tensors[name].shape != shape:
            raise CscError(
                f"{path.name} is damaged: {name} has the shape {tuple(tensors[name].shape)} "
                f"instead of {shape}; write it again."
            )


def _is_own(source: OpenFile) -> bool:
    return schema_of(source) in (SCHEMA, RESULT_SCHEMA)


def _write_own(content: Exported, request: WriteRequest) -> list[Path]:
    if isinstance(content.source, Reconstruction):
        save(content.source, request.path, request.overwrite, content.acquisition)
    else:
        save_acquisition(content.source, request.path, request.overwrite)
    return [request.path]


FORMAT = Format(
    "napari-csc (.h5)",
    (".h5", ".hdf5"),
    sniff,
    load_acquisition,
    is_offered=_is_own,
    writers=(Writer("napari-csc", "napari-csc (.h5)", (".h5", ".hdf5"), OWN_KINDS, _write_own),),
)
