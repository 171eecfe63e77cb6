"""The whole evaluation: rows to a CSV file, tables to Markdown, pictures to PNG."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.names import dictionary_names
from napari_csc.core.maps import MapNetwork, NoiseScalar, load_map_network
from napari_csc.core.options import DEFAULT_DICTIONARY
from napari_csc.learn.evaluation import figures, tables
from napari_csc.learn.evaluation.images import EvaluationImage, evaluation_images
from napari_csc.learn.evaluation.invariances import cost, dropping, equivariance, seconds, shuffling
from napari_csc.learn.evaluation.measure import (
    Condition,
    Row,
    compare,
    figure_names,
    mean,
    measured,
    read_rows,
    write_rows,
)
from napari_csc.learn.evaluation.measured_scans import real_scans
from napari_csc.learn.evaluation.measured_scans import table as real_table
from napari_csc.learn.evaluation.methods import (
    SCALARS,
    TV_WEIGHTS,
    Adjoint,
    BestScalar,
    Method,
    SparseCoding,
    TotalVariation,
    scalar_method,
)

Report = Callable[[str], None]

SAMPLED = (96 / 320, 128 / 320, 160 / 320, 200 / 320, 240 / 320)
NOISE = (0.1, 0.2, 0.3, 0.4)
DROPPED = (0.0, 0.1, 0.25, 0.5)


@dataclass(frozen=True)
class Evaluation:
    """What is evaluated.

    Attributes
    ----------
    networks : sequence of str
        Names or files of map networks; a V1 network is used with its own dictionary only.
    black_boxes : sequence of Method
        Further methods.
    dictionary : str
        The dictionary that networks are compared with.
    swapped : sequence of str
        Dictionaries to swap in.
    data : Path
        Folder with the test images.
    groups : mapping
        Anatomy to file patterns; the first one is what the networks were trained for.
    validation : sequence of str
        Patterns of the volumes that scalars are searched on.
    per_subject : int
        Slices of each subject.
    real : sequence of str
        Patterns of measured scans, relative to ``data``; those that are not there are left out.
    """

    networks: Sequence[str]
    data: Path
    black_boxes: Sequence[Method] = ()
    dictionary: str = DEFAULT_DICTIONARY
    swapped: Sequence[str] = field(default_factory=dictionary_names)
    groups: Mapping[str, Sequence[str]] | None = None
    validation: Sequence[str] = ("brain_volumes/pyradiomics_brain2*",)
    per_subject: int = 4
    real: Sequence[str] = ("lowfield_055T/subject_*.mat",)


def evaluate(plan: Evaluation, output: Path, report: Report = print) -> Path:
    """Measure everything and write ``rows.csv``, ``tables.md`` and pictures into a folder.

    Rows that the file holds already are not measured again, so an evaluation that was interrupted
    goes on, and further methods can be added to one that is done.

    Returns
    -------
    Path
        The page with the tables.
    """
    output.mkdir(parents=True, exist_ok=True)
    images = evaluation_images(plan.data, plan.groups, per_subject=plan.per_subject)
    validation = evaluation_images(plan.data, {"validation": plan.validation}, per_subject=3)
    dictionary = Dictionary.load(plan.dictionary)
    networks = _networks(plan.networks, dictionary)
    level = best_level(validation, dictionary)
    weight = best_weight(validation)
    report(f"on validation: one level {level:g} sigma, total variation {weight:g} sigma")
    scalar = scalar_method(dictionary, level, name=f"one level, {level:g}σ")
    oracle = BestScalar("best level of each image (oracle)", dictionary)
    known = {row.key: row for row in read_rows(output / "rows.csv")}
    rows: list[Row] = []

    def run(
        experiment: str,
        methods: Sequence[Method],
        conditions: Sequence[Condition],
        shown: Sequence[EvaluationImage] = images,
    ) -> None:
        for row in compare(experiment, methods, shown, conditions, known):
            rows.append(row)
            if row.key not in known:
                known[row.key] = row
                write_rows(output / "rows.csv", list(known.values()))
            if row.method == methods[-1].name:
                report(f"{experiment}: {row.group} {row.slice}, noise {row.noise_variance:g}")

    every: list[Method] = [Adjoint(), scalar, oracle, TotalVariation(weight)]
    run("noise", [*every, *networks, *plan.black_boxes], [Condition(noise) for noise in NOISE])
    free = [one for one in networks if _is_free(one)]
    at_half = [row for row in rows if row.noise_variance == Condition().noise_variance]
    run("matrix", [scalar, *free], [Condition(sampled=one) for one in SAMPLED if one != 0.5])
    few = _some_of_each(images, 2)
    for name in plan.swapped:
        other = Dictionary.load(name)
        methods: list[Method] = [one.with_dictionary(other) for one in free]
        run("dictionary", [oracle.with_dictionary(other), *methods], [Condition()], few)
    promises = _promises(networks, images[0], report)
    report("measured scans")
    scans = real_scans(
        plan.data,
        plan.real,
        [Adjoint(), scalar, TotalVariation(weight), *free],
        output / "real.png",
    )
    page = output / "tables.md"
    text = _page(rows, at_half, promises, plan, images)
    if scans:
        text += "\n## Measured scans, means\n\n" + real_table(scans)
    page.write_text(text, encoding="utf-8")
    figures.side_by_side(output / "comparison.png", images, [*every, *networks, *plan.black_boxes])
    return page


def best_level(images: Sequence[EvaluationImage], dictionary: Dictionary) -> float:
    """Return the level, in units of the noise, with the best mean SSIM on some images."""
    return _best(images, {level: scalar_method(dictionary, level) for level in SCALARS})


def best_weight(images: Sequence[EvaluationImage]) -> float:
    """Return the weight of total variation with the best mean SSIM on some images."""
    return _best(images, {weight: TotalVariation(weight) for weight in TV_WEIGHTS})


def _some_of_each(images: Sequence[EvaluationImage], count: int) -> list[EvaluationImage]:
    """Return evenly spaced slices of each subject."""
    subjects: dict[str, list[EvaluationImage]] = {}
    for image in images:
        subjects.setdefault(image.subject, []).append(image)
    return [
        one for mine in subjects.values() for one in mine[:: max(1, len(mine) // count)][:count]
    ]


def _best(images: Sequence[EvaluationImage], candidates: dict[float, Any]) -> float:
    scans = [(image, Condition().scan(image)) for image in images]
    scores = {
        value: mean([measured("", method, i, Condition(), s) for i, s in scans], "ssim")
        for value, method in candidates.items()
    }
    return max(scores, key=lambda value: scores[value])


def _networks(names: Iterable[str], dictionary: Dictionary) -> list[SparseCoding]:
    found = []
    for name in names:
        network = load_map_network(name)
        own = network.metadata.dictionary_name
        chosen = dictionary if network.permutation_equivariant or own is None else None
        if chosen is None:
            chosen = Dictionary.load(_source_of(network))
        found.append(SparseCoding(network.metadata.name, chosen, network))
    return found


def _source_of(network: MapNetwork) -> str:
    return str(network.metadata.training["config"]["dictionary"])


def _is_free(method: SparseCoding) -> bool:
    return isinstance(method.maps, NoiseScalar) or method.maps.permutation_equivariant


def _promises(
    networks: Sequence[SparseCoding], image: EvaluationImage, report: Report
) -> list[dict[str, Any]]:
    scan = Condition().scan(image)
    usual = Dictionary.dct(64, 11)
    found = []
    for method in networks:
        report(f"promises of {method.name}")
        free = _is_free(method)
        assert isinstance(method.maps, MapNetwork)
        found.append(
            {
                "method": method.name,
                "shuffling": shuffling(method, scan),
                "equivariance": equivariance(method, scan),
                "dropping": dropping(method, image, scan, DROPPED) if free else {},
                "cost": cost(method.maps, usual if free else method.dictionary),
                "seconds": seconds(method.maps, image, usual) if free else None,
            }
        )
    return found


def _page(
    rows: Sequence[Row],
    at_half: Sequence[Row],
    promises: Sequence[dict[str, Any]],
    plan: Evaluation,
    images: Sequence[EvaluationImage],
) -> str:
    subjects = ", ".join(dict.fromkeys(f"{one.group} {one.subject}" for one in images))
    parts = [
        "# Evaluation\n",
        f"{len(images)} slices: {subjects}. Simulated scans (complex Gaussian noise, central "
        f"k-space), dictionary {plan.dictionary} unless a table says otherwise. SSIM: magnitude, "
        "data range 10, 7x7 uniform window; object: above 5 % of the maximum, holes filled. Means "
        "over slices, then over subjects.\n",
    ]
    for figure, noise in product(figure_names(), NOISE):
        chosen = [r for r in rows if r.experiment == "noise" and r.noise_variance == noise]
        parts.append(f"## {figure}, noise variance {noise:g}, half of the matrix\n")
        parts.append(tables.by_method_and_group(chosen, figure))
    for figure in ("ssim", "nmse"):
        matrix = [r for r in rows if r.experiment == "matrix"]
        matrix += [r for r in at_half if r.method in {m.method for m in matrix}]
        parts.append(f"## {figure} against the sampled share, noise variance 0.2\n")
        parts.append(tables.across(matrix, "sampled", figure))
        swapped = [r for r in rows if r.experiment == "dictionary"]
        for group in dict.fromkeys(row.group for row in swapped):
            parts.append(f"## {figure} with other dictionaries, {group}, noise variance 0.2\n")
            parts.append(tables.by_dictionary([r for r in swapped if r.group == group], figure))
    for name in [promise["method"] for promise in promises]:
        parts.append(f"## {name} against the others, noise variance 0.2, all subjects\n")
        parts.append(tables.differences(at_half, name, "ssim"))
    parts += ["## Promises\n", _promise_table(promises)]
    return "\n".join(parts)


def _promise_table(promises: Sequence[dict[str, Any]]) -> str:
    head = ["network", "shuffled: largest change", "scaled", "turned in phase"]
    head += [f"SSIM, {share:.0%} dropped" for share in DROPPED]
    head += ["parameters", "10⁹ multiply-adds", "s, 64 filters"]
    body = []
    for one in promises:
        seconds = one["seconds"]
        body.append(
            [
                one["method"],
                f"{one['shuffling']['largest']:.1e}",
                f"{one['equivariance']['scale']:.1e}",
                f"{one['equivariance']['phase']:.1e}",
                *(f"{one['dropping'][share]:.3f}" if one["dropping"] else "–" for share in DROPPED),
                f"{one['cost']['parameters']:,}",
                f"{one['cost']['giga_multiply_adds']:.1f}",
                "–" if seconds is None else f"{seconds:.2f}",
            ]
        )
    return tables.markdown(head, body)
