"""The project's own acquisition file: k-space, mask, coil maps and noise level in HDF5."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.noncartesian import NonCartesianAcquisition
from napari_csc.errors import CscError
from napari_csc.io.headers.table import one_line
from napari_csc.io.requests import LoadRequest
from napari_csc.storage.atomic import replacing
from napari_csc.storage.hdf5.attributes import (
    own_attribute,
    own_attribute_names,
    own_attribute_numbers,
)
from napari_csc.storage.hdf5.safety import is_hdf5, own_array, own_item
from napari_csc.storage.hdf5.writing import new_file
from napari_csc.storage.json_values import from_json, to_json
from napari_csc.storage.open_file import OpenFile

if TYPE_CHECKING:
    import h5py

SCHEMA = "napari-csc/acquisition"
RESULT_SCHEMA = "napari-csc/result"
VERSION = 1
INPUT_GROUP = "input"

_NOISE = ("noise_map", "noise_spectrum")
_OPTIONAL = ("mask", "coil_maps", "reference", "noise_scan", "trajectory", "density", *_NOISE)
# Attributes with a place of their own in an Acquisition.
_BETWEEN = ("slice_spacing_mm", "slice_thickness_mm")
_KNOWN = {"schema", "schema_version", "noise_std", "metadata", "pixel_spacing_mm"}
_KNOWN |= {"slice_spacing_mm"}


def sniff(source: OpenFile) -> bool:
    """Return whether this is HDF5 at all: files of other programs are refused with a reason."""
    return is_hdf5(source.head)


def schema_of(source: OpenFile) -> str | None:
    """Return the schema attribute of an HDF5 file; None if it has none or is no HDF5 file."""
    try:
        if not is_hdf5(source.head):
            return None
        return str(own_attribute(source.hdf5, "schema") or "") or None
    except Exception:
        # The HDF5 library has many ways to say that a file is damaged.
        return None


def load_acquisition(source: OpenFile, request: LoadRequest) -> Acquisition:
    """Read an acquisition file, or the input that a result file keeps."""
    path = source.path
    if request.key or request.axes or request.kind == "image":
        raise CscError(f"{path.name} states its key, kind and axes; leave them out.")
    acquisition = read_acquisition(_group_of(source.hdf5, path), path, request)
    told = {"kind": "k-space", **acquisition.metadata}
    return replace(acquisition, metadata={**told, "path": str(path), "format": "napari-csc"})


def save_acquisition(acquisition: Acquisition, path: str | Path, overwrite: bool = False) -> None:
    """Write an acquisition to HDF5, to a temporary name first, then renamed.

    Raises
    ------
    CscError
        If the file exists, or cannot be written.
    """
    with replacing(path, overwrite) as temporary, new_file(temporary) as file:
        write_acquisition(acquisition, file)


def write_acquisition(acquisition: Acquisition, group: h5py.Group) -> None:
    """Write an acquisition into an HDF5 group."""
    arrays = {
        "kspace": acquisition.kspace,
        "mask": acquisition.mask.byte(),
        "coil_maps": acquisition.coil_maps,
        "reference": acquisition.reference,
        "noise_map": acquisition.noise_map,
        "noise_spectrum": acquisition.noise_spectrum,
    }
    if not acquisition.is_cartesian:
        arrays |= {name: getattr(acquisition, name) for name in ("trajectory", "density")}
    for name, values in arrays.items():
        if values is not None:
            # lzf shrinks the zeros outside the sampled part, and costs next to nothing.
            group.create_dataset(name, data=values.cpu().numpy(), compression="lzf")
    group.attrs["schema"] = SCHEMA
    group.attrs["schema_version"] = VERSION
    group.attrs["metadata"] = to_json(dict(acquisition.metadata))
    if acquisition.given_noise_std is not None:
        group.attrs["noise_std"] = acquisition.given_noise_std
    if acquisition.unit == "mm":
        group.attrs["slice_spacing_mm"] = acquisition.spacing[0]
        group.attrs["pixel_spacing_mm"] = acquisition.spacing[1:]


def read_acquisition(group: h5py.Group, path: Path, request: LoadRequest) -> Acquisition:
    """Read an acquisition from an HDF5 group."""
    check_version(group, path, VERSION)
    if "kspace" not in group:
        raise CscError(f"{path.name} holds no k-space; write it again.")
    names = ("kspace", *(name for name in _OPTIONAL if name in group))
    arrays = {name: own_array(group, name, path) for name in names}
    metadata = _metadata(group, path)
    kspace, maps = arrays["kspace"], arrays.get("coil_maps")
    maps = maps if request.coil_maps is None else request.coil_maps
    noise_scan = arrays.get("noise_scan") if request.noise_scan is None else request.noise_scan
    if request.coil is not None and request.coil != "all":
        kspace, maps, noise_scan = _one_coil(kspace, int(request.coil), group), None, None
        metadata["coil"] = int(request.coil)
    if maps is not arrays.get("coil_maps"):
        metadata.pop("coil_maps", None)
    if request.noise_scan is not None and "prewhitened" in str(metadata.get("noise")):
        raise CscError(
            f"The coils in {path.name} are prewhitened already; leave the noise scan out."
        )
    mask = arrays.get("mask") if request.mask is None else request.mask
    given = _noise_std(group, path) if request.noise_std is None else request.noise_std
    spacing, unit = _spacing(group, path)
    common: dict[str, Any] = {
        "coil_maps": maps,
        "noise_std": None if given is None else float(given),
        "noise_scan": noise_scan,
        "reference": arrays.get("reference"),
        **{name: arrays.get(name) for name in _NOISE},
        "spacing": spacing,
        "unit": unit,
        "metadata": metadata,
    }
    if "trajectory" in arrays:
        if "mask" not in arrays:
            raise CscError(f"{path.name} lacks the image grid of its trajectory; write it again.")
        height, width = arrays["mask"].shape
        return NonCartesianAcquisition.from_trajectory(
            kspace, arrays["trajectory"], (height, width), density=arrays.get("density"), **common
        )
    return Acquisition.from_kspace(
        kspace,
        mask=np.ones(kspace.shape[-2:], dtype=bool) if isinstance(mask, str) else mask,
        **common,
    )


def check_version(group: h5py.Group, path: Path, newest: int) -> None:
    """Refuse what a newer version of the program has written."""
    version = own_attribute(group, "schema_version")
    if "schema_version" in group.attrs and not isinstance(version, int):
        raise CscError(f"The version of {path.name} is no whole number; write the file again.")
    if isinstance(version, int) and version > newest:
        raise CscError(f"{path.name} was written by a newer napari-csc; update this one.")


def _group_of(file: h5py.File, path: Path) -> h5py.Group:
    import h5py

    schema = str(own_attribute(file, "schema") or "")
    if schema == SCHEMA:
        return file
    if schema == RESULT_SCHEMA:
        group = own_item(file, INPUT_GROUP)
        if isinstance(group, h5py.Group):
            return group
        raise CscError(
            f"{path.name} is a result without its input; open it with load_result, or with "
            "'napari-csc view'."
        )
    names = one_line(", ".join(list(file)[:8])) or "nothing"
    raise CscError(
        f"{path.name} is an HDF5 file of another program (it holds {names}); "
        "those of napari-csc, ISMRMRD, fastMRI and M4Raw are read, so export the k-space as .npy."
    )


def _one_coil(kspace: np.ndarray[Any, Any], coil: int, group: h5py.Group) -> np.ndarray[Any, Any]:
    has_coils = kspace.ndim == (3 if "trajectory" in group else 4)
    count = kspace.shape[1] if has_coils else 1
    if not 0 <= coil < count:
        raise CscError(f"Coil {coil} does not exist; the coils are 0 to {count - 1}.")
    return kspace[:, coil : coil + 1] if has_coils else kspace


def _metadata(group: h5py.Group, path: Path) -> dict[str, Any]:
    """Return the facts in a file: JSON, and attributes that other programs have added."""
    found: dict[str, Any] = {}
    for name in own_attribute_names(group):
        if name not in _KNOWN:
            value = own_attribute(group, name)
            found |= {} if value is None else {str(name): value}
    affine = own_attribute_numbers(group, "affine")
    if affine is not None and affine.size == 16:
        found["affine"] = affine.reshape(4, 4)
    if "metadata" in group.attrs:
        text = own_attribute(group, "metadata")
        told = from_json(text) if isinstance(text, str) else None
        if not isinstance(told, dict):
            raise CscError(f"The metadata in {path.name} are damaged; write the file again.")
        found |= told
    if "affine" in found and not _is_affine(found["affine"]):
        del found["affine"]
    return found


def _is_affine(value: Any) -> bool:
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return numbers.shape == (4, 4) and bool(np.isfinite(numbers).all())


def _noise_std(group: h5py.Group, path: Path) -> float | None:
    if "noise_std" not in group.attrs:
        return None
    value = own_attribute(group, "noise_std")
    if not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise CscError(
            f"The noise level in {path.name} is no positive number; give it (noise_std=), or write "
            "the file again."
        )
    return float(value)


def _spacing(group: h5py.Group, path: Path) -> tuple[tuple[float, float, float], str]:
    if "pixel_spacing_mm" not in group.attrs:
        return (1.0, 1.0, 1.0), "pixel"
    pixel = own_attribute_numbers(group, "pixel_spacing_mm")
    name = next((one for one in _BETWEEN if one in group.attrs), None)
    between = np.ones(1) if name is None else own_attribute_numbers(group, name)
    if pixel is None or between is None or pixel.shape != (2,) or between.shape != (1,):
        raise _wrong_spacing(path)
    spacing = (float(between[0]), float(pixel[0]), float(pixel[1]))
    if not all(0 < one < math.inf for one in spacing):
        raise _wrong_spacing(path)
    return spacing, "mm"


def _wrong_spacing(path: Path) -> CscError:
    return CscError(
        f"The size of a voxel in {path.name} is not three positive numbers; write the file again."
    )
