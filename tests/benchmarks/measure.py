"""Timing, memory, results and bars that all benchmarks share."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import torch

QUICK = os.environ.get("NAPARI_CSC_BENCH") == "quick"
"""Tiny problems, to see that everything runs; bars are reported, not asserted."""
ROOT = Path(__file__).parents[2]
OUT = ROOT / "build" / "benchmarks" / ("quick" if QUICK else "")
CHILD = Path(__file__).with_name("child.py")


# ---------------------------------------------------------------- time


@dataclass(frozen=True)
class Spread:
    """Seconds: median, least and most of some samples."""

    median: float
    low: float
    high: float
    samples: int

    @classmethod
    def of(cls, samples: list[float]) -> Spread:
        return cls(statistics.median(samples), min(samples), max(samples), len(samples))


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def interleaved(
    works: Mapping[str, Callable[[int], object]], counts: Mapping[str, int], repeats: int
) -> dict[str, Spread]:
    """Time one call after the other, again and again, so that disturbances hit all alike.

    A work is called with its count and the time divided by it.
    """
    samples: dict[str, list[float]] = {name: [] for name in works}
    gc.collect()
    for _ in range(repeats):
        for name, work in works.items():
            count = counts[name]
            begin = time.perf_counter()
            work(count)
            samples[name].append((time.perf_counter() - begin) / count)
    return {name: Spread.of(values) for name, values in samples.items()}


# ---------------------------------------------------------------- memory


def resident() -> int:
    """Bytes of memory that the process holds now."""
    return int(psutil.Process().memory_info().rss)


class Peak:
    """The most memory held inside a ``with`` block, beyond what was held before it.

    Linux keeps the high-water mark and lets us reset it. Elsewhere the mark of the whole life of
    the process is all there is, which is right in a process that did nothing larger before.
    """

    bytes = 0

    def __enter__(self) -> Peak:
        _give_back()
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        self.before = resident()
        return self

    def __exit__(self, *_: object) -> None:
        self.highest = _high_water()
        self.bytes = max(0, self.highest - self.before)


def _give_back() -> None:
    """Return freed memory to the system, so that its next use is counted."""
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def _high_water() -> int:
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def page_faults(work: Callable[[], object]) -> float:
    """Bytes that the system had to map and clear for a call: what allocation costs."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    work()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize()


def in_fresh_process(task: str, **arguments: Any) -> dict[str, Any]:
    """Run a function of ``child.py`` in a process of its own and return what it measured."""
    command = [sys.executable, str(CHILD), json.dumps({"task": task, **arguments})]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{task} {arguments} failed:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


# ---------------------------------------------------------------- results


@cache
def machine() -> dict[str, Any]:
    """What the figures depend on."""
    model, flags = platform.processor() or platform.machine(), ""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                model = value.strip()
            elif key.strip() == "flags":
                flags = value
    except OSError:
        pass
    known = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile")
    return {
        "processor": model,
        "cores": psutil.cpu_count(logical=False) or os.cpu_count(),
        "threads": torch.get_num_threads(),
        "instructions": [name for name in known if name in flags.split()],
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def record(section: str, key: str, figures: Mapping[str, Any]) -> None:
    """Write one row of a section; rows of another machine are dropped."""
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{section}.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    rows = known.get("rows", {}) if known.get("machine") == machine() else {}
    rows[key] = dict(figures)
    content = {"machine": machine(), "date": date.today().isoformat(), "rows": rows}
    path.write_text(json.dumps(content, indent=1))
    print(f"\n{section} {key}: {_short(figures)}")


def _short(figures: Mapping[str, Any]) -> str:
    plain = {name: value for name, value in figures.items() if isinstance(value, (int, float, str))}
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in plain.items()
    )


def bar(
    name: str,
    value: float,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    setting: str = "",
) -> bool:
    """Record whether a promised limit holds. ``holds`` asserts it, once all is recorded."""
    met = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
    figures = {"name": name, "setting": setting, "value": value, "met": met}
    record("bars", f"{name} | {setting}", {**figures, "at_most": at_most, "at_least": at_least})
    return met


def hold(*met: bool) -> None:
    """Assert bars (in quick mode they are only reported)."""
    assert QUICK or all(met), "a bar is missed; see the lines 'bars' above"
