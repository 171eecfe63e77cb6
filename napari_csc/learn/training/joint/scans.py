"""One's own scans, without a truth: recorrupted pairs, whose noises are independent.

Of data ``y`` with noise of variance one, with further noise ``n`` like it, ``y + a n`` goes in and
``y - n / a`` is the target. The squared error against the target has the same minimum as that
against the truth.

References
----------
Pang, Zheng, Quan, Ji, CVPR 2021 (recorrupted-to-recorrupted).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from napari_csc.errors import CscError
from napari_csc.learn.training.batch import Batch
from napari_csc.learn.training.images.draw import Draw

Tensor = torch.Tensor


@dataclass(frozen=True, eq=False)
class OwnScan:
    """A measured scan.

    Attributes
    ----------
    name : str
        Its file.
    spectrum : Tensor
        Its unitary spectrum (slice, y, x), in `torch.fft` order of centred images, in noise units.
    mask : Tensor
        Its samples (y, x), likewise.
    noise_map : Tensor or None
        Its noise at each pixel over the mean of that, (y, x), where it varies.
    noise_spectrum : Tensor or None
        The power of its noise at each frequency, (y, x), likewise, where it is known.
    """

    name: str
    spectrum: Tensor
    mask: Tensor
    noise_map: Tensor | None = None
    noise_spectrum: Tensor | None = None

    def more_noise(self, draw: Draw) -> Tensor:
        """Return further noise like that of the scan, (n, y, x), in k-space, in noise units."""
        noise = draw.noise(*self.mask.shape)
        if self.noise_map is not None:
            profile = self.noise_map.to(draw.device)
            images = torch.fft.ifft2(noise, norm="ortho") * profile
            noise = torch.fft.fft2(images, norm="ortho") / profile.square().mean().sqrt()
        if self.noise_spectrum is not None:
            noise = noise * self.noise_spectrum.to(draw.device).sqrt()
        return noise * self.mask.to(draw.device)


def read_scans(folder: str | Path, report: Callable[[str], None] = print) -> list[OwnScan]:
    """Read all scans of a folder that are Cartesian and of one coil; others are named.

    Raises
    ------
    CscError
        If there are none.
    """
    # Only here: what is trained on simulated images alone needs no readers.
    from napari_csc.io.load import load

    folder = Path(folder)
    if not folder.is_dir():
        raise CscError(f"The folder of scans {folder} does not exist; give another with --scans.")
    found = []
    for path in sorted(one for one in folder.iterdir() if one.is_file()):
        try:
            scan = load(path)
        except CscError as error:
            report(f"{path.name} is left out: {error}")
            continue
        if not scan.is_masked_fourier:
            report(f"{path.name} is left out: it is not of one coil on a grid.")
            continue
        images = scan.adjoint() / (scan.noise_std * scan.noise_gain)
        mask = torch.fft.ifftshift(scan.mask).float()
        spectrum = torch.fft.fft2(images, norm="ortho") * mask
        colour = scan.noise_spectrum
        if colour is not None:
            colour = torch.fft.ifftshift(colour).float()
        found.append(OwnScan(path.name, spectrum, mask, scan.relative_noise, colour))
        report(f"{path.name}: {len(spectrum)} slices of {mask.shape[0]} x {mask.shape[1]}")
    if not found:
        raise CscError(f"No scan in {folder} can be trained on; one coil on a grid is needed.")
    return found


@dataclass(frozen=True, eq=False)
class Pair:
    """A recorrupted pair.

    Attributes
    ----------
    batch : Batch
        What goes in; the truth is not known.
    target : Tensor
        Spectra to be met on the samples, (n, y, x), in the units of what goes in.
    target_noise : float
        Variance of their noise, in these units.
    """

    batch: Batch
    target: Tensor
    target_noise: float

    def loss(self, image: Tensor) -> Tensor:
        """Return the mean squared error on the samples of images (n, y, x), over the noise."""
        spectrum = torch.fft.fft2(image, norm="ortho")
        difference = torch.view_as_real((spectrum - self.target) * self.batch.mask)
        squares = difference.square().sum((-1, -2, -3)) / self.batch.mask.sum((-2, -1))
        return squares.mean() - self.target_noise


def recorrupted(scan: OwnScan, slices: Tensor, strength: float, draw: Draw) -> Pair:
    """Return some slices of a scan as a recorrupted pair, on the device of the draw.

    Parameters
    ----------
    scan
        The scan.
    slices
        Numbers of the slices (n,).
    strength
        The ``a`` of the noise that is added.
    draw
        Random numbers for so many slices.
    """
    spectrum = scan.spectrum[slices].to(draw.device)
    mask = scan.mask.to(draw.device).expand(len(slices), *scan.mask.shape)
    noise = scan.more_noise(draw)
    # What goes in has more noise than was measured, and is in units of that.
    unit = (1 + strength**2) ** 0.5
    ones = torch.ones(len(slices), device=draw.device)
    uneven = scan.noise_map
    if uneven is not None:
        uneven = uneven.to(draw.device).expand(len(slices), *uneven.shape)
    given = (spectrum + strength * noise) / unit
    batch = Batch(given, mask, ones, torch.zeros_like(spectrum), uneven)
    return Pair(batch, (spectrum - noise / strength) / unit, strength**-2)
