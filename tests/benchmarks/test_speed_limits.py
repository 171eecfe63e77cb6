"""Where the time of an iteration goes: kinds of work, memory traffic, fresh pages."""

from __future__ import annotations

import cProfile
import pstats
from collections import Counter

import pytest
import torch
from measure import QUICK, interleaved, page_faults, record, seconds
from peers import OURS, PEERS, Problem, Solver, Sporco, sporco_missing
from torch.profiler import ProfilerActivity, profile

pytestmark = pytest.mark.timeout(600)

COUNT, SIZE, WIDTH = (8, 48, 9) if QUICK else (64, 320, 11)
ITERATIONS = 2
KINDS = {
    "FFT": ("fft",),
    "convolution": ("conv", "mkldnn", "slow_conv"),
    "copies, padding": ("copy", "clone", "pad", "cat", "stack", "contiguous", "fill", "zero"),
    "sums": ("sum", "norm", "dot"),
}
# SPORCO's functions, for its Python profile.
SPORCO_KINDS = {
    "FFT": ("fft",),
    "pointwise": ("prox", "evaluate", "relax", "ystep", "ustep", "solvedbi", "xstep"),
    "copies, padding": ("copy", "empty", "asarray", "astype"),
    "sums": ("inner", "einsum", "sum"),
}


def kind_of(name: str, kinds: dict[str, tuple[str, ...]]) -> str:
    lowered = name.lower()
    found = (kind for kind, words in kinds.items() if any(word in lowered for word in words))
    return next(found, "pointwise" if kinds is KINDS else "other")


def shares(solver: Solver) -> dict[str, float]:
    """Shares of the time by the kind of operation."""
    totals: Counter[str] = Counter()
    if isinstance(solver, Sporco):
        profiler = cProfile.Profile()
        profiler.runcall(solver.iterate, ITERATIONS)
        for (_, _, name), (_, _, own, *_) in pstats.Stats(profiler).stats.items():
            totals[kind_of(name, SPORCO_KINDS)] += own
    else:
        with profile(activities=[ProfilerActivity.CPU]) as taken:
            solver.iterate(ITERATIONS)
        for event in taken.key_averages():
            totals[kind_of(event.key, KINDS)] += event.self_cpu_time_total
    whole = sum(totals.values())
    return {kind: value / whole for kind, value in totals.items()}


def bandwidth() -> float:
    """Bytes a second, read and written, of a copy far larger than the caches."""
    source = torch.ones(2_000_000 if QUICK else 150_000_000)
    target = torch.zeros_like(source)
    best = min(seconds(lambda: target.copy_(source)) for _ in range(5))
    return 2 * source.nbytes / best


def test_limits() -> None:
    problem = Problem(SIZE, COUNT, WIDTH)
    speed = bandwidth()
    solvers: dict[str, Solver] = {}
    for name, make in (OURS | PEERS).items():
        if name == "sporco" and sporco_missing():
            continue
        solvers[name] = make(problem)
        solvers[name].iterate(2)
    works = {name: solver.iterate for name, solver in solvers.items()}
    times = interleaved(works, dict.fromkeys(works, 1), 3)
    # Codes and their predecessor are read, the new codes written, the maps read.
    traffic = 3.5 * problem.stack_bytes
    for name, solver in solvers.items():
        fresh = page_faults(lambda solver=solver: solver.iterate(ITERATIONS)) / ITERATIONS
        record(
            "limits",
            name,
            {
                "solver": name,
                "count": COUNT,
                "size": SIZE,
                "width": WIDTH,
                "step": vars(times[name]),
                "fresh_bytes": fresh,
                "shares": shares(solver),
                "bandwidth": speed,
                "floor_seconds": traffic / speed,
            },
        )
