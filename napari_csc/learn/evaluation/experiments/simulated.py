"""Experiments on simulated scans, whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.learn.evaluation import tables
from napari_csc.learn.evaluation.experiments.bench import Bench
from napari_csc.learn.evaluation.experiments.section import Column, Section
from napari_csc.learn.evaluation.images import EvaluationImage
from napari_csc.learn.evaluation.measure import figure_names
from napari_csc.learn.evaluation.methods.method import Method
from napari_csc.learn.evaluation.methods.sparse_coding import BestScalar, scalar_method
from napari_csc.learn.evaluation.rows import Row, mean_by_group
from napari_csc.learn.evaluation.situations import SITUATIONS, Condition

SAMPLED = (96 / 320, 128 / 320, 160 / 320, 200 / 320, 240 / 320)
_REFERENCE = "BM3D"


def noise(bench: Bench) -> Section:
    """Compare all methods at several levels of the noise."""
    levels = bench.plan.noise
    rows = bench.rows("plain", bench.methods, [Condition(level) for level in levels])
    parts, columns = [], []
    for level, figure in product(levels, figure_names()):
        chosen = [row for row in rows if row.noise_variance == level]
        parts.append(f"### {figure}, noise variance {level:g}\n")
        parts.append(_table(chosen, figure))
        if figure in _SHORT:
            columns.append(column(f"{_SHORT[figure]}, v = {level:g}", chosen, figure))
    usual = Condition().noise_variance
    at_middle = [row for row in rows if row.noise_variance == usual]
    for network in bench.networks if at_middle else ():
        parts.append(f"### {network.name} against the others, noise variance {usual:g}\n")
        parts.append(tables.differences(at_middle, network.name, "ssim"))
    return Section("\n".join(parts), columns)


def validation(bench: Bench) -> Section:
    """Compare the methods on the images that choose."""
    rows = bench.rows("validation", bench.methods, [Condition()], bench.validation)
    parts = []
    for figure in figure_names():
        parts += [f"### {figure}\n", tables.by_method_and_group(rows, figure)]
    return Section("\n".join(parts))


def sampled_share(bench: Bench) -> Section:
    """Compare networks on more or less of k-space."""
    level = scalar_method(
        bench.dictionary, bench.chosen.level, name=f"one level, {bench.chosen.level:g}σ"
    )
    methods: list[Method] = [level, *bench.free_networks]
    rows = bench.rows("sampled share", methods, [Condition(sampled=one) for one in SAMPLED])
    parts = []
    for figure in ("ssim", "ssim_object", "nmse"):
        parts += [f"### {figure}\n", tables.across(rows, "sampled", figure)]
    return Section("\n".join(parts))


def dictionaries(bench: Bench) -> Section:
    """Swap dictionaries without training anything again."""
    few, rows = _some_of_each(bench.images, 2), []
    # Once each, with whichever dictionary it is named.
    networks = {one.weights: one for one in bench.free_networks}
    for name in bench.plan.swapped:
        other = Dictionary.load(name)
        methods: list[Method] = [BestScalar("best level of each image (oracle)", other)]
        methods += [one.with_dictionary(other) for one in networks.values()]
        rows += bench.rows("dictionaries", methods, [Condition()], few)
    parts = []
    for figure in ("ssim", "nmse"):
        for group in dict.fromkeys(row.group for row in rows):
            parts.append(f"### {figure}, {group}\n")
            mine = [row for row in rows if row.group == group]
            parts.append(tables.by_dictionary(mine, figure))
    return Section("\n".join(parts))


def situations(bench: Bench) -> Section:
    """Compare all methods on other kinds of scans than plain ones."""
    parts, columns = [], []
    for name, situation in SITUATIONS.items():
        if name == "plain":
            continue
        rows = bench.rows(name, bench.methods, [Condition(situation=name)])
        parts.append(f"### {name}: {situation.text}\n")
        for figure in ("nmse", "ssim", "ssim_object"):
            parts += [f"{figure}\n", _table(rows, figure)]
        chosen = _TOLD.get(name, ("nmse",))
        columns += [column(f"{_SHORT[figure]}, {name}", rows, figure) for figure in chosen]
    return Section("\n".join(parts), columns)


_TOLD = {"random phase": ("nmse", "ssim_object"), "black background": ("ssim",)}
_SHORT = {
    "nmse": f"NMSE / {_REFERENCE}'s",
    "ssim": "SSIM",
    "ssim_object": "SSIM in the object",
}


def column(name: str, rows: Sequence[Row], figure: str) -> Column:
    """Return means over the anatomies; NMSE as the mean of the ratios to BM3D's, if it is there."""
    by_method = {
        method: mean_by_group([row for row in rows if row.method == method], figure)
        for method in dict.fromkeys(row.method for row in rows)
    }
    reference = by_method.get(_REFERENCE)
    if figure != "nmse":
        return Column(name, {one: _over(groups) for one, groups in by_method.items()})
    if reference is None:
        name = name.replace(f" / {_REFERENCE}'s", "")
        return Column(name, {one: _over(groups) for one, groups in by_method.items()}, "{:.4f}")
    return Column(
        name,
        {
            one: _over({g: value / reference[g] for g, value in groups.items() if g in reference})
            for one, groups in by_method.items()
        },
    )


def _table(rows: Sequence[Row], figure: str) -> str:
    """Return means by method and anatomy; of NMSE also the ratios to BM3D's, if it is there."""
    found = tables.by_method_and_group(rows, figure, 4 if figure == "nmse" else 3)
    if figure != "nmse" or _REFERENCE not in {row.method for row in rows}:
        return found
    return f"{found}\nover {_REFERENCE}'s\n\n{tables.ratios(rows, figure, _REFERENCE)}"


def _over(groups: dict[str, float]) -> float:
    return float(np.mean(list(groups.values()))) if groups else math.nan


def _some_of_each(images: Sequence[EvaluationImage], count: int) -> list[EvaluationImage]:
    """Return evenly spaced slices of each subject."""
    subjects: dict[str, list[EvaluationImage]] = {}
    for image in images:
        subjects.setdefault(image.subject, []).append(image)
    return [
        one for mine in subjects.values() for one in mine[:: max(1, len(mine) // count)][:count]
    ]
