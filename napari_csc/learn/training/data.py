"""Training examples: random simulated low-field scans of random parts of volumes."""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from napari_csc.core.acquisition.simulate import IMAGE_MAXIMUM
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.kspace.sampling_masks import central_mask
from napari_csc.errors import CscError
from napari_csc.learn.training.batch import Batch
from napari_csc.learn.training.config import TrainingConfig
from napari_csc.learn.training.volumes import SUFFIXES, Volume, read_volume
from napari_csc.phantom.head import PROTOCOLS, head_phantom

Tensor = torch.Tensor
Image = npt.NDArray[np.float32]


def read_volumes(folder: str | Path, patterns: Sequence[str]) -> list[Volume]:
    """Read the volumes of a folder whose names match one of the patterns (all if none)."""
    folder = Path(folder)
    if not folder.is_dir():
        raise CscError(f"The data folder {folder} does not exist; give another with --data.")
    paths = [
        path
        for path in sorted(folder.iterdir())
        if path.name.endswith(SUFFIXES)
        and (not patterns or any(fnmatch(path.name, one) for one in patterns))
    ]
    if not paths:
        raise CscError(
            f"No volume in {folder} matches {', '.join(patterns) or 'any known format'}."
        )
    return [read_volume(path) for path in paths]


def filled_slices(volume: Volume) -> list[Image]:
    """Return the slices that show enough of the object, across all axes if pixels are square."""
    axes = (0, 1, 2) if volume.is_isotropic else (0,)
    slices = []
    for axis in axes:
        stack = volume.turned(axis)
        shares = (stack > 0.1).mean(axis=(1, 2))
        slices += [stack[index] for index in np.nonzero(shares > 0.12)[0]]
    return slices


def phantom_slices(count: int, seed: int) -> list[Image]:
    """Return four slices (256, 256) of each of some synthetic heads, in turning contrasts."""
    rng = np.random.default_rng(seed)
    names = list(PROTOCOLS)
    slices: list[Image] = []
    for number in range(count):
        sequence = names[number % len(names)]
        heads = head_phantom(256, 4, sequence, seed=int(rng.integers(2**31)))
        slices += list((heads.abs() / IMAGE_MAXIMUM).numpy())
    return slices


def random_image(slices: Sequence[Image], size: int, rng: np.random.Generator) -> Tensor:
    """Return a complex image (size, size) of maximum 10: a slice turned, bent, cut, recoloured.

    Geometry: flips, rotations, scale, a smooth displacement. Contrast: a random rising curve, a
    bias field, the noise floor of a magnitude image. Phase: smooth and random.
    """
    source = np.rot90(slices[int(rng.integers(len(slices)))], int(rng.integers(4)))
    if rng.random() < 0.5:
        source = source[:, ::-1]
    zoom = size / max(source.shape) * rng.uniform(0.9, 1.9)
    angle = rng.uniform(-0.3, 0.3)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
    shift = rng.uniform(-0.5, 0.5, 2) * np.maximum(np.array(source.shape) * zoom - size, 0)
    centre = np.array(source.shape) / 2 + shift / zoom
    positions = np.indices((size, size), dtype=np.float32) - size / 2
    positions += _displacement(size, rng)
    places = np.tensordot(turn, positions, axes=1) + centre[:, None, None]
    image = ndimage.map_coordinates(source.astype(np.float32), places, order=1)
    image = _recoloured(np.clip(image, 0, None), rng)
    image *= np.exp(0.3 * smooth_field(size, rng))
    image = _on_noise_floor(image, rng) * taper(size)
    phase = smooth_field(size, rng) * rng.uniform(0, 1.5) + rng.uniform(-np.pi, np.pi)
    complex_image = image * np.exp(1j * phase)
    scale = IMAGE_MAXIMUM / max(float(np.abs(complex_image).max()), 1e-6)
    return torch.from_numpy((complex_image * scale).astype(np.complex64))


def _displacement(size: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return a smooth displacement (2, size, size) of up to some per cent of the width."""
    coarse = rng.normal(size=(2, 5, 5)) * rng.uniform(0, 0.02) * size
    return ndimage.zoom(coarse, (1, size / 5, size / 5), order=3).astype(np.float32)


def _recoloured(image: Image, rng: np.random.Generator) -> Image:
    """Return an image through a random curve that rises from zero: another contrast."""
    top = max(float(image.max()), 1e-6)
    knots = np.linspace(0, 1, 6)
    rises = np.exp(rng.normal(scale=0.5, size=5))
    curve = np.concatenate([[0], np.cumsum(rises) / rises.sum()]) ** rng.uniform(0.7, 1.4)
    return np.interp(image / top, knots, curve).astype(np.float32)


def _on_noise_floor(image: Image, rng: np.random.Generator) -> Image:
    """Return the magnitude of an image with some noise of its own, as every magnitude image has.

    Outside the object such an image is not black but has a faint mean (Rician noise). Many volumes
    had it masked away.
    """
    level = max(0.0, rng.uniform(-0.003, 0.008)) * float(image.max())
    noise = level * rng.standard_normal((2, *image.shape))
    return np.hypot(image + noise[0], noise[1]).astype(np.float32)


def smooth_field(size: int, rng: np.random.Generator) -> Image:
    """Return a random field of a few low frequencies, (size, size), of unit order."""
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    weights = rng.normal(size=5)
    terms = (y, x, y * x, y**2 - 0.33, x**2 - 0.33)
    return np.sum([w * term for w, term in zip(weights, terms, strict=True)], axis=0)


def taper(size: int, width: int = 8) -> Image:
    """Return a window (size, size) that falls to zero at the edges.

    A crop that cuts through the head would jump at the circular boundary, which no scan does.
    """
    ramp = np.ones(size, dtype=np.float32)
    edge = 0.5 - 0.5 * np.cos(np.pi * (np.arange(width) + 0.5) / width)
    ramp[:width], ramp[-width:] = edge, edge[::-1]
    return ramp[:, None] * ramp[None, :]


def random_dictionary(config: TrainingConfig, rng: np.random.Generator) -> Dictionary:
    """Return the dictionary of a step: the configured one, or a random family, count and size."""
    if config.dictionary is not None:
        return Dictionary.load(config.dictionary)
    low, high = config.filter_counts
    count = round(float(np.exp(rng.uniform(np.log(low), np.log(high)))))
    size = int(rng.integers(config.filter_sizes[0], config.filter_sizes[1] + 1))
    names = list(config.families)
    weights = np.array([config.families[name] for name in names])
    family = str(rng.choice(names, p=weights / weights.sum()))
    return drawn_dictionary(family, count, size, rng)


def drawn_dictionary(family: str, count: int, size: int, rng: np.random.Generator) -> Dictionary:
    """Return so many filters, so wide, of a family; or a random part of a dictionary by name."""
    if family == "dct":
        # Any part of the cosine family is a dictionary, not only its low frequencies.
        if rng.random() < 0.3 and size * size - 1 > count:
            return _part(Dictionary.dct(size * size - 1, size), count, rng)
        return Dictionary.dct(count, size)
    if family == "gabor":
        return Dictionary.gabor(count, size)
    if family == "random":
        return Dictionary.random(count, size, int(rng.integers(2**31)))
    return _part(Dictionary.load(family), count, rng)


def _part(dictionary: Dictionary, count: int, rng: np.random.Generator) -> Dictionary:
    """Return some of the filters, in random order; all if there are no more."""
    count = min(count, len(dictionary))
    return dictionary.subset(rng.choice(len(dictionary), count, replace=False).tolist())


def random_batch(
    slices: Sequence[Sequence[Image]], config: TrainingConfig, count: int, rng: np.random.Generator
) -> Batch:
    """Return simulated scans of random images; volumes are drawn evenly, then their slices.

    The last of the volumes are the phantoms, if the configuration asks for some.
    """
    size = config.crop
    n_real = len(slices) - (1 if config.phantom_share else 0)
    images = []
    for _ in range(count):
        real = not config.phantom_share or rng.random() >= config.phantom_share
        chosen = slices[int(rng.integers(n_real))] if real else slices[-1]
        images.append(random_image(chosen, size, rng))
    shares = rng.uniform(*config.sampled_shares, size=(count, 2))
    # Half of the scans sample both directions alike, as the paper does.
    shares[:, 1] = np.where(rng.random(count) < 0.5, shares[:, 0], shares[:, 1])
    masks = torch.stack(
        [
            torch.fft.ifftshift(central_mask((size, size), (int(a), int(b))))
            for a, b in np.maximum(np.round(shares * size), 8)
        ]
    )
    variances = torch.from_numpy(rng.uniform(*config.noise_variances, size=count)).float()
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    return simulate_batch(torch.stack(images), masks, variances, generator)


def simulate_batch(
    images: Tensor, masks: Tensor, variances: Tensor, generator: torch.Generator
) -> Batch:
    """Simulate scans of images (n, y, x): the same rule as `napari_csc.simulate_low_field`."""
    spectrum = torch.fft.fft2(images, norm="ortho")
    deviations = [torch.std(one[mask]) for one, mask in zip(spectrum, masks, strict=True)]
    sigma = variances.sqrt() * torch.stack(deviations)
    noise = torch.randn((*images.shape, 2), generator=generator) / 2**0.5
    sampled = (spectrum / sigma[:, None, None] + torch.view_as_complex(noise)) * masks
    return Batch(sampled, masks.float(), sigma, images)
