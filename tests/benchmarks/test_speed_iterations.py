"""Time of an iteration: ours and the peers', side by side, over filters, sizes and widths."""

import itertools

import pytest
import torch
from measure import QUICK, Peak, bar, hold, interleaved, record
from peers import OURS, PEERS, SAME_OUTPUT, OurAdmmWhole, Problem, Solver, Sporco, sporco_missing

pytestmark = pytest.mark.timeout(1200)

COUNTS = (4, 8) if QUICK else (16, 32, 64, 128)
SIZES = (40, 48) if QUICK else (160, 320, 512)
WIDTHS = (9, 11)
NAMED = (64, 320, 11)
MEMORY_LIMIT = 6e9
WARM_UP = 3

# Bytes for each code and pixel of the settings before, to foresee what would not fit.
appetite: dict[str, float] = {}


def foreseen(name: str, problem: Problem) -> float:
    return appetite.get(name, 0.0) * problem.count * problem.size**2


def relative(first: torch.Tensor, second: torch.Tensor) -> float:
    return float((first - second).abs().max() / second.abs().max())


def built(problem: Problem) -> tuple[dict[str, Solver], dict[str, float], dict[str, str]]:
    """Solvers after three iterations, the memory these took, and why others are missing."""
    solvers: dict[str, Solver] = {}
    peaks: dict[str, float] = {}
    missing: dict[str, str] = {}
    for name, make in (OURS | PEERS).items():
        if name == "sporco" and sporco_missing():
            missing[name] = sporco_missing()
            continue
        if foreseen(name, problem) > MEMORY_LIMIT:
            missing[name] = f"would take {foreseen(name, problem) / 1e9:.1f} GB"
            continue
        with Peak() as peak:
            solvers[name] = make(problem)
            solvers[name].iterate(WARM_UP)
        peaks[name] = peak.bytes
        if peak.bytes > 100e6:
            appetite[name] = peak.bytes / (problem.count * problem.size**2)
    return solvers, peaks, missing


@pytest.mark.parametrize(
    ("size", "count", "width"),
    list(itertools.product(SIZES, COUNTS, WIDTHS)),
    ids=lambda number: str(number),
)
def test_iteration(size: int, count: int, width: int) -> None:
    problem = Problem(size, count, width)
    solvers, peaks, missing = built(problem)
    expected = solvers["fista"].codes()
    assert expected is not None
    assert int((expected != 0).sum()) > count
    differences = {}
    for name in SAME_OUTPUT:
        if name in solvers:
            found = solvers[name].codes()
            assert found is not None
            differences[name] = relative(found, expected)
            del found
    del expected

    works = {name: solver.iterate for name, solver in solvers.items()}
    first = interleaved(works, dict.fromkeys(works, 1), 1)
    # Samples of a quarter of a second where iterations are short.
    counts = {name: max(1, min(20, round(0.25 / one.median))) for name, one in first.items()}
    if QUICK:
        counts = dict.fromkeys(works, 2)
    a_round = sum(counts[name] * first[name].median for name in works)
    named = (count, size, width) == NAMED
    repeats = 3 if QUICK else max(7 if named else 3, min(7, round(6 / a_round)))
    times = interleaved(works, counts, repeats)
    ratios = {name: times[name].median / times["fista"].median for name in PEERS if name in times}
    record(
        "iterations",
        f"{size} {count} {width}",
        {
            "size": size,
            "count": count,
            "width": width,
            "times": {name: vars(spread) for name, spread in times.items()},
            "peak_bytes": peaks,
            "differences": differences,
            "missing": missing,
            "repeats": repeats,
            **{f"{name} / ours": ratio for name, ratio in ratios.items()},
        },
    )
    assert max(differences.values()) < 1e-5
    setting = f"K = {count}, {size} x {size}, {width} x {width}"
    # SPORCO's work is ADMM on all of k-space; the others do FISTA's.
    own = {name: "admm, all of k-space" if name == "sporco" else "fista" for name in ratios}
    least = {
        ours: min(times[name].median / times[ours].median for name in ratios)
        for ours in ("fista", "admm")
    }
    like_for_like = min(times[name].median / times[ours].median for name, ours in own.items())
    met = [
        bar("fastest peer / our FISTA", least["fista"], at_least=1, setting=setting),
        bar("fastest peer / our ADMM", least["admm"], at_least=1, setting=setting),
        bar("fastest peer / ours, like for like", like_for_like, at_least=1, setting=setting),
    ]
    if named:
        met.append(bar("mrpro + pgd / our FISTA", ratios["mrpro"], at_least=8, setting=setting))
    hold(*met)


@pytest.mark.skipif(bool(sporco_missing()), reason=f"SPORCO: {sporco_missing()}")
def test_sporco_does_what_our_admm_does() -> None:
    """All of k-space, one penalty, real and imaginary part apart: the iterates agree."""
    problem = Problem(64, 12, 9)
    ours, peer = OurAdmmWhole(problem, "real-imaginary"), Sporco(problem)
    for _ in range(4):
        ours.iterate(1)
        peer.iterate(1)
        assert relative(ours.codes(), peer.codes()) < 1e-5
    assert int((ours.codes() != 0).sum()) > 100
