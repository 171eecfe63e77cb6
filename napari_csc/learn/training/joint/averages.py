"""Weights averaged over the steps: steadier than the last ones."""

from __future__ import annotations

import copy

import torch

from napari_csc.learn.training.joint.model import JointModel


class Averages:
    """A model with the running mean of the weights of another.

    Parameters
    ----------
    model
        The model that is trained.
    forgetting
        The share of the mean that stays at each step; less in the first steps.
    """

    def __init__(self, model: JointModel, forgetting: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self._forgetting = forgetting

    @torch.no_grad()
    def update(self, model: JointModel, step: int) -> None:
        """Take the weights after some step into the mean."""
        kept = min(self._forgetting, (1 + step) / (10 + step))
        own, other = self.model.state_dict(), model.state_dict()
        torch._foreach_lerp_(list(own.values()), [other[name] for name in own], 1 - kept)
