"""How far the images of a network are from the data as a rule, for its weight file."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from napari_csc.learn.training.batch import Batch
from napari_csc.learn.training.data import Image
from napari_csc.learn.training.joint.look import validation_scan
from napari_csc.learn.training.joint.model import JointModel

SETTINGS = ((0.004, 1.0), (0.02, 1.0), (0.1, 1.0), (0.02, 0.5), (0.1, 0.5), (0.4, 0.5))
"""Noise variance, in units of that of k-space, and sampled share: the range of the training."""
_MARGIN = 1.25


@torch.no_grad()
def usual_misfit(
    model: JointModel, images: Sequence[Image], device: torch.device
) -> tuple[float, float]:
    """Return between which the misfit lies: least and largest of simulated scans, and a margin.

    Parameters
    ----------
    model
        The model with averaged weights.
    images
        Validation images (y, x), magnitudes of maximum one.
    device
        Where to compute.

    Returns
    -------
    tuple of float
        ``mean |A x - y|^2 / sigma^2`` over the sampled positions.
    """
    filters = model.filters()
    found = []
    for number, image in enumerate(images):
        for variance, share in SETTINGS:
            scan = validation_scan(image, number, variance, share).to(device)
            found.append(_misfit(scan, model(scan, filters)[0]))
    return round(min(found) / _MARGIN, 3), round(max(found) * _MARGIN, 3)


def _misfit(scan: Batch, image: torch.Tensor) -> float:
    left = torch.fft.fft2(image, norm="ortho") - scan.spectrum
    return float(left.abs().square()[scan.mask > 0].mean())
