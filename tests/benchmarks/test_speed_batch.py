"""Slices of a volume as one batch beside one after the other, on the CPU."""

from __future__ import annotations

import pytest
import torch
from measure import QUICK, interleaved, record

import napari_csc as csc
from napari_csc.core.reconstruction.slices import several
from napari_csc.phantom.head import head_phantom

pytestmark = pytest.mark.timeout(3600)

SIZE, COUNT, SLICES = (32, 4, 4) if QUICK else (128, 64, 8)
AT_ONCE = (1, 2, 4) if QUICK else (1, 2, 4, 8)
REPEATS = 2 if QUICK else 3


@pytest.mark.parametrize("solver", ["admm", "fista"])
@pytest.mark.parametrize("threads", [1, 2])
def test_slices_at_once(monkeypatch: pytest.MonkeyPatch, solver: str, threads: int) -> None:
    """Nothing is won on a CPU, which is why it goes slice by slice."""
    draw = torch.Generator().manual_seed(0)
    scan = csc.simulate_low_field(head_phantom(SIZE, SLICES), SIZE // 2, generator=draw)
    network, before = csc.load_map_network("v5"), torch.get_num_threads()
    dictionary = csc.Dictionary.dct(COUNT, 9)
    images = {}

    def work(at_once: int) -> None:
        monkeypatch.setattr(several, "MOST_AT_ONCE", {"cpu": at_once})
        made = csc.Reconstructor(dictionary, network, solver=solver, device="cpu")
        images[at_once] = made(scan).image

    torch.set_num_threads(threads)
    try:
        work(1)
        works = {str(one): lambda _, one=one: work(one) for one in AT_ONCE}
        times = interleaved(works, dict.fromkeys(works, 1), REPEATS)
    finally:
        torch.set_num_threads(before)
    for at_once, spread in times.items():
        image = images[int(at_once)]
        record(
            "batch",
            f"{solver}, {threads} threads, {at_once} slices at once",
            {
                "seconds": spread.median,
                "of one by one": spread.median / times["1"].median,
                "differs": float((image - images[1]).norm() / images[1].norm()),
            },
        )
        assert (image - images[1]).norm() <= 1e-5 * images[1].norm()
