"""What a run costs against filters, pixels, slices, coils and workers, on one page of plots."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from measure import OUT, QUICK, bar, hold, interleaved, record

import napari_csc as csc
from napari_csc.phantom.head import head_phantom

pytestmark = pytest.mark.timeout(3600)

FILTERS = (4, 8) if QUICK else (8, 16, 32, 64, 128)
SIZES = (32, 48) if QUICK else (64, 128, 192, 256, 320, 512)
SLICES = (1, 2) if QUICK else (1, 2, 4, 8, 16)
COILS = (1, 2) if QUICK else (1, 2, 4, 8)
WORKERS = (1, 2)
COUNT, SIZE = (4, 32) if QUICK else (64, 160)
BATCH = 4 if QUICK else 200
REPEATS = 2 if QUICK else 5


def scan(size: int = SIZE, slices: int = 1, coils: int = 1) -> csc.Acquisition:
    image = head_phantom(size, slices)
    if coils == 1:
        draw = torch.Generator().manual_seed(0)
        return csc.simulate_low_field(image, size // 2, generator=draw)
    places = torch.linspace(-1, 1, size)
    maps = torch.stack(
        [
            torch.exp(-((places - shift) ** 2)).expand(size, size)
            for shift in torch.linspace(-1, 1, coils)
        ]
    )
    maps = (maps / maps.square().sum(0).sqrt()).to(torch.complex64)
    coil_images = maps[None] * image[:, None]
    kspace = torch.fft.fftshift(
        torch.fft.fft2(torch.fft.ifftshift(coil_images, dim=(-2, -1)), norm="ortho"), dim=(-2, -1)
    )
    return csc.Acquisition.from_kspace(kspace, coil_maps=maps, noise_std=0.4)


def timed(axis: str, scans: dict[int, tuple[csc.Acquisition, int]]) -> None:
    works = {}
    for value, (one, count) in scans.items():
        made = csc.Reconstructor(
            csc.Dictionary.dct(count, 9), csc.load_map_network("v5"), device="cpu"
        )
        made(one)
        works[str(value)] = lambda _, run=made, it=one: run(it)
    times = interleaved(works, dict.fromkeys(works, 1), REPEATS)
    for value, spread in times.items():
        record("scale", f"{axis} {value}", {"axis": axis, "value": int(value), **vars(spread)})


def test_filters() -> None:
    timed("filters", {count: (scan(), count) for count in FILTERS})


def test_pixels() -> None:
    timed("pixels along a side", {size: (scan(size), COUNT) for size in SIZES})


def test_slices() -> None:
    timed("slices", {slices: (scan(slices=slices), COUNT) for slices in SLICES})


def test_coils() -> None:
    timed("coils", {coils: (scan(coils=coils), COUNT) for coils in COILS})


def test_workers(tmp_path: Path) -> None:
    """A batch of slices: two processes beside one process with one thread."""
    source = tmp_path / "in.h5"
    csc.export(scan(32 if QUICK else 128, BATCH), source)
    took = {}
    for workers in WORKERS:
        begin = time.perf_counter()
        command = [sys.executable, "-m", "napari_csc.cli", "reconstruct", str(source)]
        command += ["-o", str(tmp_path / f"out{workers}"), "--workers", str(workers), "--quiet"]
        subprocess.run([*command, "--threads", "1"], check=True)
        took[workers] = time.perf_counter() - begin
        figures = {"axis": "workers", "value": workers, "median": took[workers]}
        record("scale", f"workers {workers}", figures)
    hold(bar("two workers / one", took[1] / took[2], at_least=1.7, setting=f"{BATCH} slices"))


def test_page() -> None:
    """Draw what the tests above have recorded."""
    import json

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = list(json.loads((OUT / "scale.json").read_text())["rows"].values())
    axes = list(dict.fromkeys(row["axis"] for row in rows))
    figure, plots = pyplot.subplots(1, len(axes), figsize=(3.2 * len(axes), 3), squeeze=False)
    for axis, plot in zip(axes, plots[0], strict=True):
        points = sorted((row["value"], row["median"]) for row in rows if row["axis"] == axis)
        plot.plot(*zip(*points, strict=True), "o-")
        plot.set_xlabel(axis)
        plot.set_ylim(0)
    plots[0][0].set_ylabel("seconds")
    figure.tight_layout()
    figure.savefig(OUT / "scale.png", dpi=120)
    pyplot.close(figure)
    assert (OUT / "scale.png").stat().st_size > 1000
