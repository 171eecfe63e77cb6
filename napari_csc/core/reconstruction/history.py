"""The iterations of a reconstruction as numbers."""

from __future__ import annotations

import math

import torch

from napari_csc.core.solvers import SolverStatus
from napari_csc.core.solvers.status import not_finite
from napari_csc.errors import CscError


def numbers_of(history: list[tuple[int, SolverStatus]]) -> list[dict[str, float]]:
    """Return slice, iteration, objective and change of each, fetched from the device at once."""
    if not history:
        return []
    figures = torch.stack([status.figures for _, status in history]).tolist()
    return [
        {
            "slice": index,
            "iteration": status.iteration,
            "objective": objective,
            "image_change": change,
        }
        for (index, status), (objective, change) in zip(history, figures, strict=True)
    ]


def check_finite(history: list[dict[str, float]]) -> None:
    """Look at all objectives at once: an accelerator is not kept waiting between slices.

    Raises
    ------
    CscError
        If one is infinite or no number.
    """
    for entry in history:
        if not math.isfinite(entry["objective"]):
            raise CscError(not_finite(int(entry["iteration"])))
