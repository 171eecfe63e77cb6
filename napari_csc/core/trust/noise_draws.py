"""Draws of noise as a scan has it: of its mask, along its readout, of its spectrum."""

from __future__ import annotations

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.fourier import image_to_kspace

Tensor = torch.Tensor

PERTURBATION = 0.1
"""Strength of draws that are added to measured samples, in units of their noise: weak, so that the
noise stays as strong as the maps are told."""


# Apart from the small seeds that simulated scans are made with: a probe that is the noise of the
# scan itself would tell something else.
_SALT, _SLICES_APART = 52_613_707, 1_000_003


def generator_of(seed: int, number: int) -> torch.Generator:
    """Return where the draws of a slice come from, whichever other slices are asked for."""
    return torch.Generator().manual_seed(_SALT + seed + _SLICES_APART * number)


def draw_noise(scan: Acquisition, generator: torch.Generator) -> Tensor:
    """Return noise of the shape of the samples, in units of the noise level, complex64.

    White unless the scan knows better: noise that varies over the image, a noise spectrum. Coils
    have equal and independent noise, as they are weighted when a scan is built. Of real and
    magnitude images the noise is real.

    Parameters
    ----------
    scan
        The scan.
    generator
        Where the numbers come from; one on the CPU.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import torch
    >>> from napari_csc.core.trust.noise_draws import draw_noise
    >>> scan = csc.Acquisition.from_kspace(torch.ones(64, 64) + 0j, noise_std=3.0)
    >>> noise = draw_noise(scan, torch.Generator().manual_seed(0))
    >>> abs(float(noise.abs().square().mean()) - 1) < 0.05
    True
    """
    if not scan.is_cartesian:
        drawn = torch.randn(scan.kspace.shape, dtype=torch.complex64, generator=generator)
        return drawn.to(scan.kspace.device)
    shape = (*scan.kspace.shape[:2], *scan.shape[1:])
    if scan.values == "complex":
        images = torch.randn(shape, dtype=torch.complex64, generator=generator)
    else:
        images = torch.randn(shape, generator=generator).to(torch.complex64)
    uneven = scan.relative_noise
    if uneven is not None:
        images = images * (uneven / uneven.square().mean().sqrt()).cpu()
    kspace = image_to_kspace(images)
    if scan.noise_spectrum is not None:
        kspace = kspace * scan.noise_spectrum.cpu().sqrt()
    return (kspace * scan.mask.cpu()).to(scan.kspace.device)


def noise_power_of_samples(scan: Acquisition) -> Tensor:
    """Return the mean of ``|n|^2`` of each sample, in units of the squared noise level.

    It can be expanded to the shape of the samples.
    """
    if not scan.is_cartesian or scan.noise_spectrum is None:
        return torch.ones(())
    return scan.noise_spectrum.cpu()
