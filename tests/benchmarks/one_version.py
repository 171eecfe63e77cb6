"""The process of one version for ``against_earlier.py``: does on its input what it is asked for.

What is asked for is ``NETWORK FILTERS SIZE [SOLVER]``: a whole reconstruction of the phantom head;
``admm FILTERS SIZE`` or ``fista FILTERS SIZE``: the iterations alone, ``maps NETWORK ...``.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

# The viewer and the command line load this first; where it is not there, nothing is done.
try:
    from napari_csc.core.waiting_threads import let_waiting_threads_sleep

    let_waiting_threads_sleep()
except ImportError:
    pass

import torch

import napari_csc as csc
from napari_csc.phantom.head import head_phantom

DICTIONARIES = {16: "brain-16-11", 32: "brain-32-11", 64: "brain-64-11", 128: "brain-128-11"}


@cache
def scan(size: int, slices: int = 1) -> csc.Acquisition:
    return csc.simulate_low_field(
        head_phantom(size, slices), size // 2, generator=torch.Generator().manual_seed(0)
    )


@cache
def prepared(work: str) -> Callable[[], Any]:
    """Return what to time."""
    network, count, size, *solver = work.split()
    dictionary = csc.Dictionary.load(DICTIONARIES[int(count)])
    if network in ("admm", "fista"):
        maps: Any = csc.NoiseScalar(1.5)
        solver = [network]
    else:
        maps = csc.load_map_network(network)
    made = csc.Reconstructor(
        dictionary, maps, device="cpu", **({"solver": solver[0]} if solver else {})
    )
    return lambda: made(scan(int(size)))


def main() -> None:
    folder = Path(sys.argv[1])
    assert Path(csc.__file__).is_relative_to(folder), f"{csc.__file__} is not in {folder}"
    for line in sys.stdin:
        asked = json.loads(line)
        work = prepared(asked["work"])
        begin, cpu = time.perf_counter(), time.process_time()
        result = work()
        seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
        if "keep" in asked:
            arrays = {
                "image": result.image,
                "sparsity_maps": result.sparsity_maps,
                "smooth_maps": result.smooth_maps,
                "sparse_codes": result.sparse_codes,
            }
            torch.save(arrays, asked["keep"])
        print(json.dumps({"seconds": seconds, "cpu": cpu}), flush=True)


if __name__ == "__main__":
    main()
