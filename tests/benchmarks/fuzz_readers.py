"""Mutate a small file of each format, load it, and count what comes of it.

Each process of a few hundred mutations has limits of memory and time, so that a crash, a hang or a
leak of a C library is seen. ``make fuzz ARGS=--help`` tells the options; every case can be made
again by its number: ``--formats M4Raw --only 1234 --keep bad.h5``.
"""

from __future__ import annotations

import argparse
import faulthandler
import gzip
import io
import json
import logging
import os
import re
import resource
import signal
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import h5py
import nibabel
import numpy as np
import plain_published_network
import small_files
import torch
from crafted import CRAFTED
from damage import checked_message
from helper import fresh_network
from scipy.io import savemat

import napari_csc as csc
from napari_csc.core.maps import save_map_network

LONGEST_SECONDS = 10
"""Of the processor, whatever else the machine does."""
HANGS_SECONDS = 60
MOST_BYTES = 2**30
"""What a file may take; a process has more, so that it can be told how much it was."""
LARGEST_BYTES = 6 * 2**30
HEADER_BYTES = 4096
CRAFTED_SHARE = 0.3
"""Of the mutations of formats for which some damage is made on purpose."""
KINDS = (
    "bits",
    "bytes",
    "cut",
    "zeros",
    "repeated block",
    "numbers swapped",
    "huge number",
    "number in text",
    "type in text",
)
TWICE = "two at once"


def mutate(content: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """Return a damaged copy, and how: one of nine kinds of damage, or two of them."""
    data = bytearray(content)
    kinds = [_damage(data, draw) for _ in range(int(draw.integers(1, 3))) if data]
    return bytes(data), KINDS[kinds[0]] if len(kinds) == 1 else TWICE


def _damage(data: bytearray, draw: np.random.Generator) -> int:
    reach = len(data) if draw.random() < 0.5 else min(len(data), HEADER_BYTES)
    start, length = int(draw.integers(reach)), int(2 ** draw.integers(0, 9))
    kind = int(draw.integers(9))
    if kind == 0:
        for _ in range(int(draw.integers(1, 9))):
            data[int(draw.integers(reach))] ^= 1 << int(draw.integers(8))
    elif kind == 1:
        for _ in range(int(draw.integers(1, 9))):
            data[int(draw.integers(reach))] = int(draw.integers(256))
    elif kind == 2:
        del data[int(draw.integers(len(data))) :]
    elif kind == 3:
        data[start : start + length] = bytes(len(data[start : start + length]))
    elif kind == 4:
        data[start:start] = data[start : start + length]
    elif kind == 5:
        # Two whole numbers change places.
        size = int(draw.choice([2, 4, 8]))
        one, other = (int(n) // size * size for n in draw.integers(reach, size=2))
        first, second = data[one : one + size], data[other : other + size]
        if len(first) == len(second) and abs(one - other) >= size:
            data[one : one + size], data[other : other + size] = second, first
    elif kind == 6:
        # A number that asks for much, or is negative.
        size = int(draw.choice([1, 2, 4, 8]))
        value = [b"\xff" * size, b"\xff" * (size - 1) + b"\x7f", bytes(size - 1) + b"\x10"]
        start = start // size * size
        data[start : start + size] = value[int(draw.integers(3))][: len(data) - start]
    elif kind == 7:
        # A number written as text asks for much: sizes, skips, offsets.
        found = list(re.finditer(rb"\d+", data[:reach]))
        if found:
            one = found[int(draw.integers(len(found)))]
            data[one.start() : one.end()] = draw.choice([b"999999999999", b"2000000000", b"-1"])
    else:
        # A type written as text becomes one of any length, or a structure.
        found = list(re.finditer(rb"[<>|][biufcU]\d+", data))
        if found:
            one = found[int(draw.integers(len(found)))]
            data[one.start() : one.end()] = draw.choice([b"S1000000000", b"(9999,9999)f8", b"O"])
    return kind


def mutated(name: str, path: Path, content: dict[str, bytes], draw: np.random.Generator) -> str:
    """Write a damaged copy of a file, or of one file of a pair, to its place; return how."""
    made = CRAFTED.get(name, {})
    if made and draw.random() < CRAFTED_SHARE:
        for one, data in content.items():
            path.with_name(path.name.split(".")[0] + one).write_bytes(data)
        kind = str(draw.choice(sorted(made)))
        made[kind](path, draw)
        return kind
    suffix = str(draw.choice(sorted(content)))
    how = ""
    for one, data in content.items():
        target = path.with_name(path.name.split(".")[0] + one)
        if one != suffix:
            target.write_bytes(data)
        elif draw.random() < 0.7 and suffix in (".nii.gz", ".mgz", ".npz"):
            # What is compressed is reached only by packing it again.
            packed, how = _repacked(data, suffix, draw)
            target.write_bytes(packed)
        else:
            changed, how = mutate(data, draw)
            target.write_bytes(changed)
    return how


def _repacked(data: bytes, suffix: str, draw: np.random.Generator) -> tuple[bytes, str]:
    if suffix != ".npz":
        changed, how = mutate(gzip.decompress(data), draw)
        return gzip.compress(changed, 1), how
    packed, hows = io.BytesIO(), []
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(packed, "w") as target:
        for one in source.infolist():
            changed, how = mutate(source.read(one), draw)
            target.writestr(one.filename, changed)
            hows.append(how)
    return packed.getvalue(), hows[0] if len(hows) == 1 else TWICE


def _load(path: Path) -> None:
    acquisition = csc.load(path)
    assert bool(torch.isfinite(torch.view_as_real(acquisition.kspace)).all())


def _load_both(path: Path) -> None:
    """Load a result and the input in it; one sentence for either is told."""
    csc.load_result(path)
    _load(path)


def _load_filters(path: Path) -> None:
    assert bool(torch.isfinite(csc.Dictionary.load(path).filters).all())


def _load_weights(path: Path) -> None:
    csc.load_map_network(path)


def _filters(write: Callable[[Path, np.ndarray], object]) -> Callable[[Path], object]:
    return lambda path: write(path, csc.Dictionary.dct(3, 5).filters.numpy())


def _dictionaries() -> dict[str, tuple[str, Callable[[Path], object]]]:
    return {
        "filters npy": (".npy", _filters(np.save)),
        "filters npz": (".npz", _filters(lambda path, one: np.savez(path, filters=one))),
        "filters mat": (".mat", _filters(lambda path, one: savemat(path, {"D": one}))),
        "filters mat 7.3": (
            ".mat",
            _filters(lambda path, one: small_files.test_array_files.write_v73(path, D=one)),
        ),
        "filters pt": (".pt", _filters(lambda path, one: torch.save(torch.from_numpy(one), path))),
        "filters safetensors": (".safetensors", lambda path: csc.Dictionary.dct(3, 5).save(path)),
        "weights pt": (".pt", _published_weights),
        "weights safetensors": (
            ".safetensors",
            lambda path: save_map_network(fresh_network("v3"), path),
        ),
    }


def _published_weights(path: Path) -> None:
    model = plain_published_network.Model(torch.ones(3, 5, 5) / 5, 2, 1)
    torch.save(model.state_dict(), path)


def _further() -> dict[str, tuple[str, Callable[[Path], object]]]:
    """Return how files are written that are read by the same as others, in other ways."""

    def arrays(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file["raw/kspace"] = small_files.kspace()

    def volume(path: Path) -> None:
        nibabel.save(nibabel.MGHImage(np.abs(small_files.images()).T, np.eye(4)), path)

    def stream(path: Path) -> None:
        from mrd2_scans import header, lines, stream

        kspace = small_files.kspace()[:, None]
        path.write_bytes(stream(header((kspace.shape[3], kspace.shape[2], 1)), lines(kspace)))

    found = {"HDF5 arrays": (".h5", arrays), "FreeSurfer mgz": (".mgz", volume)}
    # Where the package mrd-python is.
    return found | ({"MRD 2": (".mrd", stream)} if find_spec("mrd") else {})


def _writers() -> dict[str, tuple[str, Callable[[Path], object]]]:
    return {**small_files.WRITERS, **_further(), **_dictionaries()}


@dataclass
class Counts:
    """What came of the mutations of one format."""

    mutations: int = 0
    loaded: int = 0
    told: int = 0
    crashes: list[str] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, -1)
    peak: tuple[int, int] = (0, -1)

    def add(self, other: Counts) -> None:
        """Count what came of others as well."""
        self.mutations += other.mutations
        self.loaded += other.loaded
        self.told += other.told
        self.crashes += other.crashes
        self.slowest = max(self.slowest, other.slowest)
        self.peak = max(self.peak, other.peak)

    def row(self, name: str) -> str:
        """Return a row of the table."""
        return (
            f"| {name} | {self.mutations} | {self.loaded} | {self.told} | {len(self.crashes)} | "
            f"{self.slowest[0]:.2f} s | {self.peak[0] / 2**20:.0f} MiB |"
        )


def _reset_peak() -> int:
    """Forget the peak of memory, where the system can, and return what is in use."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def _peak() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


def _one(path: Path, load: Callable[[Path], None]) -> tuple[str, str]:
    try:
        load(path)
    except csc.CscError as error:
        try:
            checked_message(error)
        except AssertionError:
            return "crash", f"no plain sentence: {error}"
        return "told", str(error)
    except BaseException as error:
        return "crash", f"{type(error).__name__}: {error}"
    return "loaded", ""


def _child(name: str, cases: list[int], into: Path, keep: Path | None) -> None:
    """Load mutations, and write a line before and after each."""
    warnings.simplefilter("ignore")
    soft = LARGEST_BYTES + int(Path("/proc/self/statm").read_text().split()[0]) * 4096
    resource.setrlimit(resource.RLIMIT_AS, (soft, soft))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    suffix, write = _writers()[name]
    others = {"filters": _load_filters, "weights": _load_weights}
    load = _load_both if name == "own result" else others.get(name.split()[0], _load)
    with tempfile.TemporaryDirectory() as folder, into.open("w", buffering=1) as lines:
        path = Path(folder, f"a{suffix}")
        write(path)
        names = [path, path.with_suffix(".hdr")] if name == "BART" else [path]
        content = {one.name[1:]: one.read_bytes() for one in names}
        load(path)
        for case in cases:
            kind = mutated(name, path, content, np.random.default_rng([case, *name.encode()]))
            if keep is not None:
                keep.write_bytes(path.read_bytes())
            lines.write(json.dumps({"begun": case, "kind": kind}) + "\n")
            before, begin = _reset_peak(), time.process_time()
            with (Path(folder) / "trace").open("w") as trace:
                faulthandler.dump_traceback_later(HANGS_SECONDS, exit=True, file=trace)
                what, text = _one(path, load)
                faulthandler.cancel_dump_traceback_later()
            taken, peak = time.process_time() - begin, _peak() - before
            if taken > LONGEST_SECONDS:
                what, text = "crash", f"took {taken:.1f} s"
            if peak > MOST_BYTES:
                what, text = "crash", f"took {peak / 2**20:.0f} MiB"
            facts = {"case": case, "what": what, "text": text, "seconds": taken, "bytes": peak}
            facts["kind"] = kind
            lines.write(json.dumps(facts) + "\n")


def _import_everything() -> None:
    """Load a scan of several coils, so that no case has to wait for imports."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.npy")
        np.save(path, np.stack([small_files.kspace()] * 2, axis=1))
        csc.load(path, axes="slice,coil,y,x")


def fuzz(name: str, cases: list[int], batch: int, keep: Path | None = None) -> dict[str, Counts]:
    """Load mutations of a format, in processes of ``batch`` each; return counts by kind."""
    kinds: dict[str, Counts] = {}
    left = list(cases)
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder, "lines")
        while left:
            into.write_text("")
            pid = os.fork()
            if pid == 0:
                try:
                    _child(name, left[:batch], into, keep)
                    os._exit(0)
                except BaseException as error:
                    print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                    os._exit(99)
            _, status = os.waitpid(pid, 0)
            begun, done, kind = -1, 0, ""
            for line in into.read_text().splitlines():
                facts = json.loads(line)
                if "begun" in facts:
                    begun, kind = facts["begun"], facts["kind"]
                    continue
                done, begun = done + 1, -1
                _count(kinds.setdefault(facts["kind"], Counts()), facts)
            if begun >= 0:
                # The process went with this case.
                done += 1
                counts = kinds.setdefault(kind, Counts())
                counts.mutations += 1
                counts.crashes.append(f"{begun}: {kind}: {_ending(status)}")
            elif status:
                raise SystemExit(f"{name}: the process ended before its first case.")
            left = left[done:]
    return kinds


def _count(counts: Counts, facts: dict) -> None:
    counts.mutations += 1
    counts.loaded += facts["what"] == "loaded"
    counts.told += facts["what"] == "told"
    if facts["what"] == "crash":
        counts.crashes.append(f"{facts['case']}: {facts['kind']}: {facts['text'][:300]}")
    counts.slowest = max(counts.slowest, (facts["seconds"], facts["case"]))
    counts.peak = max(counts.peak, (facts["bytes"], facts["case"]))


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"took more than {HANGS_SECONDS} s, or left with {os.WEXITSTATUS(status)}"


def main() -> None:
    """Count for each format, and print a table."""
    names = list(_writers())
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--formats", nargs="*", default=names, choices=names, metavar="FORMAT")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--batch", type=int, default=500, help="cases in a process")
    parser.add_argument("--only", type=int, help="one case, and what comes of it")
    parser.add_argument("--keep", type=Path, help="where to keep the file of that case")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable()
    _import_everything()
    first, count = (asked.first, asked.count) if asked.only is None else (asked.only, 1)
    by_kind: dict[str, Counts] = {}
    _heading("format")
    for name in asked.formats:
        whole = Counts()
        kinds = fuzz(name, list(range(first, first + count)), asked.batch, asked.keep)
        for kind, counts in kinds.items():
            whole.add(counts)
            by_kind.setdefault(kind, Counts()).add(counts)
        print(whole.row(name), flush=True)
        places = f"slowest {whole.slowest[1]}, most memory {whole.peak[1]}"
        print(f"{name}: {places}", *whole.crashes, sep="\n  ", file=sys.stderr, flush=True)
    _heading("kind of damage")
    for kind in sorted(by_kind):
        print(by_kind[kind].row(kind), flush=True)


def _heading(first: str) -> None:
    print(f"\n| {first} | mutations | loaded | told | crashes | slowest | peak memory |")
    print("|---|---|---|---|---|---|---|", flush=True)


if __name__ == "__main__":
    main()
