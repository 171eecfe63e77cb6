"""Markdown tables of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from napari_csc.learn.evaluation.rows import Row, bootstrap_difference, mean, mean_by_group


def markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Return a table, the first column left, the others right."""
    lines = [list(head), ["---"] + ["---:"] * (len(head) - 1), *map(list, body)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def unique(values: Sequence[object]) -> list[object]:
    """Return the values without repeats, in the order of their first appearance."""
    return list(dict.fromkeys(values))


def by_method_and_group(rows: Sequence[Row], figure: str, digits: int = 3) -> str:
    """Return methods down, groups across, with the mean of the groups other than the first."""
    groups = [str(one) for one in unique([row.group for row in rows])]
    body = []
    for method in unique([row.method for row in rows]):
        mine = [row for row in rows if row.method == method]
        values = [mean([row for row in mine if row.group == group], figure) for group in groups]
        others = sum(values[1:]) / max(1, len(values) - 1) if len(values) > 1 else math.nan
        cells = [*values, others, values[0] - others]
        body.append([str(method), *(f"{value:.{digits}f}" for value in cells)])
    return markdown(["method", *groups, "mean of the others", "drop"], body)


def ratios(rows: Sequence[Row], figure: str, method: str) -> str:
    """Return methods down, groups across: a figure over that of one of the methods."""
    groups = [str(one) for one in unique([row.group for row in rows])]
    reference = mean_by_group([row for row in rows if row.method == method], figure)
    body = []
    for name in unique([row.method for row in rows]):
        means = mean_by_group([row for row in rows if row.method == name], figure)
        values = [means.get(group, math.nan) / reference[group] for group in groups]
        body.append(
            [str(name), *(f"{value:.3f}" for value in [*values, sum(values) / len(values)])]
        )
    return markdown(["method", *groups, "mean"], body)


def across(rows: Sequence[Row], column: str, figure: str, digits: int = 3) -> str:
    """Return methods down and the values of a column across."""
    values = sorted({getattr(row, column) for row in rows})
    body = []
    for method in unique([row.method for row in rows]):
        mine = [row for row in rows if row.method == method]
        cells = [
            f"{mean([row for row in mine if getattr(row, column) == one], figure):.{digits}f}"
            for one in values
        ]
        body.append([str(method), *cells])
    return markdown(["method", *(f"{one:g}" for one in values)], body)


def by_dictionary(rows: Sequence[Row], figure: str) -> str:
    """Return dictionaries down and methods across."""
    methods = [str(one) for one in unique([row.method for row in rows])]
    body = []
    for dictionary in unique([row.dictionary for row in rows]):
        mine = [row for row in rows if row.dictionary == dictionary]
        cells = [f"{mean([r for r in mine if r.method == one], figure):.3f}" for one in methods]
        body.append([str(dictionary), *cells])
    return markdown(["dictionary", *methods], body)


def differences(rows: Sequence[Row], method: str, figure: str) -> str:
    """Return the difference of one method to each other one, with intervals over subjects."""
    own = [row for row in rows if row.method == method]
    body = []
    for other in unique([row.method for row in rows]):
        if other == method:
            continue
        theirs = [row for row in rows if row.method == other]
        centre, low, high = bootstrap_difference(own, theirs, figure)
        interval = "one subject" if math.isnan(low) else f"{low:+.3f} to {high:+.3f}"
        body.append([str(other), f"{centre:+.3f}", interval])
    return markdown([f"{method} minus", figure, "95 % of subjects"], body)
