"""Make an acquisition of an array whose axes and kind are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.checks import acquired_mask
from napari_csc.errors import CscError
from napari_csc.io.arrays.repeats import without_repeats
from napari_csc.io.arrays.values import with_sign_and_padding
from napari_csc.io.requests import LoadRequest
from napari_csc.storage.content import Array


def kspace_acquisition(
    data: Array, request: LoadRequest, is_guessed: bool, extra: dict[str, Any]
) -> Acquisition:
    """Return the acquisition of k-space (slice, coil, repeat, y, x).

    Repeats are averaged, unless one is asked for; see `without_repeats`.
    """
    metadata = extra["metadata"]
    data, noise_std = without_repeats(data, request, metadata)
    if isinstance(request.coil, str) or request.coil is None:
        if is_guessed and data.shape[1] == 1 < len(data) and _looks_accelerated(data):
            # Irregular and sparse sampling is that of parallel imaging: these are coils.
            data = data.swapaxes(0, 1)
            metadata["axes"] = metadata.get("axes", "").replace("slice", "coil")
    else:
        data = _one_coil(data, int(request.coil))
        metadata["coil"] = int(request.coil)
    mask = np.ones(data.shape[-2:], bool) if isinstance(request.mask, str) else request.mask
    return Acquisition.from_kspace(
        data,
        mask=mask,
        coil_maps=request.coil_maps,
        noise_std=noise_std,
        noise_scan=request.noise_scan,
        **extra,
    )


def image_acquisition(data: Array, request: LoadRequest, extra: dict[str, Any]) -> Acquisition:
    """Return an image (slice, coil, repeat, y, x) as its k-space, fully sampled unless masked."""
    if request.repeat is not None:
        # One alone: their mean would need to know that all show the same.
        one, _ = without_repeats(data, request, extra["metadata"])
        data = one[:, :, None]
    if data.shape[2] > 1:
        raise CscError(
            f"The image has {data.shape[2]} repeats; choose one (repeat=0, say), or save their "
            "mean and load that."
        )
    if request.coil is not None and request.coil != "all":
        data = _one_coil(data, int(request.coil))
        extra["metadata"]["coil"] = int(request.coil)
    if data.shape[1] > 1:
        raise CscError(
            f"The image has {data.shape[1]} coils; choose one (coil=0, say), or combine them first."
        )
    asked = request.mask is not None and not isinstance(request.mask, str)
    # What an image's spectrum lacks was not left unsampled on purpose: all of it counts.
    mask = request.mask if asked else np.ones(data.shape[-2:], dtype=bool)
    images = data[:, 0, 0]
    if not np.iscomplexobj(images):
        images = with_sign_and_padding(images, extra["metadata"])
        images = images.astype(np.float64 if images.dtype.itemsize > 4 else np.float32)
    return Acquisition.from_image(images, mask=mask, noise_std=request.noise_std, **extra)


def _one_coil(data: Array, coil: int) -> Array:
    count = data.shape[1]
    if not 0 <= coil < count:
        raise CscError(f"Coil {coil} does not exist; the coils are 0 to {count - 1}.")
    return data[:, coil : coil + 1]


def _looks_accelerated(data: Array) -> bool:
    """Return whether less than half of the acquired box is sampled: parallel imaging."""
    if not np.isfinite(data).all() or not data.any():
        return False
    mask = acquired_mask(torch.from_numpy(np.array(data)))
    rows, columns = torch.nonzero(mask, as_tuple=True)
    area = float((rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1))
    return len(rows) < 0.5 * area
