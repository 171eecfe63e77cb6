"""napari reader: files become layer data tuples; imports nothing of napari."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari_csc.core.acquisition.cartesian import Acquisition
    from napari_csc.core.acquisition.lazy import LazyImages
    from napari_csc.core.reconstruction.result import Reconstruction

LayerData = tuple[Any, dict[str, Any], str]
Reader = Callable[[str | Sequence[str]], list[LayerData]]


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """Return the reader if the content is k-space, a medical image, or a file of ours; else None.

    A folder is taken if it holds DICOM files. Other HDF5 files, arrays of real numbers, and
    pictures (PNG, TIFF) are left to other readers.
    """
    if not isinstance(path, (str, Path)):
        if len(path) != 1:
            return None
        path = path[0]
    from napari_csc.io.formats.table import format_of
    from napari_csc.storage.open_file import OpenFile

    try:
        with OpenFile(Path(path)) as file:
            is_offered = format_of(file).is_offered
            return read if is_offered is not None and is_offered(file) else None
    except Exception:
        # A reader that fails here would keep napari from asking the others.
        return None


def read(path: str | Sequence[str]) -> list[LayerData]:
    """Return the layers of a file: the initial image, or all of a result."""
    from napari_csc.io.lazy import is_large
    from napari_csc.io.load import load_any

    file = Path(path if isinstance(path, (str, Path)) else path[0])
    result, acquisition = load_any(file, lazy=is_large(file))
    if result is not None:
        return result_layers(result, acquisition)
    assert acquisition is not None
    return acquisition_layers(acquisition, file.name.partition(".")[0])


def acquisition_layers(acquisition: Acquisition, name: str) -> list[LayerData]:
    """Return the initial image as a layer data tuple; its metadata carry the acquisition."""
    from napari_csc.core.acquisition.lazy import LazyImages, initial_images, middle_image

    images = initial_images(acquisition)
    magnitude = _LazyMagnitude(images) if isinstance(images, LazyImages) else np.abs(images)
    described = {
        "name": f"initial image ({name})",
        "metadata": {"napari_csc": {"acquisition": acquisition}},
        "contrast_limits": (0.0, _top(np.abs(middle_image(images)))),
        **_geometry(acquisition.spacing, acquisition.unit),
    }
    return [(magnitude, described, "image")]


def result_layers(
    result: Reconstruction, acquisition: Acquisition | None = None
) -> list[LayerData]:
    """Return initial image, smooth part, reconstruction and maps.

    Their metadata carry the result, and the acquisition it was made from if it is known.
    """
    geometry = _geometry(result.spacing, result.unit)
    top = _top(_magnitude(result.image))
    layers: list[LayerData] = []
    for name, images, visible in (
        ("initial image", result.initial, False),
        ("smooth part", result.low_pass, False),
        ("reconstruction", result.image, True),
    ):
        described = {"name": name, "visible": visible, "contrast_limits": (0.0, top)}
        layers.append(
            (
                _magnitude(images),
                {**described, **geometry, "metadata": _held(result, acquisition)},
                "image",
            )
        )
    # In units of the noise.
    maps = result.sparsity_maps.transpose(0, 1).numpy() / np.float32(result.noise_std)
    overlay = {
        "name": "sparsity maps",
        "scale": (1.0, *geometry["scale"]),
        "units": ("pixel", *geometry["units"]),
        "axis_labels": ("filter", *geometry["axis_labels"]),
        "colormap": "inferno",
        "blending": "translucent",
        "opacity": 0.55,
        "contrast_limits": (0.0, _top(maps)),
        "metadata": _held(result, acquisition),
    }
    return [*layers, (maps, overlay, "image")]


class _LazyMagnitude:
    """Magnitude of the images of a large scan, of which each is read when it is looked at."""

    dtype = np.dtype(np.float32)

    def __init__(self, images: LazyImages) -> None:
        self._images = images
        self.shape, self.ndim, self.size = images.shape, images.ndim, images.size

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, key: Any) -> Any:
        return np.abs(self._images[key])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self[:].astype(dtype or self.dtype, copy=False)


def _held(result: Reconstruction, acquisition: Acquisition | None) -> dict[str, Any]:
    """Return metadata of a layer's own: layers may change theirs."""
    return {"napari_csc": {"result": result, "acquisition": acquisition}}


def _geometry(spacing: tuple[float, float, float], unit: str) -> dict[str, Any]:
    # napari divides by the scale, rounding down; in single precision the last slice stays in reach.
    scale = tuple(float(np.float32(one)) for one in spacing)
    return {"scale": scale, "units": (unit,) * 3, "axis_labels": ("slice", "y", "x")}


def _magnitude(images: Any) -> np.ndarray[Any, Any]:
    magnitude: np.ndarray[Any, Any] = images.abs().cpu().numpy()
    return magnitude


def _top(values: np.ndarray[Any, Any]) -> float:
    """Return an upper contrast limit that one bright pixel does not decide."""
    return float(np.quantile(values[..., ::2, ::2], 0.998)) or 1.0
