"""Objective gap against time: both solvers, both step rules, on the shipped default problem."""

from __future__ import annotations

import time
from typing import Any

import pytest
from measure import QUICK, Spread, bar, hold, record
from peers import scan

import napari_csc as csc
from napari_csc.core.dictionary.filter_set import filter_set
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.reconstruction.slices.job import Job
from napari_csc.core.reconstruction.slices.one_slice import SliceWork
from napari_csc.core.solvers import BlockedSolver

pytestmark = pytest.mark.timeout(1200)

COUNT, SIZE, WIDTH = (8, 64, 9) if QUICK else (64, 320, 11)
ITERATIONS = 64
REFERENCE_ITERATIONS = 200 if QUICK else 400
WAYS: dict[str, dict[str, Any]] = {
    "FISTA, step per filter": {"solver": "fista", "step_rule": "per-filter"},
    "FISTA, uniform step": {"solver": "fista", "step_rule": "uniform"},
    "ADMM": {"solver": "admm"},
}
TIMES = (0.25, 0.5, 1.0, 2.0, 4.0)


def solvers(smooth: str) -> dict[str, BlockedSolver]:
    """Fresh solvers, all with the same maps by V3."""
    acquisition = scan(SIZE)
    dictionary = csc.Dictionary.dct(COUNT, WIDTH)
    synthesis = SynthesisOperator(filter_set(dictionary, smooth), (SIZE, SIZE))
    initial = acquisition.adjoint()[0] / acquisition.noise_std
    made, maps = {}, None
    for name, chosen in WAYS.items():
        reconstruct = csc.Reconstructor(
            dictionary, csc.load_map_network("v3"), smooth=smooth, **chosen
        )
        plan = reconstruct.estimate_memory(acquisition)
        job = Job(
            reconstruct.settings,
            reconstruct.maps,
            synthesis,
            len(dictionary),
            acquisition.noise_std,
            plan,
        )
        work = SliceWork(job, acquisition, initial, 0, 1)
        maps = work.infer_maps() if maps is None else maps
        made[name] = work.solver(maps)
    return made


def first(gaps: list[float], limit: float) -> int | None:
    """The first iteration that is as near, None if none is."""
    return next((n for n, gap in enumerate(gaps, 1) if gap <= limit), None)


def gap_after(seconds: float, clock: list[float], gaps: list[float]) -> float | None:
    done = [gap for moment, gap in zip(clock, gaps, strict=True) if moment <= seconds]
    return done[-1] if done and clock[-1] >= seconds else None


@pytest.mark.parametrize("smooth", ["filters", "low-pass"])
def test_objective_gap(smooth: str) -> None:
    runs = solvers(smooth)
    objectives: dict[str, list[float]] = {name: [] for name in runs}
    steps: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ITERATIONS):
        for name, solver in runs.items():
            begin = time.perf_counter()
            objectives[name].append(solver.step().objective)
            steps[name].append(time.perf_counter() - begin)
    end = [runs["ADMM"].step().objective for _ in range(REFERENCE_ITERATIONS - ITERATIONS)]
    best = min(end + [value for values in objectives.values() for value in values])
    # How sure the optimum is: what the last quarter of the reference run still gained.
    unsure = abs(end[-len(end) // 4] - end[-1]) / abs(best)
    gaps = {n: [(value - best) / abs(best) for value in values] for n, values in objectives.items()}
    shipped, plain, admm = (gaps[name] for name in WAYS)
    reached = first(admm, shipped[-1])
    for name in runs:
        clock = [sum(steps[name][: n + 1]) for n in range(ITERATIONS)]
        record(
            "objective",
            f"{smooth} {name}",
            {
                "smooth": smooth,
                "solver": name,
                "step": vars(Spread.of(steps[name])),
                "gap_at_iteration": {n: gaps[name][n - 1] for n in (4, 8, 16, 32, 64)},
                "gap_at_time": {t: gap_after(t, clock, gaps[name]) for t in TIMES},
                "to_reach_fista_64": first(gaps[name], shipped[-1]),
                "to_reach_uniform_64": first(gaps[name], plain[-1]),
                "optimum_unsure": unsure,
                "clock": clock,
                "gaps": gaps[name],
            },
        )
    assert best > 0
    assert unsure < 0.1 * shipped[-1]
    met = bar(
        "ADMM iterations to FISTA-64's objective",
        reached or ITERATIONS + 1,
        at_most=16,
        setting=f"smooth part by {smooth}",
    )
    # With the low-pass taken off first FISTA is done early on noisy data; that bar is missed and
    # reported, see docs/benchmarks.md.
    if smooth == "filters":
        hold(met)
