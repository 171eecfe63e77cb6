"""Which filters a step takes: of some family, or those that are learned."""

from __future__ import annotations

import numpy as np
import torch

from napari_csc.learn.training.config import JointConfig
from napari_csc.learn.training.data import drawn_dictionary
from napari_csc.learn.training.joint.model import JointModel

Tensor = torch.Tensor

LEARNED = "learned"
# How often all learned filters are taken, instead of some.
_WHOLE = 0.6


def step_filters(config: JointConfig, model: JointModel, rng: np.random.Generator) -> Tensor:
    """Return the filters (K, ky, kx) of a step, in random order, on the device of the model."""
    count = int(rng.choice(config.counts))
    size = int(rng.integers(config.filter_sizes[0], config.filter_sizes[1] + 1))
    names = list(config.families)
    weights = np.array([config.families[name] for name in names])
    family = str(rng.choice(names, p=weights / weights.sum()))
    device = model.learned.device
    if family != LEARNED:
        return drawn_dictionary(family, count, size, rng).filters.to(device)
    if rng.random() < _WHOLE:
        count = len(model.learned)
    order = rng.permutation(len(model.learned))[:count]
    return model.filters(torch.from_numpy(order).to(device))
