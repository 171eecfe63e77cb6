"""Values that stand for no measurement, and values with a sign."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_csc.core.acquisition.notes import add_note
from napari_csc.storage.content import Array

# Padding covers at least this share of an image.
_PADDING_SHARE = 0.01
SIGNED = "signed"
"""Entry of the metadata: real values, some below zero, so that results keep the sign."""


def without_nan(values: Array) -> tuple[Array, str]:
    """Return the values with zero for NaN, as programs mark the background, and what was done."""
    if values.dtype.kind not in "fc":
        return values, ""
    missing = np.isnan(values)
    count = int(missing.sum())
    if not count or count == values.size:
        return values, ""
    share = 100 * count / values.size
    return np.where(missing, 0, values), f"NaN ({share:.3g} % of the values) was read as zero."


def without_missing(values: Array) -> tuple[Array, str]:
    """Return the same of bare arrays; of k-space only what is missing in all of its planes.

    Samples that some coils or slices have and others have not are left for others to refuse.
    """
    if values.dtype.kind != "c" or values.ndim < 2:
        return without_nan(values)
    longest = sorted(np.argsort(values.shape, kind="stable")[-2:])
    missing = np.moveaxis(np.isnan(values), longest, (-2, -1)).reshape(
        -1, *(values.shape[axis] for axis in longest)
    )
    return without_nan(values) if (missing == missing[:1]).all() else (values, "")


def with_sign_and_padding(images: Array, metadata: dict[str, Any]) -> Array:
    """Return real images with zero for padding, and note whether they are signed.

    Padding is a value below zero at many places, where nothing else is below zero.
    """
    if images.dtype.kind not in "if" or not np.isfinite(images).all():
        return images
    lowest = images.min(initial=0)
    if lowest >= 0:
        return images
    padded = images == lowest
    others = images[~padded]
    if padded.mean() >= _PADDING_SHARE and others.size and others.min() >= 0:
        add_note(metadata, f"The value {lowest:g} was taken as padding, and read as zero.")
        return np.where(padded, np.zeros_like(lowest), images)
    metadata[SIGNED] = True
    add_note(metadata, "Values are real, some below zero; the sign is kept.")
    return images
