"""Fixed validation scans, the figures on them, and the best single scalar as a yardstick."""

from collections.abc import Iterator

import numpy as np
import torch

from napari_csc.core import metrics
from napari_csc.core.acquisition.simulate import IMAGE_MAXIMUM
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.kspace.sampling_masks import central_mask
from napari_csc.learn.training.batch import Batch
from napari_csc.learn.training.data import simulate_batch, smooth_field
from napari_csc.learn.training.model import UnrolledReconstruction
from napari_csc.learn.training.volumes import Volume

Tensor = torch.Tensor

SCALARS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0)


def validation_scans(
    volumes: list[Volume], per_volume: int, noise_variance: float = 0.2, share: float = 0.5
) -> list[Batch]:
    """Return simulated scans of evenly spaced axial slices of each volume; always the same.

    Parameters
    ----------
    volumes
        Validation volumes.
    per_volume
        Slices taken from the middle three fifths of each.
    noise_variance
        As in `napari_csc.simulate_low_field`.
    share
        Sampled share of the matrix along both directions.
    """
    scans = []
    for volume in volumes:
        count, height, width = volume.data.shape
        mask = torch.fft.ifftshift(
            central_mask((height, width), (round(share * height), round(share * width)))
        )
        middle = np.linspace(0.2 * count, 0.8 * count, per_volume).round().astype(int)
        for number in middle.clip(max=count - 1):
            rng = np.random.default_rng((1, int(number)))
            size = max(height, width)
            phase = smooth_field(size, rng)[:height, :width]
            image = volume.data[number] * np.exp(1j * phase)
            scaled = torch.from_numpy((image / np.abs(image).max()).astype(np.complex64))
            scans.append(
                simulate_batch(
                    IMAGE_MAXIMUM * scaled[None],
                    mask[None],
                    torch.tensor([noise_variance]),
                    torch.Generator().manual_seed(int(number)),
                )
            )
    return scans


def initial_image(scan: Batch) -> Tensor:
    """Return the initial images (n, y, x) in units of the reference."""
    return torch.fft.ifft2(scan.spectrum, norm="ortho") * scan.sigma[:, None, None]


@torch.no_grad()
def with_scalar(
    model: UnrolledReconstruction, scans: list[Batch], dictionary: Dictionary, scalar: float
) -> Iterator[Tensor]:
    """Yield the images (n, y, x) of each scan with one level, in noise units, for all maps."""
    for scan in scans:
        synthesis = model.operator(scan, dictionary)
        shape = (len(scan.mask), *synthesis.spectra.shape)
        yield model.solve(scan, synthesis, scan.mask.new_full(shape, scalar))


def score(scans: list[Batch], images: Iterator[Tensor] | list[Tensor]) -> dict[str, float]:
    """Return mean magnitude SSIM (data range 10; whole, head, background) and MSE."""
    rows = []
    for scan, image in zip(scans, images, strict=True):
        truth, estimate = scan.reference.cpu(), image.cpu()
        head = truth.abs() > 0.05 * IMAGE_MAXIMUM
        rows.append(
            (
                metrics.ssim(truth, estimate, IMAGE_MAXIMUM),
                metrics.ssim(truth, estimate, IMAGE_MAXIMUM, head),
                metrics.ssim(truth, estimate, IMAGE_MAXIMUM, ~head),
                metrics.mse(truth, estimate),
            )
        )
    means = np.mean(rows, axis=0)
    names = ("ssim", "ssim_head", "ssim_background", "mse")
    return {name: round(float(value), 4) for name, value in zip(names, means, strict=True)}


def best_scalar(
    model: UnrolledReconstruction, scans: list[Batch], dictionary: Dictionary
) -> tuple[float, dict[str, float]]:
    """Return the single scalar (noise units) with the best mean SSIM on these very scans."""
    results = {
        scalar: score(scans, with_scalar(model, scans, dictionary, scalar)) for scalar in SCALARS
    }
    best = max(results, key=lambda scalar: results[scalar]["ssim"])
    return best, results[best]
