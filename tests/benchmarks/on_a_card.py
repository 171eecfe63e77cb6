"""Times on a CUDA card, beside the floor that its memory sets; to be run as a program.

Each row: what it took, what reading and writing the codes as often as an iteration has to would
take at the bandwidth of a copy on this card, and the ratio of both. The image is compared with that
of the CPU. It takes under two minutes on a fast card; without one it says so and ends.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch
from measure import record

import napari_csc as csc
from napari_csc.core.reconstruction.slices import several
from napari_csc.phantom.head import head_phantom

# Passes over the code stack that an iteration cannot do without: two transforms of two passes each
# way, and running sums read and written.
_PASSES = 10
_REPEATS = 5
_SLICES = 200


def bandwidth() -> float:
    """Return bytes a second of a copy that is far larger than any cache."""
    one = torch.empty(256_000_000, dtype=torch.float32, device="cuda")
    other = torch.empty_like(one)
    return 2 * one.nbytes / seconds(lambda: other.copy_(one))


def seconds(work: Callable[[], object], repeats: int = _REPEATS) -> float:
    """Return the median time of a work, its end on the card included."""
    samples = []
    for _ in range(repeats + 1):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        work()
        torch.cuda.synchronize()
        samples.append(time.perf_counter() - begin)
    return statistics.median(samples[1:])


def scan(size: int, slices: int = 1) -> csc.Acquisition:
    draw = torch.Generator().manual_seed(0)
    return csc.simulate_low_field(head_phantom(size, slices), size // 2, generator=draw)


def row(name: str, took: float, floor: float, **more: float) -> None:
    figures = {"seconds": took, "floor": floor, "ratio": took / floor, **more}
    record("card", f"{torch.cuda.get_device_name()} | {name}", figures)


def main() -> None:
    if not torch.cuda.is_available():
        sys.exit("There is no CUDA card here, so nothing was measured.")
    speed = bandwidth()
    print(f"{torch.cuda.get_device_name()}: a copy runs at {speed / 1e9:.0f} GB/s")
    dictionary, cache = csc.Dictionary.load("brain-64-11"), csc.MapCache()
    for network in ("v4", "v5"):
        loaded = csc.load_map_network(network)
        for size in (128, 320, 512):
            scanned = scan(size)
            on_card = csc.Reconstructor(dictionary, loaded, device="cuda")
            here = csc.Reconstructor(dictionary, loaded, device="cpu")
            codes = 8 * (len(dictionary) + 3) * size**2
            floor = on_card.settings.iterations * _PASSES * codes / speed
            image, expected = on_card(scanned).image, here(scanned).image
            apart = float((image - expected).norm() / expected.norm())
            took = seconds(lambda run=on_card, it=scanned: run(it).image)
            row(f"{network}, whole run, {size}", took, floor, differs=apart)
            if size == 320:
                swap(network, loaded, scanned, cache, floor)
    for solver, iterations in (("admm", 16), ("fista", 64)):
        made = csc.Reconstructor(dictionary, csc.NoiseScalar(1.5), solver=solver, device="cuda")
        floor = iterations * _PASSES * 8 * (len(dictionary) + 3) * 320**2 / speed
        one = scan(320)
        row(
            f"{solver}, {iterations} iterations, 320",
            seconds(lambda m=made, it=one: m(it).image),
            floor,
        )
    volumes(dictionary, speed)


def volumes(dictionary: csc.Dictionary, speed: float) -> None:
    """Time the slices of a volume as batches, beside one after the other."""
    volume, at_once = scan(128, _SLICES), several.MOST_AT_ONCE
    floor = _SLICES * 16 * _PASSES * 8 * (len(dictionary) + 3) * 128**2 / speed
    for network in ("v4", "v5"):
        made = csc.Reconstructor(dictionary, csc.load_map_network(network), device="cuda")
        batch = made.check(volume).slices_at_once
        together, took = made(volume).image, seconds(lambda run=made: run(volume).image)
        several.MOST_AT_ONCE = {}
        alone, one_by_one = made(volume).image, seconds(lambda run=made: run(volume).image, 1)
        several.MOST_AT_ONCE = at_once
        row(
            f"{network}, {_SLICES} slices of 128, {batch} at once",
            took,
            floor,
            one_by_one=one_by_one,
            differs=float((together - alone).norm() / alone.norm()),
        )


def swap(
    name: str, network: object, scanned: csc.Acquisition, cache: csc.MapCache, floor: float
) -> None:
    """Time another dictionary, with what is known of the image at hand."""
    first, other = (csc.Dictionary.load(one) for one in ("brain-64-11", "brain-64-9"))
    csc.Reconstructor(first, network, device="cuda", map_cache=cache)(scanned)
    samples = []
    for number in range(_REPEATS):
        shuffled = other.permuted(seed=number)
        torch.cuda.synchronize()
        begin = time.perf_counter()
        _ = csc.Reconstructor(shuffled, network, device="cuda", map_cache=cache)(scanned).image
        torch.cuda.synchronize()
        samples.append(time.perf_counter() - begin)
    row(f"{name}, another dictionary, 320", statistics.median(samples), floor)


if __name__ == "__main__":
    main()
