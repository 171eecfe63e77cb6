"""The steps of a joint training: what each is made of, from seed and number alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from napari_csc.learn.training.batch import Batch
from napari_csc.learn.training.config import JointConfig, StepSizes
from napari_csc.learn.training.images.draw import Draw
from napari_csc.learn.training.images.scanner import TrainingImages
from napari_csc.learn.training.joint import map_losses
from napari_csc.learn.training.joint.dictionaries import step_filters
from napari_csc.learn.training.joint.losses import image_loss
from napari_csc.learn.training.joint.model import JointModel
from napari_csc.learn.training.joint.scans import OwnScan, recorrupted

Tensor = torch.Tensor

# The squared error of a pair counts about as much as the logarithm of the error of an image.
_PAIR_WEIGHT = 4.0
_PAIRS = 9
# Of fewer filters the part that is a filter's own says little.
_FEWEST_FILTERS = 4


@dataclass(frozen=True, eq=False)
class Steps:
    """Makes the losses of steps.

    Attributes
    ----------
    config : JointConfig
        The configuration.
    sizes : StepSizes
        What fits into a step on this device.
    images : TrainingImages
        Simulated scans.
    scans : list of OwnScan
        One's own scans, if there are any.
    half_precision : bool
        Whether the network computes with half precision.
    """

    config: JointConfig
    sizes: StepSizes
    images: TrainingImages
    scans: list[OwnScan]
    half_precision: bool

    def loss(self, model: JointModel, step: int, estimate_alone: bool) -> tuple[Tensor, int]:
        """Return the loss of a step and how many images it is of.

        The random numbers depend on the seed, the step and the kind of device only.
        """
        rng = np.random.default_rng((self.config.seed, step))
        shape = self.sizes.shapes[rng.integers(len(self.sizes.shapes))]
        if estimate_alone:
            batch = self.images.batch(self.sizes.free_images, shape, step)
            estimate = model.estimate(batch, self.half_precision)
            return image_loss(batch, estimate, self.config.ssim_weight), len(batch.sigma)
        filters = step_filters(self.config, model, rng)
        count = self.sizes.count(len(filters) + len(model.network.metadata.smooth_widths))
        if self.scans and rng.random() < self.config.scan_share:
            return self._of_own_scan(model, step, filters, count, rng)
        batch = self.images.batch(count, shape, step)
        image, estimate, maps = model.with_maps(batch, filters, self.half_precision)
        loss = image_loss(batch, image, self.config.ssim_weight)
        if self.config.estimate_weight and self.config.hold == "nothing":
            other = image_loss(batch, estimate, self.config.ssim_weight)
            loss = loss + self.config.estimate_weight * other
        return loss + self._of_maps(model, batch, filters, maps, (count, shape, step)), count

    def _of_maps(
        self,
        model: JointModel,
        batch: Batch,
        filters: Tensor,
        maps: Tensor,
        place: tuple[int, tuple[int, int], int],
    ) -> Tensor | float:
        """Return what is asked of the maps themselves."""
        weights = self.config.response_weight, self.config.stability_weight
        if len(filters) < _FEWEST_FILTERS or not any(weights):
            return 0.0
        inside, own = map_losses.inside(batch), map_losses.own_parts(maps)
        loss: Tensor | float = 0.0
        if weights[0]:
            response = map_losses.own_responses(model.responses(batch, filters))
            loss = weights[0] * map_losses.correlation(own, response, inside)
        if weights[1]:
            again = self.images.batch(*place, realisation=1)
            other = map_losses.own_parts(model.maps(again, filters, self.half_precision))
            loss = loss - weights[1] * map_losses.correlation(own, other, inside)
        return loss

    def _of_own_scan(
        self, model: JointModel, step: int, filters: Tensor, count: int, rng: np.random.Generator
    ) -> tuple[Tensor, int]:
        scan = self.scans[rng.integers(len(self.scans))]
        available = len(scan.spectrum)
        slices = torch.from_numpy(rng.permutation(available)[: min(count, available)])
        draw = Draw(len(slices), model.learned.device, self.config.seed, _PAIRS, step)
        pair = recorrupted(scan, slices, self.config.recorruption, draw)
        image, estimate = model(pair.batch, filters, self.half_precision)
        loss = pair.loss(image) + self.config.estimate_weight * pair.loss(estimate)
        return _PAIR_WEIGHT * loss, len(slices)
