"""Simulated inputs over everything that has misled estimates of the noise."""

from __future__ import annotations

import itertools
import os
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, gaussian_filter, label, zoom

from napari_csc.core.kspace.noise.estimate import estimate_noise
from napari_csc.core.kspace.sampling_masks import central_mask
from napari_csc.phantom.head import head_phantom

Array = NDArray[np.float64]
DATA = Path(os.environ.get("NAPARI_CSC_DATA", "shared/data"))

OBJECTS = ("phantom", "shapes", "volume")
SHARES = (0.3, 0.6, 0.9, 1.0)
MASKED = (False, True)
PADDING = (0.0, 0.25)
ZERO_FILLING = (1.0, 1.5, 2.0, 3.0, 4.0)
KINDS = ("magnitude", "complex")
SNRS = (5, 10, 20, 50, 100, 200, 500)
VOLUMES = ("torchio_t2", "neurolabusc_mr", "niivue_t2w")


@dataclass(frozen=True)
class Cell:
    """One input: what is in the picture, and what was done to it."""

    obj: str
    share: float
    masked: bool
    padding: float
    zero_filling: float
    kind: str
    snr: int
    seed: int


def table(seed: int = 0) -> list[Cell]:
    """Return every cell, each with a seed of its own."""
    axes = (OBJECTS, SHARES, MASKED, PADDING, ZERO_FILLING, KINDS, SNRS)
    return [
        Cell(*values, seed=1000 * seed + number)
        for number, values in enumerate(itertools.product(*axes))
    ]


def make(cell: Cell) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Return k-space (slice, 1, ky, kx), its mask, and the true noise level."""
    rng = np.random.default_rng(cell.seed)
    acquired = [
        int(rng.integers(64, 112)) if cell.zero_filling > 2 else int(rng.integers(96, 176))
        for _ in range(2)
    ]
    slices = int(rng.integers(1, 4))
    fine = [2 * size for size in acquired]
    truth = np.stack([_object(cell, number, rng, fine) for number in range(slices)])
    inside = np.stack([binary_fill_holes(one > 0.03 * one.max()) for one in truth])
    truth *= 100 / truth[inside].mean()
    sigma = 100 / cell.snr
    if cell.kind == "complex":
        phase = gaussian_filter(rng.standard_normal(fine), max(fine) / 5)
        truth = truth * np.exp(4j * (phase - phase.min()) / np.ptp(phase))
    kspace = _fft(truth)
    kspace = _centre(kspace, acquired) / 2
    noise = rng.standard_normal((2, *kspace.shape)) * sigma / np.sqrt(2)
    kspace = kspace + noise[0] + 1j * noise[1]
    grid = [round(cell.zero_filling * size) for size in acquired]
    plain = not cell.masked and not cell.padding and cell.kind == "complex"
    kspace = _centre(kspace, grid)
    if plain:
        mask = central_mask((grid[0], grid[1]), (acquired[0], acquired[1]))
        return _tensor(kspace), mask, sigma
    image = _ifft(kspace)
    if cell.kind == "magnitude":
        image = np.abs(image)
        sigma /= np.sqrt(2)
    if cell.masked:
        steps = [np.minimum(np.arange(n) * m // n, m - 1) for n, m in zip(grid, fine, strict=True)]
        image = image * inside[:, steps[0]][:, :, steps[1]]
    if cell.padding:
        edge = [round(cell.padding * size / 2) for size in grid]
        image = np.pad(image, ((0, 0), (edge[0], edge[0]), (edge[1], edge[1])))
    image = image.astype(np.complex64)
    kspace = _fft(image)
    return _tensor(kspace), torch.ones(kspace.shape[-2:], dtype=torch.bool), sigma


def _tensor(kspace: NDArray[np.complex128]) -> torch.Tensor:
    return torch.as_tensor(kspace.astype(np.complex64))[:, None]


def _fft(image: NDArray[np.complex128]) -> NDArray[np.complex128]:
    axes = (-2, -1)
    return np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image, axes), norm="ortho"), axes)


def _ifft(kspace: NDArray[np.complex128]) -> NDArray[np.complex128]:
    axes = (-2, -1)
    return np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace, axes), norm="ortho"), axes)


def _centre(kspace: NDArray[np.complex128], shape: list[int]) -> NDArray[np.complex128]:
    """Cut or zero-fill about the zero frequency."""
    for axis, size in zip((-2, -1), shape, strict=True):
        have = kspace.shape[axis]
        if size <= have:
            start = have // 2 - size // 2
            kspace = np.take(kspace, range(start, start + size), axis)
        else:
            before = size // 2 - have // 2
            pads = [(0, 0)] * kspace.ndim
            pads[axis % kspace.ndim] = (before, size - have - before)
            kspace = np.pad(kspace, pads)
    return kspace


def _object(cell: Cell, number: int, rng: np.random.Generator, shape: list[int]) -> Array:
    """Return an object (y, x) that covers the wanted share of the field of view."""
    if cell.obj == "shapes":
        return _shapes(rng, shape, cell.share)
    picture = (
        _head(cell.seed % 3, number)
        if cell.obj == "phantom"
        else _volume(VOLUMES[cell.seed % 3], number + cell.seed % 2)
    )
    return _fitted(picture, shape, cell.share)


@lru_cache(maxsize=20)
def _head(seed: int, number: int) -> Array:
    contrast = ("t1w", "t2w", "flair")[seed]
    head = head_phantom(256, 3, contrast, seed=seed)  # type: ignore[call-overload]
    return np.abs(np.asarray(head))[number].astype(float)


@lru_cache(maxsize=20)
def _volume(name: str, number: int) -> Array:
    volume = np.asarray(nib.load(DATA / "brain_volumes" / f"{name}.nii.gz").dataobj)
    place = int(volume.shape[2] * (0.45 + 0.05 * number))
    one = volume[..., place].astype(float)
    one = one - one.min()
    even = one[: one.shape[0] // 2 * 2, : one.shape[1] // 2 * 2]
    one = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2).mean((1, 3))
    inside = gaussian_filter(one, 1.5) > 0.12 * np.quantile(one, 0.98)
    groups, _ = label(inside)
    inside = binary_fill_holes(groups == np.bincount(groups.ravel())[1:].argmax() + 1)
    return np.where(inside, one, 0)


def _fitted(picture: Array, shape: list[int], share: float) -> Array:
    """Cut or pad a picture to an object's share of the field of view, then resample."""
    inside = binary_fill_holes(picture > 0.03 * picture.max())
    rows, columns = np.nonzero(inside.any(1))[0], np.nonzero(inside.any(0))[0]
    centre = ((rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2)
    extent = (rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)
    padded = np.pad(picture, 200)
    filled = np.pad(inside, 200)
    for scale in np.geomspace(2.2, 0.3, 60):
        half = (scale * extent[0] / 2, scale * extent[1] / 2)
        low = [round(200 + centre[axis] - half[axis]) for axis in (0, 1)]
        high = [round(200 + centre[axis] + half[axis]) for axis in (0, 1)]
        box = (slice(low[0], high[0]), slice(low[1], high[1]))
        if filled[box].mean() >= min(share, 0.999):
            break
    part = padded[box]
    factors = [size / have for size, have in zip(shape, part.shape, strict=True)]
    out = zoom(part, factors, order=1, grid_mode=True, mode="nearest")
    return np.maximum(out, 0)


def _shapes(rng: np.random.Generator, shape: list[int], share: float) -> Array:
    """Ellipses and boxes of random brightness, one large one below them."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    if share >= 1:
        out = np.ones(shape)
    else:
        power = 2.0 if share < 0.7 else 6.0
        radius = (np.abs(y) ** power + np.abs(x) ** power) ** (1 / power)
        out = (radius <= np.quantile(radius, share)).astype(float)
    body = out > 0
    out *= 1 + 0.3 * gaussian_filter(rng.standard_normal(shape), max(shape) / 6) * max(shape) / 3
    for _ in range(int(rng.integers(3, 12))):
        centre, size = rng.uniform(-0.7, 0.7, 2), rng.uniform(0.05, 0.4, 2)
        if rng.random() < 0.5:
            one = ((y - centre[0]) / size[0]) ** 2 + ((x - centre[1]) / size[1]) ** 2 < 1
        else:
            one = (np.abs(y - centre[0]) < size[0]) & (np.abs(x - centre[1]) < size[1])
        out += one * rng.uniform(-0.4, 0.6)
    return np.where(body, np.clip(out, 0.15, None), 0)


def measure(cell: Cell) -> dict[str, object]:
    """Return the cell with what was estimated of it."""
    kspace, mask, sigma = make(cell)
    started = time.process_time()
    answer = estimate_noise(kspace, mask)
    return asdict(cell) | {
        "known": answer.known,
        "ratio": answer.std / sigma,
        "method": answer.method,
        "others": {name: value / sigma for name, value in answer.others.items()},
        "seconds": time.process_time() - started,
        "shape": tuple(kspace.shape),
        "sentence": answer.sentence,
    }
