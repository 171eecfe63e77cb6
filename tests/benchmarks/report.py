"""Tables of what was measured: ``report.py [PAGE]`` prints them, or writes them into a page.

A page has markers, ``<!-- table: NAME -->`` and ``<!-- end -->``; what stands between them is
replaced. The figures themselves go beside the page as JSON.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import OUT

Row = dict[str, Any]
MARKED = re.compile(r"(<!-- table: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)

PEER_NAMES = {
    "fista": "**FISTA**",
    "admm": "**ADMM**",
    "mrpro": "mrpro + pgd",
    "torch conv": "torch conv",
    "torch conv, groups": "torch conv, groups",
    "torch fft": "torch FFT",
    "sporco": "SPORCO",
    "admm, all of k-space": "**ADMM**, all of k-space",
}


def rows(section: str) -> list[Row]:
    path = OUT / f"{section}.json"
    return list(json.loads(path.read_text())["rows"].values()) if path.is_file() else []


def table(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *body]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def milliseconds(spread: Row) -> str:
    return f"{1e3 * spread['median']:.3g}"


def with_spread(spread: Row) -> str:
    """Median, with least and most in brackets."""
    return f"{spread['median']:.2f} ({spread['low']:.2f}–{spread['high']:.2f})"


def named_iterations() -> str:
    """Of the setting that the requirement names: medians, spread, ratio, memory."""
    found = [row for row in rows("iterations") if (row["count"], row["size"]) == (64, 320)]
    row = next((row for row in found if row["width"] == 11), None)
    if row is None:
        return ""
    ours = row["times"]["fista"]["median"]
    body = [
        [
            PEER_NAMES[name],
            milliseconds(spread),
            f"{1e3 * spread['low']:.3g}–{1e3 * spread['high']:.3g}",
            f"{spread['median'] / ours:.1f}",
            f"{row['peak_bytes'][name] / 1e6:.0f}",
        ]
        for name, spread in row["times"].items()
    ]
    return table(["solver", "ms", "least–most", "of our FISTA", "memory, MB"], body)


def all_iterations() -> str:
    """Milliseconds of an iteration in every setting."""
    names = list(PEER_NAMES)
    body = [
        [
            f"{row['size']}², {row['count']} filters, {row['width']} x {row['width']}",
            *(milliseconds(row["times"][n]) if n in row["times"] else "–" for n in names),
        ]
        for row in rows("iterations")
    ]
    return table(["setting", *(PEER_NAMES[name] for name in names)], body)


def objective() -> str:
    def cell(value: float | None) -> str:
        return "–" if value is None else f"{value:.1e}"

    body = [
        [
            f"{row['solver']}, {row['smooth']}",
            milliseconds(row["step"]),
            *(cell(gap) for gap in row["gap_at_iteration"].values()),
            *(cell(gap) for gap in row["gap_at_time"].values()),
            str(row["to_reach_fista_64"] or "–"),
        ]
        for row in rows("objective")
    ]
    found = rows("objective")[:1]
    counts = [f"{n} it." for row in found for n in row["gap_at_iteration"]]
    moments = [f"{t} s" for row in found for t in row["gap_at_time"]]
    return table(["solver, smooth part", "ms", *counts, *moments, "to FISTA's 64"], body)


def reconstruction() -> str:
    body = [
        [
            f"{row['method'].upper()} {row['iterations']}, {row['count']} filters, {row['size']}²",
            *(with_spread(row[part]) for part in ("whole", "maps", "solver")),
            f"{row['peak_bytes'] / 1e6:.0f}",
            f"{row['ratio']:.2f}",
        ]
        for row in sorted(rows("reconstruction"), key=lambda r: (r["method"], r["size"]))
    ]
    return table(["setting", "whole, s", "maps, s", "solver, s", "peak, MB", "estimate/peak"], body)


def first_picture() -> str:
    body = [
        [
            f"{row['count']} filters, {row['size']}²",
            with_spread(row["with_construction"]),
            f"{row['cold']:.2f}",
        ]
        for row in rows("first picture")
    ]
    return table(["setting", "s", "first of the process, s"], body)


def viewer_gaps() -> str:
    """How long the thread of the viewer is away, by clock and by processor."""
    body = [
        [row["what"], f"{1e3 * row['seconds']:.0f}", f"{1e3 * row['cpu_seconds']:.0f}"]
        for row in rows("gaps")
    ]
    return table(["longest gap, ms", "clock", "processor"], body) if body else ""


def training() -> str:
    body = [
        [row["way"], with_spread(row["seconds"]), f"{row['peak_bytes'] / 1e6:.0f}"]
        for row in rows("training")
    ]
    return table(["unrolled FISTA", "s a step", "peak, MB"], body)


def coils() -> str:
    body = [
        [f"{row['solver'].upper()}, {row['coils']} coils", milliseconds(row["step"])]
        for row in rows("coils")
    ]
    return table(["solver", "ms an iteration"], body)


def limits() -> str:
    kinds = ("FFT", "convolution", "pointwise", "copies, padding", "sums", "other")
    body = [
        [
            PEER_NAMES[row["solver"]],
            milliseconds(row["step"]),
            *(f"{100 * row['shares'].get(kind, 0):.0f} %" for kind in kinds),
            f"{row['fresh_bytes'] / 1e6:.0f}",
        ]
        for row in rows("limits")
    ]
    return table(["solver", "ms", *kinds, "fresh memory, MB"], body)


def bars() -> str:
    """What was promised: the worst setting of each."""
    worst: dict[str, Row] = {}
    for row in rows("bars"):
        sign = 1 if row["at_least"] is not None else -1
        kept = worst.get(row["name"])
        if kept is None or sign * row["value"] < sign * kept["value"]:
            worst[row["name"]] = row
    body = []
    for name, row in worst.items():
        least = row["at_least"]
        limit = f"at least {least:g}" if least is not None else f"at most {row['at_most']:g}"
        verdict = "yes" if row["met"] else "**no**"
        body.append([name, limit, f"{row['value']:.3g}", row["setting"], verdict])
    return table(["figure", "promised", "worst measured", "where", "met"], body)


def machine() -> str:
    """What it was measured on."""
    path = OUT / "iterations.json"
    if not path.is_file():
        return ""
    found = json.loads(path.read_text())
    about = found["machine"]
    return (
        f"Measured on {found['date']}: {about['processor']}, {about['threads']} threads, "
        f"{about['memory_gb']} GB, {about['system']}, Python {about['python']}, "
        f"torch {about['torch']}.\n"
    )


TABLES: dict[str, Callable[[], str]] = {
    "machine": machine,
    "bars": bars,
    "named iterations": named_iterations,
    "all iterations": all_iterations,
    "limits": limits,
    "objective": objective,
    "reconstruction": reconstruction,
    "first picture": first_picture,
    "training": training,
    "coils": coils,
    "viewer": viewer_gaps,
}


def main() -> None:
    if len(sys.argv) < 2:
        for name, make in TABLES.items():
            print(f"## {name}\n\n{make()}")
        return
    page = Path(sys.argv[1])
    text = MARKED.sub(lambda m: f"{m[1]}{TABLES[m[2]]()}{m[3]}", page.read_text())
    page.write_text(text)
    together = {path.stem: json.loads(path.read_text()) for path in sorted(OUT.glob("*.json"))}
    for row in together.get("objective", {}).get("rows", {}).values():
        for curve in ("clock", "gaps"):
            row[curve] = [float(f"{value:.4g}") for value in row[curve]]
    page.with_suffix(".json").write_text(json.dumps(together, indent=1) + "\n")


if __name__ == "__main__":
    main()
