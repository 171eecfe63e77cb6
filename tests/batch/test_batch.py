"""Many scans at once, in real processes."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import small_files
import torch
from systems import kill_with_children
from test_dicom import series
from typer.testing import CliRunner, Result

import napari_csc as csc
from napari_csc.batch.run import run_batch
from napari_csc.batch.scans import Order, Scan, find_scans
from napari_csc.batch.work import look, reconstruct_slice
from napari_csc.cli import app
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.io.formats.csc_acquisition import save_acquisition

SETTINGS = ["--dictionary", "dct-6-5", "--maps", "1.5sigma", "--iterations", "8"]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a cluster with one process, which several tests use in turn."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


def write_scan(path: Path, slices: int = 2, size: int = 40, seed: int = 0) -> Path:
    draw = np.random.default_rng(seed)
    images = draw.random((slices, size // 4, size // 4)).repeat(4, 1).repeat(4, 2)
    scan = csc.simulate_low_field(images, size // 2, generator=torch.Generator().manual_seed(seed))
    path.parent.mkdir(parents=True, exist_ok=True)
    save_acquisition(scan, path)
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "napari_csc.cli", "reconstruct", *map(str, arguments), *SETTINGS]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False)


def run_here(*arguments: object) -> Result:
    """The same in this process, where no others are started."""
    # The last of an option counts.
    return CliRunner().invoke(app, ["reconstruct", *SETTINGS, *map(str, arguments)])


def order(**settings: object) -> Order:
    values = {"dictionary": "dct-6-5", "maps": "1.5sigma", "iterations": 8, **settings}
    asked = csc.ReconstructionSettings.checked(**values)
    return Order(Reconstructor.from_settings(asked).settings)


def test_a_batch_is_the_same_as_one_by_one(tmp_path: Path) -> None:
    sources = [write_scan(tmp_path / f"in/scan{n}.h5", slices=n + 1, seed=n) for n in range(3)]
    done = run(tmp_path / "in", "-o", tmp_path / "out", "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert "3 of 3 scans" in done.stdout
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "scan0.h5",
        "scan1.h5",
        "scan2.h5",
    ]
    for source in sources:
        result = csc.load_result(tmp_path / "out" / source.name)
        alone = Reconstructor.from_settings(order().settings)(csc.load(source))
        torch.testing.assert_close(result.image, alone.image, rtol=0, atol=1e-5)
        torch.testing.assert_close(result.sparsity_maps, alone.sparsity_maps)
        assert result.image.shape == alone.image.shape
        assert [one["slice"] for one in result.history] == [one["slice"] for one in alone.history]
        assert result.provenance["input"] == alone.provenance["input"]
        assert torch.equal(result.reference, alone.reference)
        # The input is kept, as for one scan.
        kept = csc.load(tmp_path / "out" / source.name)
        assert torch.equal(kept.kspace, csc.load(source).kspace)


def test_bad_files_do_not_stop_the_rest(tmp_path: Path) -> None:
    good = [write_scan(tmp_path / f"good{n}.h5", seed=n) for n in range(2)]
    text = tmp_path / "text.h5"
    text.write_text("no scan")
    small = tmp_path / "small.npy"
    np.save(small, np.ones((4, 4), dtype=complex))
    missing = tmp_path / "missing.h5"
    done = run(good[0], text, small, missing, good[1], "-o", tmp_path / "out", "--workers", 2)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "2 of 5 scans" in done.stdout
    assert "3 failed" in done.stderr
    for path, words in ((text, "text"), (small, "at least 8"), (missing, "does not exist")):
        (line,) = [line for line in done.stderr.splitlines() if str(path) in line]
        assert words in line
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good0.h5", "good1.h5"]


def test_what_is_done_is_skipped_and_what_differs_is_refused(
    tmp_path: Path, scheduler: str
) -> None:
    scans = find_scans(
        [write_scan(tmp_path / "a.h5"), write_scan(tmp_path / "b.h5")], tmp_path / "o"
    )
    assert not any(report.problem for report in run_batch(scans, order(), scheduler))
    before = [scan.target.stat().st_mtime_ns for scan in scans]
    again = run_batch(scans, order(), scheduler)
    assert all(report.was_done for report in again)
    other = run_batch(scans, order(iterations=5), scheduler)
    assert all("other settings" in report.problem for report in other)
    assert [scan.target.stat().st_mtime_ns for scan in scans] == before
    replaced = run_batch(scans, Order(order(iterations=5).settings, overwrite=True), scheduler)
    assert not any(report.problem for report in replaced)
    assert len(csc.load_result(scans[0].target).history) == 2 * 5


def test_killed_half_way_and_run_again_loses_nothing(tmp_path: Path) -> None:
    for number in range(3):
        write_scan(tmp_path / f"in/scan{number}.h5", slices=6, size=64, seed=number)
    arguments = (tmp_path / "in", "-o", tmp_path / "out", "--workers", 2)
    running = subprocess.Popen(
        command(*arguments),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    finished: list[Path] = []
    while not finished and running.poll() is None:
        finished = [path for path in (tmp_path / "out").rglob("*.h5") if path.name[0] != "."]
        time.sleep(0.005)
    kill_with_children(running.pid)
    running.wait()
    kept = {path: path.stat().st_mtime_ns for path in finished if path.parent.name == "out"}
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    undisturbed = run(tmp_path / "in", "-o", tmp_path / "other", "--workers", 2)
    assert undisturbed.returncode == 0
    for number in range(3):
        images = [
            csc.load_result(tmp_path / folder / f"scan{number}.h5").image
            for folder in ("out", "other")
        ]
        assert torch.equal(*images)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"scan{number}.h5" for number in range(3)
    ]


def test_finished_slices_are_not_made_again(tmp_path: Path) -> None:
    (scan,) = find_scans([write_scan(tmp_path / "a.h5", slices=3)], tmp_path / "out")
    (tmp_path / "out").mkdir()
    assert look(scan, order()).missing == (0, 1, 2)
    assert reconstruct_slice(scan, order(), 1).problem == ""
    assert look(scan, order()).missing == (0, 2)
    # Other settings, or another input of the same name, start anew.
    assert look(scan, order(iterations=3)).missing == (0, 1, 2)
    scan.source.unlink()
    write_scan(scan.source, slices=3, size=44)
    assert look(scan, order()).missing == (0, 1, 2)


def test_an_existing_scheduler(tmp_path: Path, scheduler: str) -> None:
    source = write_scan(tmp_path / "a.h5")
    done = run(source, "-o", tmp_path / "out", "--scheduler", scheduler)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "a.h5").exists()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not installed")
def test_a_scheduler_with_tls(tmp_path: Path) -> None:
    from distributed import LocalCluster
    from distributed.security import Security

    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    made += ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    files = {
        f"tls_{role}_{name}": str(path)
        for role in ("scheduler", "worker", "client")
        for name, path in (("cert", certificate), ("key", key))
    }
    security = Security(tls_ca_file=str(certificate), require_encryption=True, **files)
    source = write_scan(tmp_path / "in" / "a.h5")
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        dashboard_address=None,
        protocol="tls://",
        security=security,
    ) as cluster:
        address = cluster.scheduler_address
        assert address.startswith("tls://")
        target = source, "-o", tmp_path / "out", "--scheduler", address
        plain = run(*target)
        assert plain.returncode == 1
        assert plain.stderr.count("\n") == 1, plain.stderr
        done = run(*target, "--tls-ca", certificate, "--tls-cert", certificate, "--tls-key", key)
    assert done.returncode == 0, done.stderr
    assert csc.load_result(tmp_path / "out" / "a.h5").image.shape[0] == 2


def test_a_scheduler_that_is_not_there(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "a.h5")
    done = run(source, "-o", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:9")
    assert done.returncode == 1
    assert "no dask scheduler" in done.stderr
    assert "Traceback" not in done.stderr


def test_files_folders_and_patterns(tmp_path: Path) -> None:
    for name in ("x/a.h5", "x/b.h5", "y/a.h5"):
        write_scan(tmp_path / name, slices=1)
    (tmp_path / "x/notes.txt").write_text("no scan")
    out = tmp_path / "out"

    def names(*inputs: Path) -> list[str]:
        return [scan.target.name for scan in find_scans(inputs, out)]

    assert names(tmp_path / "x") == ["a.h5", "b.h5"]
    assert names(tmp_path / "x" / "*.h5", tmp_path / "x" / "a.h5") == ["a.h5", "b.h5"]
    assert names(tmp_path / "x", tmp_path / "y") == ["x_a.h5", "b.h5", "y_a.h5"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(csc.CscError, match="No input"):
        names(tmp_path / "empty")
    with pytest.raises(csc.CscError, match="would replace it"):
        find_scans([tmp_path / "x/a.h5"], tmp_path / "x")
    np.save(tmp_path / "x/a.npy", np.ones(3))
    assert names(tmp_path / "x/a.h5", tmp_path / "x/a.npy") == ["x_a.h5", "x_a_2.h5"]
    assert Scan(tmp_path / "x/a.h5", out / "a.h5").parts(order()).parent == out / ".parts"


def test_a_folder_of_dicom_files_is_one_scan(tmp_path: Path, scheduler: str) -> None:
    """Or one a series, of which two may make complex images."""
    out, head = tmp_path / "out", tmp_path / "a head"
    series(head, SeriesDescription="T1", SeriesNumber=3, uid="1.3")

    def found(*inputs: Path, key: str | None = None) -> list[tuple[str, str | None]]:
        scans = find_scans(inputs, out, key)
        for scan in scans:
            options = scan.options(order()) if key is None else {"key": key}
            assert csc.load(scan.source, **options).shape == (4, 20, 24)
        return [(scan.target.name, scan.key) for scan in scans]

    assert found(head) == [("a head.h5", None)]
    assert found(head, key="T1") == [("a head.h5", None)]
    before = find_scans([head], out)[0].parts(order())
    (head / "a1").touch()
    assert find_scans([head], out)[0].parts(order()) != before
    write_scan(head / "raw.h5")
    assert [scan.target.name for scan in find_scans([head], out)] == ["a head.h5", "raw.h5"]
    (head / "raw.h5").unlink()
    series(head, prefix="b", SeriesDescription="T2", SeriesNumber=5, uid="1.5")
    assert found(head) == [("a head_3.h5", "3"), ("a head_5.h5", "5")]
    assert found(head, key="5") == [("a head.h5", None)]
    parts = [scan.parts(order()) for scan in find_scans([head], out)]
    assert parts[0] != parts[1]
    (tmp_path / "b head").mkdir()
    assert found(tmp_path / "* head")[:2] == [("a head_3.h5", "3"), ("a head_5.h5", "5")]
    reports = run_batch(find_scans([head], out), order(iterations=1), scheduler)
    assert not any(report.problem for report in reports)
    assert sorted(path.name for path in out.glob("*.h5")) == ["a head_3.h5", "a head_5.h5"]


def test_a_folder_of_complex_dicom_files_is_one_scan(tmp_path: Path) -> None:
    result = Reconstructor.from_settings(order(iterations=1).settings)(
        csc.load(write_scan(tmp_path / "scan.h5"))
    )
    csc.export(result, tmp_path / "complex", format="dicom", kind="complex")
    (scan,) = find_scans([tmp_path / "complex"], tmp_path / "out")
    assert scan.key is None or "+" in scan.key
    assert csc.load(scan.source, **scan.options(order())).shape == result.image.shape
    folder = tmp_path / "complex"
    arguments = (folder, "-o", tmp_path / "one.h5", "--iterations", 1)
    # Nothing tells the noise level of an image that is denoised already.
    done = run_here(*arguments)
    assert done.exit_code == 1
    assert "--accept-estimate" in done.stderr
    done = run_here(*arguments, "--accept-estimate")
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "one.h5").is_file()


def test_a_bart_pair_is_one_scan(tmp_path: Path) -> None:
    path = small_files.write("BART", tmp_path)
    assert [scan.source for scan in find_scans([tmp_path], tmp_path / "out")] == [path]
    assert len(find_scans([tmp_path / "*"], tmp_path / "out")) == 1


@pytest.mark.parametrize("workers", ["0", "-2"])
def test_numbers_of_processes_that_are_none(tmp_path: Path, workers: str) -> None:
    done = run_here(write_scan(tmp_path / "a.h5"), "-o", tmp_path / "out", "--workers", workers)
    assert done.exit_code == 1
    assert "processes" in done.stderr


def test_several_inputs_need_a_folder(tmp_path: Path) -> None:
    sources = [write_scan(tmp_path / f"{name}.h5") for name in "ab"]
    done = run_here(*sources, "-o", tmp_path / "out.h5")
    assert done.exit_code == 1
    assert "need a folder" in done.stderr
