"""A training step through the unrolled solver: what the autograd pair and checkpoints save."""

from pathlib import Path

import pytest
import torch
from measure import QUICK, bar, hold, in_fresh_process, record
from peers import scan

pytestmark = pytest.mark.timeout(1200)

COUNT, SIZE, WIDTH, ITERATIONS = (4, 48, 9, 10) if QUICK else (32, 160, 9, 64)
WAYS = ("plain conv", "plain fft", "ours", "ours, checkpoints")


def test_training_step(tmp_path: Path) -> None:
    path = tmp_path / "scan.pt"
    torch.save(scan(SIZE), path)
    figures, gradients = {}, {}
    for way in WAYS:
        out = tmp_path / f"{way}.pt"
        figures[way] = in_fresh_process(
            "training",
            path=str(path),
            way=way,
            count=COUNT,
            width=WIDTH,
            iterations=ITERATIONS,
            repeats=3,
            out=str(out),
        )
        gradients[way] = torch.load(out)
    expected = gradients["ours"]
    assert float(expected.abs().max()) > 0
    for way in WAYS:
        difference = float((gradients[way] - expected).norm() / expected.norm())
        figures[way]["difference"] = difference
        settings = {"count": COUNT, "size": SIZE, "iterations": ITERATIONS, "width": WIDTH}
        record("training", way, {"way": way, **settings, **figures[way]})
    assert figures["ours, checkpoints"]["difference"] < 1e-5
    # Entries at the edge of the prox fall on either side of it by rounding.
    assert max(figures[way]["difference"] for way in WAYS) < 1e-2
    memory = figures["plain fft"]["peak_bytes"] / figures["ours, checkpoints"]["peak_bytes"]
    time = figures["plain fft"]["seconds"]["median"] / figures["ours"]["seconds"]["median"]
    hold(
        bar("memory of a training step, plain fft / ours with checkpoints", memory, at_least=2),
        bar("time of a training step, plain fft / ours", time, at_least=1),
    )
