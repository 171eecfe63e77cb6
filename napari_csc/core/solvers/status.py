"""Where a solver stands after an iteration."""

from __future__ import annotations

from dataclasses import dataclass

import torch

Tensor = torch.Tensor


@dataclass(frozen=True, eq=False)
class SolverStatus:
    """Where a solver stands after an iteration; reading a figure waits for the device."""

    iteration: int
    figures: Tensor
    """Objective and image change, on the device of the solver."""

    @property
    def objective(self) -> float:
        """``1/2 ||A D s - y'||^2 + ||Lambda . s||_1``."""
        return float(self.figures[0])

    @property
    def image_change(self) -> float:
        """``||x_n - x_{n-1}|| / ||x_n||`` of the sparse part, over the sampled band."""
        return float(self.figures[1])


def not_finite(iteration: int) -> str:
    """Return what to say of iterates that are no longer finite."""
    return (
        f"The reconstruction became infinite in iteration {iteration}; check the scaling of the "
        "data and the sparsity level maps."
    )
