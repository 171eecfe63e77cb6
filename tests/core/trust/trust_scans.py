"""Scans of every kind for the tests of trust: one coil, several, a mask, a trajectory."""

import math

import numpy as np
import torch

import napari_csc as csc
from napari_csc.core.acquisition.cartesian import Acquisition

SHAPE = (48, 40)


def picture(shape=SHAPE):
    """A soft head-like object with some structure, in units of the noise used below."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    y, x = (y - shape[0] / 2) / (0.42 * shape[0]), (x - shape[1] / 2) / (0.42 * shape[1])
    body = 1 / (1 + np.exp((np.hypot(y, x) - 1) * 12))
    return 40 * body * (1 + 0.3 * np.sin(4 * x) * np.cos(3 * y))


def phase(shape=SHAPE):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.exp(1j * (0.08 * x - 0.05 * y + 0.4))


def coil_maps(count=3, shape=SHAPE):
    y, x = np.mgrid[: shape[0], : shape[1]]
    angles = 2 * np.pi * np.arange(count) / count
    maps = np.stack(
        [
            np.exp(
                -(
                    (y / shape[0] - 0.5 - 0.4 * np.sin(a)) ** 2
                    + (x / shape[1] - 0.5 - 0.4 * np.cos(a)) ** 2
                )
            )
            * np.exp(1j * a)
            for a in angles
        ]
    )
    return torch.as_tensor(maps / np.sqrt((np.abs(maps) ** 2).sum(0))).to(torch.complex64)


def scan_of(kind="plain", sigma=1.0, seed=0, slices=1, **extra) -> Acquisition:
    """A scan of the picture with complex noise; ``kind`` says how it was sampled."""
    truth = torch.as_tensor(picture() * phase()).to(torch.complex64).expand(slices, *SHAPE)
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(SHAPE, dtype=torch.bool)
    if kind == "masked":
        mask = torch.rand(SHAPE, generator=torch.Generator().manual_seed(5)) < 0.6
        mask[20:28, 16:24] = True
    if kind == "cropped":
        mask = torch.zeros(SHAPE, dtype=torch.bool)
        mask[8:40, 6:34] = True
    if kind == "radial":
        return _radial(truth, sigma, generator, **extra)
    maps = coil_maps() if kind == "coils" else None
    empty = torch.zeros(slices, 1 if maps is None else len(maps), *SHAPE, dtype=torch.complex64)
    if maps is not None:
        maps = maps.expand(slices, *maps.shape)
    blank = Acquisition(empty, mask, maps, given_noise_std=sigma)
    noise = torch.randn(empty.shape, dtype=torch.complex64, generator=generator) * mask
    return csc.Acquisition.from_kspace(
        blank.forward(truth) + sigma * noise, mask=mask, coil_maps=maps, noise_std=sigma, **extra
    )


def _radial(truth, sigma, generator, **extra):
    angles = torch.arange(64) * math.pi / 64
    radius = torch.linspace(-20, 19.5, 80)
    spokes = torch.stack([angles.sin(), angles.cos()], -1)[:, None] * radius[:, None]
    spokes[..., 1] *= SHAPE[1] / SHAPE[0]
    blank = csc.Acquisition.from_trajectory(
        torch.ones(len(truth), *spokes.shape[:-1], dtype=torch.complex64),
        spokes,
        SHAPE,
        noise_std=1.0,
    )
    clean = blank.forward(truth)
    noise = torch.randn(clean.shape, dtype=torch.complex64, generator=generator)
    return csc.Acquisition.from_trajectory(
        (clean + sigma * noise)[:, 0].reshape(len(truth), *spokes.shape[:-1]),
        spokes,
        SHAPE,
        noise_std=sigma,
        **extra,
    )


KINDS = ["plain", "masked", "cropped", "coils", "radial"]


def made(level=1.0, **changes):
    """What reconstructs quickly: eight filters, one level."""
    settings = {"iterations": 12, "solver": "admm", "rule": "fitted", "device": "cpu", **changes}
    return csc.Reconstructor(csc.Dictionary.load("dct-8-5"), csc.NoiseScalar(level), **settings)
