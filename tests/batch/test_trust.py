"""A batch is never wrong in silence: by content, within its folder, and closed to others."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from systems import linked
from test_batch import command, order, run_here, write_scan

import napari_csc as csc
from napari_csc.batch.run import run_batch
from napari_csc.batch.scans import Order, Scan, files_left_out, find_scans
from napari_csc.batch.work import clear_parts, join, look, reconstruct_slice

LISTENS = "0A"


def write_filters(path: Path, seed: int) -> Path:
    csc.Dictionary.dct(4 + seed, 5).save(path)
    return path


def one_scan(folder: Path, slices: int = 2) -> Scan:
    (scan,) = find_scans([write_scan(folder / "in/a.h5", slices=slices)], folder / "out")
    scan.target.parent.mkdir()
    return scan


def test_a_replaced_dictionary_starts_anew(tmp_path: Path) -> None:
    filters, scan = write_filters(tmp_path / "d.safetensors", 0), one_scan(tmp_path)
    asked = order(dictionary=str(filters), iterations=1)
    first = asked.fixed()
    assert look(scan, first).missing == (0, 1)
    assert not reconstruct_slice(scan, first, 0).problem
    write_filters(filters, 1)
    # Within a batch it is told; another batch takes nothing of what was made before.
    assert "replaced" in reconstruct_slice(scan, first, 1).problem
    second = asked.fixed()
    assert look(scan, second).missing == (0, 1)
    for index in range(2):
        assert not reconstruct_slice(scan, second, index).problem
    assert not join(scan, second).problem
    result = csc.load_result(scan.target)
    assert result.provenance["dictionary"]["digest"] == csc.Dictionary.load(filters).digest
    assert look(scan, second).is_done
    write_filters(filters, 2)
    assert "other settings, filters" in look(scan, asked).problem


def test_a_damaged_part_heals_and_another_batch_does_not_disturb(tmp_path: Path) -> None:
    scan, asked = one_scan(tmp_path), order(iterations=1).fixed()
    look(scan, asked)
    for index in range(2):
        assert not reconstruct_slice(scan, asked, index).problem
    part = scan.parts(asked) / "00001.h5"
    part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
    assert not join(scan, asked).problem
    assert len(csc.load_result(scan.target).image) == 2
    # A second batch, which looked before the first ended, finds its parts gone.
    assert not reconstruct_slice(scan, asked, 1).problem
    assert not join(scan, asked).problem
    clear_parts(scan.target.parent)
    assert [path.name for path in scan.target.parent.iterdir()] == ["a.h5"]


def test_names_keep_what_is_no_ending(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((2, 24, 24))
    for name in ("scan.1.npy", "scan.2.npy", "Head.npy", "head.NPY", "head.nii.npy"):
        np.save(tmp_path / "in.npy", images)
        (tmp_path / "in").mkdir(exist_ok=True)
        shutil.move(
            tmp_path / "in.npy",
            tmp_path / "in" / name.removesuffix(".npy")
            if "scan" in name
            else tmp_path / "in" / name,
        )
    names = sorted(scan.target.name for scan in find_scans([tmp_path / "in"], tmp_path / "out"))
    assert {"scan.1.h5", "scan.2.h5", "head.nii.h5"} <= set(names)
    assert len({name.casefold() for name in names}) == len(names) == 5


def test_a_folder_of_its_own_results_can_be_resumed(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).random((1, 24, 24)))
    (tmp_path / "notes.txt").write_text("no scan")
    (tmp_path / "cut.nii").write_bytes(b"cut off")
    arguments = (tmp_path, "-o", tmp_path, "--iterations", 1, "--accept-estimate", "--workers", 1)
    for line in ("written", "skipped"):
        done = run_here(*arguments)
        assert f"{line}  {tmp_path / 'a.h5'}" in done.stdout, done.output
        assert "1 of 2 scans" in done.stdout
        assert done.exit_code == 1
        assert "cut.nii" in done.stderr
        assert "1 file is no scan" in done.stderr
    assert files_left_out([tmp_path])[0].startswith(str(tmp_path / "notes.txt"))


@pytest.mark.parametrize("way", ["itself", "link", "dots"])
def test_a_batch_replaces_no_input(tmp_path: Path, way: str) -> None:
    raw = write_scan(tmp_path / "in/raw.h5")
    before = raw.read_bytes()
    linked(tmp_path / "link", tmp_path / "in", folder=True)
    (tmp_path / "sub").mkdir()
    output = {"itself": raw.parent, "link": tmp_path / "link", "dots": tmp_path / "sub/../in"}[way]
    done = run_here(raw, "-o", output, "--overwrite")
    assert done.exit_code == 1
    assert "would replace it" in done.stderr
    assert raw.read_bytes() == before


def listening(processes: list[psutil.Process]) -> set[str]:
    """The sockets on which processes wait for others over the network."""
    inodes = set()
    for process in processes:
        for link in Path(f"/proc/{process.pid}/fd").glob("*"):
            try:
                inodes.add(os.readlink(link))
            except OSError:
                continue
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == LISTENS and f"socket:[{words[9]}]" in inodes:
                found.add(words[1])
    return found


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs /proc")
def test_a_batch_opens_no_port_and_ends_with_one_sentence(tmp_path: Path) -> None:
    for number in range(12):
        write_scan(tmp_path / f"in/scan{number}.h5", slices=8, size=64, seed=number)
    running = subprocess.Popen(
        [*command(tmp_path / "in", "-o", tmp_path / "out", "--workers", 2), "--iterations", "1500"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    tree: list[psutil.Process] = []
    while running.poll() is None and not list((tmp_path / "out").rglob("*.h5")):
        tree = [psutil.Process(running.pid), *psutil.Process(running.pid).children(recursive=True)]
        assert not listening(tree)
        time.sleep(0.1)
    assert len(tree) >= 3
    # As a terminal does: to all of them.
    os.killpg(running.pid, signal.SIGINT)
    _, told = running.communicate(timeout=120)
    assert running.returncode == 130
    assert told.strip().count("\n") == 0
    assert told.strip().startswith("Interrupted")
    _, alive = psutil.wait_procs(tree, timeout=60)
    assert not alive


def test_what_is_complete_is_skipped_without_torch(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in/a.h5")
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    code = (
        "import sys\nfrom napari_csc.cli import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit as end: print('torch' in sys.modules, end.code)"
    )

    def again() -> str:
        arguments = command(tmp_path / "in", "-o", tmp_path / "out", "--workers", 1)[3:]
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert again().endswith("True 0\n")
    assert again().endswith("1 of 1 scans in " + f"{tmp_path / 'out'}\nFalse 0\n")
    # Another input, or a result that was touched, is looked at.
    source.unlink()
    write_scan(source, seed=1)
    assert again().endswith("True 1\n")


def test_memory_that_runs_out_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan, asked = one_scan(tmp_path), order(iterations=1)
    for error in (
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ):

        def fail(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr("napari_csc.batch.work._acquisition", fail)
        assert look(scan, asked).problem == (
            "a.h5 does not fit into memory; use fewer processes (--workers)."
        )


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    scan = Scan(write_scan(tmp_path / "a.h5"), tmp_path / "file" / "out" / "a.h5")
    with pytest.raises(csc.CscError, match="could not be written"):
        run_batch([scan], Order(order().settings))
