"""How many steps a training has, and how fast it learns at each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from napari_csc.errors import CscError
from napari_csc.learn.training.config import JointConfig

_MEASURED_SECONDS = 30.0
# Of the measured time this share goes to the first kind of steps.
_FOR_ESTIMATE = 0.3
# Validation and checkpoints take some of the time.
_IN_STEPS = 0.93
_SLOWEST = 0.01


@dataclass(frozen=True)
class Plan:
    """The steps of a training; fixed once, so that a training that went on is the same.

    Attributes
    ----------
    estimate_steps : int
        First steps, which train the estimate alone.
    steps : int
        All steps.
    """

    estimate_steps: int
    steps: int

    def rate(self, step: int, warmup: int) -> float:
        """Return the share of the learning rate: linear warm-up, then half a cosine; twice."""
        length = self.estimate_steps
        if step >= length:
            step, length = step - length, self.steps - length
        warmup = max(1, min(warmup, length // 10))
        done = min(step / max(1, length), 1.0)
        falling = _SLOWEST + (1 - _SLOWEST) * 0.5 * (1 + math.cos(math.pi * done))
        return falling * min(1.0, (step + 1) / warmup)

    def told(self) -> dict[str, int]:
        """Return the plan as numbers, for a checkpoint."""
        return asdict(self)


def planned(
    config: JointConfig,
    has_start: bool,
    max_minutes: float | None,
    try_step: Callable[[bool, int], None],
    report: Callable[[str], None],
    seconds: float = _MEASURED_SECONDS,
) -> Plan:
    """Return the plan: what the configuration says, or what fits into the time.

    Parameters
    ----------
    config
        The configuration.
    has_start
        Whether training begins with trained weights, which need no steps for the estimate alone.
    max_minutes
        The time.
    try_step
        Does a step on a copy: for the estimate alone or not, and which.
    report
        Receives lines of progress.
    seconds
        How long to measure.

    Raises
    ------
    CscError
        If neither steps nor a time are given.
    """
    if config.steps:
        return Plan(config.estimate_steps, config.steps)
    if max_minutes is None:
        raise CscError(
            f"{config.name} takes as many steps as fit into a time; give it with --max-minutes, or "
            "set the steps."
        )
    share = 0.0 if has_start else config.estimate_share
    left = max(60 * max_minutes - seconds, 0.0) * _IN_STEPS
    report(f"measuring the speed for {seconds:g} s")
    first = _duration(lambda n: try_step(True, n), _FOR_ESTIMATE * seconds) if share else 1.0
    whole = _duration(lambda n: try_step(False, n), (1 - _FOR_ESTIMATE * bool(share)) * seconds)
    estimate_steps = int(share * left / first)
    plan = Plan(estimate_steps, estimate_steps + max(1, int((1 - share) * left / whole)))
    report(
        f"{plan.estimate_steps} steps for the estimate alone ({first:.3f} s each), "
        f"{plan.steps - plan.estimate_steps} through the solver ({whole:.3f} s each)"
    )
    return plan


def _duration(step: Callable[[int], None], seconds: float) -> float:
    """Return the mean time of a step; the first ones, which prepare things, do not count."""
    started = time.monotonic()
    step(0)
    first = time.monotonic() - started
    count, since = 0, time.monotonic()
    while time.monotonic() - started < seconds:
        count += 1
        step(count)
    return (time.monotonic() - since) / count if count else first
