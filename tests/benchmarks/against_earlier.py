"""This version beside an earlier one, in one run: ``make bench-earlier EARLIER=folder``.

Each version lives in a process of its own, started with its folder first on the path (a second
worktree serves), and both do the same work in turn, so that whatever disturbs the machine disturbs
both. Times are told as their ratio. The images, maps and codes of both are compared as well.

    python tests/benchmarks/against_earlier.py FOLDER [--repeats 5] [--busy 2] [WORK ...]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CHILD = Path(__file__).with_name("one_version.py")


class Version:
    """A process with one version of the package."""

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD), str(folder)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **question: Any) -> dict[str, Any]:
        """Have the process do something."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process ended at {question}")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def busy(count: int) -> list[subprocess.Popen[bytes]]:
    """Start processes that take a core each."""
    return [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]


def measured(
    earlier: Version, now: Version, works: list[str], repeats: int, folder: Path
) -> dict[str, dict[str, Any]]:
    """Return times and the largest difference for each work."""
    rows: dict[str, dict[str, Any]] = {}
    for work in works:
        kept = {"earlier": folder / "earlier.pt", "now": folder / "now.pt"}
        both = {"earlier": earlier, "now": now}
        for name, version in both.items():
            version.ask(work=work, keep=str(kept[name]))
        times: dict[str, list[dict[str, float]]] = {"earlier": [], "now": []}
        for _ in range(repeats):
            for name, version in both.items():
                times[name].append(version.ask(work=work))
        row: dict[str, Any] = {"work": work, "repeats": repeats}
        for unit in ("seconds", "cpu"):
            samples = {name: [one[unit] for one in found] for name, found in times.items()}
            row[unit] = {name: statistics.median(found) for name, found in samples.items()}
            row[f"{unit} ratio"] = statistics.median(
                one / other for one, other in zip(samples["earlier"], samples["now"], strict=True)
            )
        rows[work] = {**row, "difference": differences(kept["earlier"], kept["now"])}
    return rows


def differences(one: Path, other: Path) -> dict[str, float]:
    """Return the norm of the difference of each array over its norm."""
    import torch

    first, second = torch.load(one), torch.load(other)
    return {
        name: float((second[name] - first[name]).norm() / first[name].norm().clamp_min(1e-30))
        for name in first
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("earlier", type=Path)
    parser.add_argument("works", nargs="*", default=["v4 64 320", "v5 64 320"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--busy", type=int, default=0, help="processes that take a core each")
    asked = parser.parse_intermixed_args()
    earlier, now = Version(asked.earlier), Version(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        disturbers = busy(asked.busy)
        try:
            rows = measured(earlier, now, asked.works, asked.repeats, Path(folder))
        finally:
            for one in disturbers:
                one.kill()
            earlier.close()
            now.close()
    from measure import record

    for work, row in rows.items():
        beside = f", beside {asked.busy} busy processes" if asked.busy else ""
        record("earlier", f"{work}{beside}", row)
        for unit in ("seconds", "cpu"):
            told = f"{row[unit]['earlier']:.3f} s, now {row[unit]['now']:.3f} s"
            print(f"{work}{beside}, {unit}: {told}, {row[f'{unit} ratio']:.2f} times as fast")
        print(f"  differs by {', '.join(f'{n} {v:.1e}' for n, v in row['difference'].items())}")


if __name__ == "__main__":
    main()
