"""The whole evaluation: rows and findings to CSV files, one page of tables, pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_csc.errors import CscError
from napari_csc.learn.evaluation import figures, tables
from napari_csc.learn.evaluation.experiments.bench import Bench, Evaluation
from napari_csc.learn.evaluation.experiments.section import Column, Experiment
from napari_csc.learn.evaluation.experiments.table import EXPERIMENTS

__all__ = ["Evaluation", "evaluate"]

Report = Callable[[str], None]


def evaluate(plan: Evaluation, output: Path, report: Report = print) -> Path:
    """Measure everything and write ``rows.csv``, ``findings.csv``, ``tables.md`` and pictures.

    What the files hold already is not measured again, so an evaluation that was interrupted goes
    on, and further methods and experiments can be added to one that is done.

    Returns
    -------
    Path
        The page with the tables; the first one has all methods and a column for each figure.

    Raises
    ------
    CscError
        If there is no such experiment, method, network or image.
    """
    chosen = _experiments(plan.experiments)
    output.mkdir(parents=True, exist_ok=True)
    bench = Bench(plan, output, report)
    sections, columns = [], []
    for experiment in chosen:
        report(experiment.title.lower())
        found = experiment.run(bench)
        if found is None:
            report(f"{experiment.title}: left out, as there is nothing to measure on")
            continue
        sections.append(f"## {experiment.title}\n\n{experiment.text}\n\n{found.text}")
        columns += found.columns
    page = output / "tables.md"
    page.write_text("\n".join([_head(bench), one_table(columns), *sections]), encoding="utf-8")
    if any(experiment is EXPERIMENTS.get("noise") for experiment in chosen):
        figures.side_by_side(output / "comparison.png", bench.images, bench.methods)
    return page


def one_table(columns: Sequence[Column]) -> str:
    """Return figures down and methods across, best told by each figure's name."""
    methods = list(dict.fromkeys(name for column in columns for name in column.values))
    body = [
        [
            column.name,
            *(
                column.form.format(column.values[name]) if name in column.values else "–"
                for name in methods
            ),
        ]
        for column in columns
    ]
    return tables.markdown(["figure", *methods], body)


def _experiments(names: Sequence[str] | None) -> list[Experiment]:
    for name in names or ():
        if name not in EXPERIMENTS:
            raise CscError(f"There is no experiment {name!r}; use one of {', '.join(EXPERIMENTS)}.")
    return [one for name, one in EXPERIMENTS.items() if names is None or name in names]


def _head(bench: Bench) -> str:
    subjects = ", ".join(dict.fromkeys(f"{one.group} {one.subject}" for one in bench.images))
    return (
        "# Evaluation\n\n"
        f"{len(bench.images)} slices: {subjects}. Dictionary {bench.plan.dictionary} unless a "
        "table or the name of a method says otherwise. SSIM: magnitude, data range 10, 7x7 uniform "
        "window; object: above 5 % of the maximum, holes filled. Means over slices, then over "
        "subjects, then over anatomies; of NMSE the mean of the ratios to BM3D's.\n"
    )
