"""Noise: its level, where in the image and in k-space it is, and what a magnitude makes of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from napari_csc.core.kspace.fourier import image_to_kspace, kspace_to_image
from napari_csc.learn.training.image_ranges import ImageRanges
from napari_csc.learn.training.images.draw import Draw
from napari_csc.learn.training.images.fields import Shape, axes, smooth_field
from napari_csc.learn.training.images.kspace import frequencies

Tensor = torch.Tensor

# Coils that were combined leave noise that differs by up to about a factor of two.
_PATCHES = 0.35
_MOST_PATCHES = 2.0
# The power of the outer lines may be half or twice that of the middle.
_COLOUR = 0.35


@dataclass(frozen=True)
class Noise:
    """Noise of a batch of scans, in its own units.

    Attributes
    ----------
    spectrum : Tensor
        Its k-space on the samples, (n, y, x) complex, centred, mean power one.
    profile : Tensor
        Its standard deviation at each pixel over the mean of that, (n, y, x).
    """

    spectrum: Tensor
    profile: Tensor


def random_noise(mask: Tensor, transfer: Tensor, ranges: ImageRanges, draw: Draw) -> Noise:
    """Return noise on the samples of masks (n, y, x).

    Parameters
    ----------
    mask
        The samples, centred.
    transfer
        What the scanner multiplied k-space by, (n, y, x), centred.
    ranges
        How often noise is uneven or coloured.
    draw
        Random numbers.
    """
    shape = (mask.shape[-2], mask.shape[-1])
    profile = profiles(shape, ranges, draw)
    colour = transfer * colours(shape, ranges, draw)
    power = (colour.square() * mask).sum((-2, -1), keepdim=True)
    colour = colour * (mask.sum((-2, -1), keepdim=True) / power).sqrt()
    spectrum = image_to_kspace(profile * draw.noise(*shape)) * colour * mask
    return Noise(spectrum, profile)


def profiles(shape: Shape, ranges: ImageRanges, draw: Draw) -> Tensor:
    """Return how the noise changes over the image, (n, y, x), mean one.

    Along one axis by a slope or a bow, as with a receiver whose noise changes along the readout;
    or in patches; or nowhere.
    """
    y, x = axes(shape, draw.device)
    place = torch.where(draw.chance(0.5), y, x)
    bow = torch.where(draw.chance(0.5), place, 2 * place.square() - 1)
    strength = draw.uniform(-ranges.largest_unevenness, ranges.largest_unevenness)
    profile = 1 + strength * bow * draw.chance(ranges.uneven_noise)
    patches = torch.exp(_PATCHES * smooth_field(shape, draw)).clamp(
        1 / _MOST_PATCHES, _MOST_PATCHES
    )
    profile = torch.where(draw.chance(ranges.patchy_noise), patches, profile)
    return profile / profile.mean((-2, -1), keepdim=True)


def colours(shape: Shape, ranges: ImageRanges, draw: Draw) -> Tensor:
    """Return the amplitude of the noise in k-space, (n, y, x), centred: more outside, or less."""
    y, x = frequencies(shape, draw.device)
    far = torch.where(draw.chance(0.5), y, x).abs() * 2
    exponent = draw.uniform(-_COLOUR, _COLOUR) * draw.chance(ranges.coloured_noise)
    return torch.exp(exponent * far)


def as_magnitude(
    images: Tensor, noise: Noise, mask: Tensor, is_real: Tensor
) -> tuple[Tensor, Tensor]:
    """Return what a scanner shows of noisy images, and what it would show without noise.

    The standard deviation is defined along the signal: complex noise has it in the real and in
    the imaginary part each.

    Parameters
    ----------
    images
        True images in units of that standard deviation, (n, y, x) complex, as the samples of the
        mask show them.
    noise
        Noise of mean power one on these samples.
    mask
        The samples, (n, y, x); the scanner filled the others with zeros.
    is_real
        Where the real part along the true phase is shown, (n, 1, 1), else the magnitude.

    Returns
    -------
    shown, true : Tensor
        Real images (n, y, x).
    """
    share = mask.mean((-2, -1), keepdim=True)
    noisy = images + kspace_to_image(noise.spectrum) * (2 / share).sqrt()
    along = (noisy * torch.sgn(images).conj()).real
    return torch.where(is_real, along, noisy.abs()), images.abs()
