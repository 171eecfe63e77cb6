"""What a layer of the viewer offers as input, or one plain sentence why it cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Layer

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.checks import SMALLEST_IMAGE
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError
from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.layers.tags import own


@dataclass(frozen=True, eq=False)
class LayerInput:
    """What was found in a layer; the data are read later, in the worker.

    Attributes
    ----------
    name : str
        Name of the layer.
    geometry : Geometry
        Where it lies.
    acquisition : Acquisition or None
        Measured k-space that came with the layer, or that its result was made from.
    result : Reconstruction or None
        The result that the layer belongs to.
    image : array-like or None
        The picture of a plain image layer.
    """

    name: str
    geometry: Geometry
    acquisition: Acquisition | None = None
    result: Reconstruction | None = None
    image: Any = None


def read_layer(layer: Layer) -> LayerInput:
    """Return what a layer offers as input.

    Raises
    ------
    CscError
        If it is no image, or has the wrong axes.
    """
    held = own(layer)
    acquisition, result = held.get("acquisition"), held.get("result")
    scan = acquisition if isinstance(acquisition, Acquisition) else None
    if isinstance(result, Reconstruction):
        return LayerInput(layer.name, _geometry(layer), acquisition=scan, result=result)
    if scan is not None:
        return LayerInput(layer.name, _geometry(layer), acquisition=scan)
    if not isinstance(layer, Image):
        raise CscError(
            f"The layer {layer.name!r} is a {type(layer).__name__.lower()} layer, but an image is "
            "needed; choose an image layer or open a file."
        )
    if layer.rgb:
        raise CscError(
            f"The layer {layer.name!r} is a colour image, but an image of one grey value a pixel "
            "is needed; split it into its channels and choose one."
        )
    data = layer.data[0] if layer.multiscale else layer.data
    shape = tuple(data.shape)
    if len(shape) not in (2, 3):
        raise CscError(
            f"The layer {layer.name!r} has {len(shape)} axes, but (y, x) or (slice, y, x) is "
            "needed; choose one channel or time point first."
        )
    if min(shape[-2:]) < SMALLEST_IMAGE:
        raise CscError(
            f"The layer {layer.name!r} has {shape[-2]} x {shape[-1]} pixels, but at least "
            f"{SMALLEST_IMAGE} x {SMALLEST_IMAGE} are needed; choose a larger image."
        )
    return LayerInput(layer.name, _geometry(layer), image=data)


def _geometry(layer: Layer) -> Geometry:
    """Return the geometry of the last three axes; a plain slice gets a slice axis of one."""
    missing = max(0, 3 - layer.ndim)
    units = [str(unit) for unit in layer.units][-3:]
    affine = np.eye(4)
    size = min(layer.ndim, 3)
    matrix = np.asarray(layer.affine.affine_matrix)
    affine[3 - size : 3, 3 - size : 3] = matrix[-1 - size : -1, -1 - size : -1]
    affine[3 - size : 3, 3] = matrix[-1 - size : -1, -1]
    return Geometry(
        scale=(1.0,) * missing + tuple(float(one) for one in layer.scale[-3:]),
        translate=(0.0,) * missing + tuple(float(one) for one in layer.translate[-3:]),
        units=(units[0],) * missing + tuple(units),
        affine=affine,
    )
