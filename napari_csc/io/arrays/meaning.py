"""Make an acquisition of an array whose axes and kind are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.checks import acquired_mask
from napari_csc.errors import CscError
from napari_csc.io.arrays.values import with_sign_and_padding
from napari_csc.io.requests import LoadRequest
from napari_csc.storage.content import Array


def kspace_acquisition(
    data: Array, request: LoadRequest, is_guessed: bool, extra: dict[str, Any]
) -> Acquisition:
    """Return the acquisition of k-space (slice, coil, repeat, y, x).

    Repeats are averaged; their differences are noise only and give the noise level of the mean.
    """
    metadata = extra["metadata"]
    noise_std, n_repeats = request.noise_std, data.shape[2]
    if n_repeats > 1:
        metadata["repeats_averaged"] = n_repeats
        if noise_std is None:
            noise_std = noise_of_mean(data)
            metadata["noise"] = "measured from the differences of the repeats"
    data = data.mean(axis=2) if n_repeats > 1 else data[:, :, 0]
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
    if data.shape[2] > 1:
        raise CscError("The image has repeats; save one of them, or their mean, and load that.")
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


def noise_of_mean(data: Array) -> float | None:
    """Return the noise standard deviation of a sample of the mean over repeats (axis 2).

    None if the repeats are equal, so that they are copies and not measurements.
    """
    count = data.shape[2]
    magnitude = np.abs(data).max(axis=(0, 1, 2))
    sampled = magnitude > 1e-7 * magnitude.max()
    if not sampled.any():
        return None
    deviations = (data - data.mean(axis=2, keepdims=True))[..., sampled]
    variance = float((np.abs(deviations) ** 2).mean()) * count / (count - 1)
    found = float(np.sqrt(variance / count))
    return found if np.isfinite(found) and found > 0 else None


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
