"""Which filters are learned, and which a step takes: of some family, or those."""

from __future__ import annotations

import numpy as np
import torch

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.errors import CscError
from napari_csc.learn.training.config import JointConfig
from napari_csc.learn.training.data import drawn_dictionary
from napari_csc.learn.training.joint.model import JointModel

Tensor = torch.Tensor

LEARNED = "learned"
# How often all learned filters are taken, instead of some.
_WHOLE = 0.6
_TURNS = 4
_SAME = 0.999


def first_filters(config: JointConfig) -> Tensor:
    """Return the filters (K, ky, kx) that the learned ones begin with.

    Raises
    ------
    CscError
        If more filters are asked for than the dictionary has with all its quarter turns.
    """
    filters = Dictionary.load(config.learned).filters
    have = len(filters)
    count = have if config.learned_count is None else config.learned_count
    if count <= have:
        return filters[torch.linspace(0, have - 1, count).round().long()]
    turned = _differing(filters)
    if count > len(turned):
        raise CscError(
            f"{config.learned} has {have} filters, {len(turned)} with those made of it by quarter "
            f"turns: {count} cannot be learned from it; begin with another dictionary."
        )
    return turned[:count]


def _differing(filters: Tensor) -> Tensor:
    """Return the filters and their quarter turns; equal ones, up to the sign, stay equal: once."""
    turns = _TURNS if filters.shape[1] == filters.shape[2] else 1
    kept = filters
    for one in torch.cat([filters.rot90(turn, (1, 2)) for turn in range(turns)])[len(filters) :]:
        alike = (kept * one).sum((1, 2)) / (kept.flatten(1).norm(dim=1) * one.norm())
        if float(alike.abs().max()) < _SAME:
            kept = torch.cat([kept, one[None]])
    return kept


def step_filters(config: JointConfig, model: JointModel, rng: np.random.Generator) -> Tensor:
    """Return the filters (K, ky, kx) of a step, in random order, on the device of the model."""
    count = int(rng.choice(config.counts))
    size = int(rng.integers(config.filter_sizes[0], config.filter_sizes[1] + 1))
    names = list(config.families)
    weights = np.array([config.families[name] for name in names])
    family = str(rng.choice(names, p=weights / weights.sum()))
    if config.hold == "network":
        family = LEARNED
    device = model.learned.device
    if family != LEARNED:
        return drawn_dictionary(family, count, size, rng).filters.to(device)
    if rng.random() < _WHOLE:
        count = len(model.learned)
    order = rng.permutation(len(model.learned))[:count]
    return model.filters(torch.from_numpy(order).to(device))
