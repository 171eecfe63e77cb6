"""Whole reconstructions: time, parts, peak memory, growth, and the first picture."""

import itertools
from pathlib import Path

import pytest
import torch
from measure import QUICK, bar, hold, in_fresh_process, record
from peers import scan

pytestmark = pytest.mark.timeout(1200)

COUNTS = (4, 8) if QUICK else (16, 32, 64, 128)
SIZES = (64, 96) if QUICK else (160, 240, 320, 512)
COUNT, SIZE, WIDTH = (8, 96, 9) if QUICK else (64, 320, 11)
MOST = max(COUNTS)
SETTINGS = sorted(set(itertools.product(COUNTS, [SIZE])) | set(itertools.product([COUNT], SIZES)))


@pytest.fixture
def scan_file(tmp_path: Path):
    """Writes a scan to a file, so that a fresh process need not make it."""

    def write(size: int) -> str:
        path = tmp_path / f"scan-{size}.pt"
        torch.save(scan(size), path)
        return str(path)

    return write


@pytest.mark.parametrize("solver", ["fista", "admm"])
@pytest.mark.parametrize(("count", "size"), SETTINGS)
def test_whole_reconstruction(count: int, size: int, solver: str, scan_file) -> None:
    """V3 and the smooth filters, with the iterations that are the default."""
    shipped = (count, size) == (COUNT, SIZE)
    figures = in_fresh_process(
        "reconstruction",
        path=scan_file(size),
        count=count,
        width=WIDTH,
        solver=solver,
        iterations=None,
        repeats=3 if shipped else 1 if size > SIZE or count > COUNT else 2,
    )
    ratio = figures["estimate_bytes"] / figures["peak_bytes"]
    record(
        "reconstruction",
        f"{solver} {count} {size}",
        {"method": solver, "count": count, "size": size, "ratio": ratio, **figures},
    )
    setting = f"{solver}, K = {count}, {size} x {size}"
    met = [
        bar("estimated / measured memory, low", ratio, at_least=0.8, setting=setting),
        bar("estimated / measured memory, high", ratio, at_most=1.2, setting=setting),
    ]
    if (count, size) == (MOST, SIZE):
        gigabytes = figures["above_imports"] / 1e9
        met.append(bar("peak above imports in GB", gigabytes, at_most=1.2, setting=setting))
    hold(*met)


def test_first_picture(scan_file) -> None:
    figures = in_fresh_process(
        "first_picture", path=scan_file(SIZE), count=COUNT, width=WIDTH, repeats=3 if QUICK else 7
    )
    record("first picture", f"{COUNT} {SIZE}", {"count": COUNT, "size": SIZE, **figures})
    setting = f"K = {COUNT}, {SIZE} x {SIZE}"
    taken = figures["with_construction"]["median"]
    hold(bar("seconds to the first picture", taken, at_most=0.5, setting=setting))
