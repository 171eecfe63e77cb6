"""Live: what the first picture after a change costs, in iterations and in milliseconds."""

import statistics
import time
from typing import Any

import pytest
from measure import QUICK, bar, hold, record

import napari_csc as csc
from napari_csc.core.reconstruction.last_codes import LastCodes
from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.phantom.head import head_phantom

pytestmark = pytest.mark.timeout(1200)

SIZES = (48,) if QUICK else (128, 320)
REPEATS = 1 if QUICK else 5
MOST_ITERATIONS, MOST_AFTER_A_SWAP = 3, 6
HALF = tuple(range(0, 64, 2))
CHANGES: dict[str, dict[str, Any]] = {
    "strength": {"strength": 1.3},
    "norm": {"norm": "real-imaginary"},
    "iterations": {"iterations": 24},
    "edited map": {"map_edits": (csc.MapEdit(factor=4.0, filters="all"),)},
    "filters left out": {"dropped": HALF},
    "another dictionary": {"dictionary": "dct-64-11"},
}


def one_iteration(scan: csc.Acquisition) -> tuple[float, float]:
    """CPU and wall seconds of an iteration that begins from zeros."""
    clock: list[tuple[float, float]] = []

    def look(step: Any) -> None:
        clock.append((time.process_time(), time.perf_counter()))

    csc.Reconstructor.from_settings(csc.ReconstructionSettings())(scan, look)
    (cpu, wall), (last_cpu, last_wall) = clock[1], clock[-1]
    count = len(clock) - 2
    return (last_cpu - cpu) / count, (last_wall - wall) / count


def first_picture(scan: csc.Acquisition, change: dict[str, Any]) -> tuple[float, float]:
    """CPU and wall seconds from the call to the first picture, after a run without the change."""
    cache, last = csc.MapCache(), LastCodes(is_quick=True)
    usual = csc.ReconstructionSettings()
    csc.Reconstructor.from_settings(usual, cache, last_codes=last)(scan, lambda step: None)
    made = csc.Reconstructor.from_settings(usual.model_copy(update=change), cache, last_codes=last)
    seen: list[Any] = []

    def look(step: Any) -> None:
        step.current_image()
        seen.append(step.stage)

    begin = time.process_time(), time.perf_counter()
    with pytest.raises(ReconstructionStopped):
        made(scan, look, lambda: bool(seen), early_picture=True)
    return time.process_time() - begin[0], time.perf_counter() - begin[1]


@pytest.mark.parametrize("size", SIZES)
def test_first_picture_after_a_change(size: int) -> None:
    scan = csc.simulate_low_field(head_phantom(size, 1), size // 2)
    met = []
    for change, settings in CHANGES.items():
        ratios, walls = [], []
        for _ in range(REPEATS):
            # In turn, so that other work on the machine hits both.
            cpu, _ = one_iteration(scan)
            first_cpu, first_wall = first_picture(scan, settings)
            ratios.append(first_cpu / cpu)
            walls.append(first_wall)
        is_swap = change == "another dictionary"
        cost = statistics.median(ratios)
        record(
            "live",
            f"{change} {size}",
            {"change": change, "size": size, "iterations": cost, "seconds": min(walls)},
        )
        most = MOST_AFTER_A_SWAP if is_swap else MOST_ITERATIONS
        met.append(
            bar("first picture, in iterations", cost, at_most=most, setting=f"{change}, {size}²")
        )
    hold(*met)
