"""The checkpoint of a joint training: all that the following steps depend on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from napari_csc.learn.training.checkpoint import read_checkpoint, write_checkpoint
from napari_csc.learn.training.config import JointConfig
from napari_csc.learn.training.joint.averages import Averages
from napari_csc.learn.training.joint.model import JointModel
from napari_csc.learn.training.joint.plan import Plan


@dataclass
class Progress:
    """How far a training is.

    Attributes
    ----------
    step, images : int
        Steps done, images seen.
    minutes : float
        Time taken, over all calls.
    start : dict
        The weights that it began with, by file, digest and their own training.
    scans : list of str
        Files of one's own scans that it was fine-tuned on.
    skipped : int
        Steps whose gradient was not finite.
    """

    step: int = 0
    images: int = 0
    minutes: float = 0.0
    start: dict[str, Any] = field(default_factory=dict)
    scans: list[str] = field(default_factory=list)
    skipped: int = 0


def save(
    folder: Path,
    config: JointConfig,
    plan: Plan,
    progress: Progress,
    model: JointModel,
    averages: Averages,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write the checkpoint."""
    write_checkpoint(
        folder,
        config.model_dump_json(),
        plan=plan.told(),
        progress=vars(progress),
        model=model.state_dict(),
        averages=averages.model.state_dict(),
        optimizer=optimizer.state_dict(),
    )


def load(
    folder: Path,
    config: JointConfig,
    model: JointModel,
    averages: Averages,
    optimizer: torch.optim.Optimizer,
) -> tuple[Plan, Progress] | None:
    """Take over a checkpoint, if there is one, and return its plan and progress.

    Raises
    ------
    CscError
        If it cannot be read or belongs to another configuration.
    """
    saved = read_checkpoint(folder, config.model_dump_json())
    if saved is None:
        return None
    model.load_state_dict(saved["model"])
    averages.model.load_state_dict(saved["averages"])
    optimizer.load_state_dict(saved["optimizer"])
    return Plan(**saved["plan"]), Progress(**saved["progress"])
