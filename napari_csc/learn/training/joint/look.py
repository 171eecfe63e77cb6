"""Looks at a training in between: errors on fixed simulated scans, with the learned filters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from napari_csc.core import metrics
from napari_csc.core.acquisition.simulate import IMAGE_MAXIMUM
from napari_csc.core.kspace.sampling_masks import central_mask
from napari_csc.learn.training.batch import Batch
from napari_csc.learn.training.data import Image, simulate_batch, smooth_field
from napari_csc.learn.training.joint.losses import errors
from napari_csc.learn.training.joint.model import JointModel

Tensor = torch.Tensor

SETTINGS = ((0.05, 0.5), (0.2, 0.5), (0.01, 1.0))
"""Noise variance, in units of that of k-space, and sampled share along both axes."""


def validation_scan(image: Image, number: int, variance: float, share: float) -> Batch:
    """Return a simulated scan of a magnitude image (y, x); always the same for a number."""
    height, width = image.shape
    rng = np.random.default_rng((7, number))
    phase = smooth_field(max(height, width), rng)[:height, :width]
    scaled = torch.from_numpy((image * np.exp(1j * phase)).astype(np.complex64))
    mask = central_mask((height, width), (round(share * height), round(share * width)))
    return simulate_batch(
        IMAGE_MAXIMUM * scaled[None],
        torch.fft.ifftshift(mask)[None],
        torch.tensor([variance]),
        torch.Generator().manual_seed(1000 + number),
    )


@torch.no_grad()
def look(model: JointModel, images: Sequence[Image], device: torch.device) -> dict[str, float]:
    """Return error, object SSIM and error of the estimate for each of the settings.

    Errors are mean squares over the noise of the initial image; SSIM is that of magnitudes where
    the truth is above 5 % of its largest value. Means over the images.
    """
    filters = model.filters()
    figures = {}
    for variance, share in SETTINGS:
        rows = []
        for number, image in enumerate(images):
            scan = validation_scan(image, number, variance, share).to(device)
            found, estimate = model(scan, filters)
            truth = scan.reference.cpu()
            inside = truth.abs() > 0.05 * IMAGE_MAXIMUM
            shown = (found * scan.sigma[:, None, None]).cpu()
            similarity = metrics.ssim(truth, shown, IMAGE_MAXIMUM, inside)
            rows.append((float(errors(scan, found)), similarity, float(errors(scan, estimate))))
        means = np.mean(rows, axis=0)
        for name, value in zip(("error", "ssim_object", "estimate_error"), means, strict=True):
            figures[f"{name} {variance:g}"] = round(float(value), 4)
    return figures
