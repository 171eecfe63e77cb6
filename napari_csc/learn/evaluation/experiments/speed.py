"""How long a whole reconstruction takes, networks in turn, with the same number of filters."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.learn.evaluation import tables
from napari_csc.learn.evaluation.experiments.bench import Bench
from napari_csc.learn.evaluation.experiments.section import Column, Section
from napari_csc.learn.evaluation.images import EvaluationImage
from napari_csc.learn.evaluation.methods.sparse_coding import SparseCoding
from napari_csc.learn.evaluation.situations import Condition

COUNTS = (32, 64)
_REPEATS = 5


def seconds(
    networks: Sequence[SparseCoding],
    image: EvaluationImage,
    dictionary: Dictionary,
    repeats: int = _REPEATS,
) -> list[float]:
    """Return the median time of maps and solver of each network, in seconds.

    In turn, again and again, so that a disturbance hits all alike; the first time does not count.
    """
    scan = Condition().scan(image)
    runs = [Reconstructor(dictionary, one.maps) for one in networks]
    taken: list[list[float]] = [[] for _ in runs]
    for _ in range(repeats + 1):
        for times, run_once in zip(taken, runs, strict=True):
            begin = time.perf_counter()
            run_once(scan)
            times.append(time.perf_counter() - begin)
    return [median(times[1:]) for times in taken]


def run(bench: Bench) -> Section | None:
    """Time all networks that take any dictionary on the largest test image; always anew."""
    networks = list({one.weights: one for one in bench.free_networks}.values())
    if not networks:
        return None
    image = max(bench.images, key=lambda one: one.image.numel())
    columns = []
    for count in COUNTS:
        bench.report(f"speed: {count} filters")
        found = seconds(networks, image, Dictionary.dct(count, 9))
        values = {one.name: value for one, value in zip(networks, found, strict=True)}
        columns.append(Column(f"seconds, {count} filters", values, "{:.2f}"))
    body = [
        [one.name, *(column.form.format(column.values[one.name]) for column in columns)]
        for one in networks
    ]
    height, width = image.image.shape
    head = ["network", *(column.name for column in columns)]
    text = f"{height} x {width} pixels, median of {_REPEATS} in turn.\n\n"
    return Section(text + tables.markdown(head, body), columns)
