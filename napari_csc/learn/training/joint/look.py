"""Looks at a training in between: errors on fixed simulated scans, with the learned filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from napari_csc.core.acquisition.simulate import IMAGE_MAXIMUM
from napari_csc.core.kspace.sampling_masks import central_mask
from napari_csc.learn.training.batch import Batch
from napari_csc.learn.training.data import Image, simulate_batch, smooth_field
from napari_csc.learn.training.joint.losses import errors
from napari_csc.learn.training.joint.model import JointModel
from napari_csc.learn.training.losses import local_ssim

Tensor = torch.Tensor

SETTINGS = ((0.05, 0.5), (0.2, 0.5), (0.01, 1.0))
"""Noise variance, in units of that of k-space, and sampled share along both axes."""
SCALARS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
"""Single levels that the maps are compared with, in noise units."""


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


def scores(scan: Batch, image: Tensor) -> dict[str, float]:
    """Return magnitude SSIM (data range 10; whole, object, background) and MSE of an image.

    The image (1, y, x) is in noise units. Written here so that training needs no other library.
    """
    truth, shown = scan.reference.abs(), image.abs() * scan.sigma[:, None, None]
    similar = local_ssim(truth, shown, IMAGE_MAXIMUM)
    inside = truth[:, 3:-3, 3:-3] > 0.05 * IMAGE_MAXIMUM
    return {
        "ssim": float(similar.mean()),
        "ssim_head": float(similar[inside].mean()),
        "ssim_background": float(similar[~inside].mean()),
        "mse": float((shown - truth).square().mean()),
    }


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
            similarity = scores(scan, found)["ssim_head"]
            rows.append((float(errors(scan, found)), similarity, float(errors(scan, estimate))))
        means = np.mean(rows, axis=0)
        for name, value in zip(("error", "ssim_object", "estimate_error"), means, strict=True):
            figures[f"{name} {variance:g}"] = round(float(value), 4)
    return figures


@torch.no_grad()
def final_figures(
    model: JointModel, images: Sequence[Image], device: torch.device
) -> dict[str, Any]:
    """Return the figures for a weight file, with the best single scalar as a yardstick."""
    variance, share = SETTINGS[1]
    rows: dict[str, list[dict[str, float]]] = {}
    filters = model.filters()
    for number, image in enumerate(images):
        scan = validation_scan(image, number, variance, share).to(device)
        found, estimate = model(scan, filters)
        rows.setdefault("network", []).append(
            scores(scan, found)
            | {f"estimate_{name}": value for name, value in scores(scan, estimate).items()}
        )
        initial = torch.fft.ifft2(scan.spectrum, norm="ortho")
        rows.setdefault("initial", []).append(scores(scan, initial))
        for scalar in SCALARS:
            level = model.with_scalar(scan, filters, scalar)
            rows.setdefault(f"{scalar:g}", []).append(scores(scan, level))
    means = {name: _mean(found) for name, found in rows.items()}
    best = max(SCALARS, key=lambda scalar: means[f"{scalar:g}"]["ssim"])
    return {
        "settings": f"{len(images)} axial slices, central half of k-space along both directions, "
        f"noise variance {variance:g}, the learned dictionary, magnitude SSIM with data range 10",
        "network": means["network"],
        "initial": means["initial"],
        "best scalar": {"noise units": best} | means[f"{best:g}"],
        "by noise variance": look(model, images, device),
    }


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in rows[0]}
