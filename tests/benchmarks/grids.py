"""``make grids``: how often a noise level is given, and how far it is off, over a table of inputs.

``COUNT SEED [SECONDS]``: a random sample of the table; 400 cells take some minutes.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from noise_cells import DATA, Cell, measure, table

Row = dict[str, Any]


def sample(count: int, seed: int) -> list[Cell]:
    """Return cells of the table at random; without the data folder, none of real volumes."""
    cells = [one for one in table(seed) if one.obj != "volume" or (DATA / "brain_volumes").is_dir()]
    order = np.random.default_rng(seed).permutation(len(cells))
    return [cells[number] for number in order[:count]]


def report(rows: list[Row]) -> str:
    """Return the share of answers and the worst of them, by dimension, as a table."""
    head = "| cells | count | given | off by more than 15 % | median error | worst |"
    lines = [head, "|---|---|---|---|---|---|"]
    low = [row for row in rows if row["snr"] <= 100]
    lines.append(_line("SNR 5 to 100", low))
    for key in ("obj", "share", "masked", "padding", "zero_filling", "kind", "snr", "method"):
        groups = defaultdict(list)
        for row in low:
            groups[row[key]].append(row)
        lines += [_line(f"{key} {value}", groups[value]) for value in sorted(groups, key=str)]
    high = [row for row in rows if row["snr"] > 100]
    lines.append(_line("SNR above 100", high))
    double = sum(row["known"] and row["ratio"] > 2 for row in high)
    lines.append(f"\nAbove SNR 100: {double} given more than twice too high.")
    return "\n".join(lines)


def _line(name: str, some: list[Row]) -> str:
    errors = [abs(row["ratio"] - 1) for row in some if row["known"]]
    wrong = sum(error > 0.15 for error in errors)
    middle = float(np.median(errors)) if errors else 0.0
    return (
        f"| {name} | {len(some)} | {100 * len(errors) / max(1, len(some)):.1f} % | {wrong} | "
        f"{100 * middle:.1f} % | {100 * max(errors, default=0):.0f} % |"
    )


def main() -> None:
    """Print the report of a random sample."""
    count, seed = (int(one) for one in sys.argv[1:3])
    torch.set_num_threads(1)
    until = time.monotonic() + (float(sys.argv[3]) if len(sys.argv) > 3 else float("inf"))
    rows: list[Row] = []
    with get_context("fork").Pool() as pool:
        for row in pool.imap(measure, sample(count, seed)):
            rows.append(row)
            if time.monotonic() > until:
                break
    print(report(rows))
    for row in rows:
        if not row["known"] and row["snr"] <= 100:
            print("unknown", {key: row[key] for key in ("obj", "share", "masked", "kind", "snr")})


if __name__ == "__main__":
    main()
