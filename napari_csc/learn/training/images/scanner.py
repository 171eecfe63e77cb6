"""Batches of simulated scans, like those of real scanners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from napari_csc.core.acquisition.simulate import IMAGE_MAXIMUM
from napari_csc.core.kspace.fourier import image_to_kspace, kspace_to_image
from napari_csc.learn.training.batch import Batch
from napari_csc.learn.training.image_ranges import ImageRanges
from napari_csc.learn.training.images.contrast import object_mask, on_background, recoloured
from napari_csc.learn.training.images.draw import Draw
from napari_csc.learn.training.images.fields import Shape, top_of
from napari_csc.learn.training.images.geometry import warped
from napari_csc.learn.training.images.kspace import cut, decayed, transfer
from napari_csc.learn.training.images.noise import Noise, as_magnitude, random_noise
from napari_csc.learn.training.images.packed import PackedSlices
from napari_csc.learn.training.images.phase import random_phase
from napari_csc.learn.training.images.sampling import sampled
from napari_csc.learn.training.images.shapes import leaves

Tensor = torch.Tensor
Flags = np.ndarray

_WHITE = 1.3 / 255
# What the random numbers are for, apart from seed and step.
_SCAN, _FINE, _COARSE = range(3)


@dataclass(frozen=True)
class Plan:
    """What is decided before anything is computed, for each image of a batch."""

    source: np.ndarray
    """Number of the slice, or of the leaves."""
    is_leaf: Flags
    is_full: Flags
    is_cut: Flags
    is_shown: Flags
    """Magnitude or real images, instead of complex ones."""
    is_real: Flags
    fineness: float


class TrainingImages:
    """Simulated scans of random images, on the device of the training.

    Parameters
    ----------
    slices
        Slices to make images of.
    ranges
        How images and scans are drawn.
    device
        Where.
    seed
        Of everything random.
    """

    def __init__(
        self, slices: PackedSlices, ranges: ImageRanges, device: torch.device, seed: int
    ) -> None:
        self.ranges, self.device, self.seed = ranges, device, seed
        self._slices = torch.from_numpy(slices.images).to(device)
        self._leaves = leaves(ranges.n_leaves, slices.images.shape[-1], seed).to(device)
        groups = [np.nonzero(slices.volume == number)[0] for number in range(len(slices.names))]
        self._phantoms = groups.pop() if slices.has_phantoms else groups[0][:0]
        self._volumes = [group for group in groups if len(group)]

    def batch(self, count: int, shape: Shape, *place: int, realisation: int = 0) -> Batch:
        """Return simulated scans of random images.

        Parameters
        ----------
        count
            Images.
        shape
            Grid (y, x).
        place
            Numbers that tell this batch from others, such as the step; the same ones give the
            same batch.
        realisation
            Of the noise: another one gives the same scans with other noise.
        """
        plan = self.plan(count, *place)
        images = self.images(plan, shape, *place)
        draw = Draw(count, self.device, self.seed, _SCAN, *place, realisation=realisation)
        mask = sampled(shape, self._flags(plan.is_full), self.ranges, draw)
        filtering = transfer(shape, self.ranges, draw)
        noise = random_noise(mask, filtering, self.ranges, draw)
        spectrum = image_to_kspace(images) * filtering
        is_shown = self._flags(plan.is_shown)
        power = _over(spectrum.abs().square(), mask)
        sigma = (draw.log_uniform(*self.ranges.noise_variances) * power).sqrt().clamp_min(1e-12)
        # Of what is shown, sigma is that of a pixel, whatever share of the samples was taken.
        share = mask.mean((-2, -1), keepdim=True)
        sigma = torch.where(is_shown, sigma * share.sqrt(), sigma)
        truth, signal = kspace_to_image(spectrum), spectrum * mask / sigma
        measured = signal + noise.spectrum
        if plan.is_shown.any():
            shown, true = self._shown(plan, signal, noise, mask, draw)
            measured = torch.where(is_shown, image_to_kspace(shown + 0j), measured)
            truth = torch.where(is_shown, true * sigma + 0j, truth)
            mask = torch.where(is_shown, 1.0, mask)
        known = torch.where(draw.chance(self.ranges.noise_map_known), noise.profile, 1.0)
        # The usual size, so that similarities have their usual constants.
        scale = IMAGE_MAXIMUM / top_of(truth.abs())
        mask = torch.fft.ifftshift(mask, dim=(-2, -1))
        return Batch(
            torch.fft.fft2(kspace_to_image(measured), norm="ortho") * mask,
            mask,
            (sigma * scale)[:, 0, 0],
            truth * scale,
            known,
        )

    def plan(self, count: int, *place: int) -> Plan:
        """Return what is decided by the host, so that no device has to be waited for."""
        ranges, rng = self.ranges, np.random.default_rng((self.seed, *place))
        kind = rng.random(count)
        is_leaf = kind < ranges.leaves
        phantom = ~is_leaf & (kind < ranges.leaves + ranges.phantoms) & (len(self._phantoms) > 0)
        source = []
        for leaf, head in zip(is_leaf, phantom, strict=True):
            group = self._phantoms if head else self._volumes[rng.integers(len(self._volumes))]
            source.append(rng.integers(len(self._leaves)) if leaf else rng.choice(group))
        shown = rng.random(count)
        is_shown = shown < ranges.magnitude + ranges.real
        is_full = rng.random(count) < ranges.fully_sampled
        is_full = np.where(is_shown, rng.random(count) >= ranges.zero_filled, is_full)
        others = max(1 - ranges.fully_sampled, 1e-9)
        is_cut = is_full | (rng.random(count) < (ranges.cut - ranges.fully_sampled) / others)
        return Plan(
            np.array(source),
            is_leaf,
            is_full,
            is_cut,
            is_shown,
            shown < ranges.real,
            float(rng.choice(ranges.finenesses)),
        )

    def images(self, plan: Plan, shape: Shape, *place: int) -> Tensor:
        """Return true images (n, y, x), complex: as the whole matrix of a scan shows them."""
        images = torch.zeros(len(plan.source), *shape, dtype=torch.complex64, device=self.device)
        for stream, chosen in ((_FINE, plan.is_cut), (_COARSE, ~plan.is_cut)):
            where = np.nonzero(chosen)[0]
            if not len(where):
                continue
            draw = Draw(len(where), self.device, self.seed, stream, *place)
            if stream == _FINE:
                finer = (_even(shape[0] * plan.fineness), _even(shape[1] * plan.fineness))
                made = self._ideal(plan, where, finer, plan.fineness, draw)
                made = decayed(cut(made, shape), self.ranges, draw)
            else:
                made = self._ideal(plan, where, shape, 1.0, draw)
            images[torch.from_numpy(where).to(self.device)] = made
        return images

    def _ideal(
        self, plan: Plan, where: np.ndarray, shape: Shape, fineness: float, draw: Draw
    ) -> Tensor:
        """Return images (n, y, x), complex, as they are before a scanner sees them."""
        numbers = torch.from_numpy(plan.source[where]).to(self.device)
        is_leaf = self._flags(plan.is_leaf[where])
        slices = self._slices[numbers.clamp_max(len(self._slices) - 1)]
        shapes = self._leaves[numbers.clamp_max(len(self._leaves) - 1)]
        sources = torch.where(is_leaf, shapes, slices).float() * _WHITE
        images = recoloured(warped(sources, shape, fineness, draw), draw)
        images = on_background(images, is_leaf, fineness, self.ranges, draw)
        return torch.polar(images, random_phase(images, fineness, self.ranges, draw))

    def _shown(
        self, plan: Plan, spectrum: Tensor, noise: Noise, mask: Tensor, draw: Draw
    ) -> tuple[Tensor, Tensor]:
        """Return magnitude and real images, and the truth, in units of the noise."""
        is_real = self._flags(plan.is_real)
        shown, true = as_magnitude(kspace_to_image(spectrum), noise, mask, is_real)
        masked = draw.chance(self.ranges.masked)
        return torch.where(masked, shown * (object_mask(true) > 0.5), shown), true

    def _flags(self, flags: Flags) -> Tensor:
        return torch.from_numpy(flags).to(self.device)[:, None, None]


def _over(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of values (n, y, x) over the samples of masks, (n, 1, 1)."""
    return (values * mask).sum((-2, -1), keepdim=True) / mask.sum((-2, -1), keepdim=True)


def _even(size: float) -> int:
    return 2 * round(size / 2)
