"""What is read is never replaced, by whatever name it is called."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from systems import linked, posix_only

from napari_csc.errors import CscError
from napari_csc.storage.atomic import (
    remove_leftovers,
    replacing,
    replacing_all,
    replacing_folder,
)
from napari_csc.storage.targets import check_target, protecting


def _link(folder: Path, raw: Path) -> Path:
    return linked(folder / "link.h5", raw)


def _linked_folder(folder: Path, raw: Path) -> Path:
    return linked(folder / "elsewhere", folder, folder=True) / raw.name


def _hard_link(folder: Path, raw: Path) -> Path:
    os.link(raw, folder / "hard.h5")
    return folder / "hard.h5"


def _by_dots(folder: Path, raw: Path) -> Path:
    (folder / "sub").mkdir()
    return folder / "sub" / ".." / raw.name


NAMES: dict[str, Callable[[Path, Path], Path]] = {
    "itself": lambda folder, raw: raw,
    "dots": _by_dots,
    "link": _link,
    "linked folder": _linked_folder,
    "hard link": _hard_link,
}


@pytest.mark.parametrize("name", NAMES)
def test_an_input_is_never_replaced(tmp_path: Path, name: str) -> None:
    raw = tmp_path / "raw.h5"
    raw.write_text("measured")
    target = NAMES[name](tmp_path, raw)
    with pytest.raises(CscError, match="never replaced"):
        check_target(target, overwrite=True, inputs=[raw])
    # And the other way round.
    with (
        protecting([target]),
        pytest.raises(CscError, match="never replaced"),
        replacing(raw, overwrite=True) as part,
    ):
        part.write_text("result")
    assert raw.read_text() == "measured"


def test_partners_of_an_input_are_inputs(tmp_path: Path) -> None:
    for name in ("scan.cfl", "scan.hdr"):
        (tmp_path / name).write_text("measured")
    with pytest.raises(CscError, match="never replaced"):
        check_target(tmp_path / "scan.hdr", overwrite=True, inputs=[tmp_path / "scan.cfl"])


def test_a_folder_that_is_read_is_not_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    (folder / "a.dcm").write_text("measured")
    for inputs in ([folder], [folder / "a.dcm"]):
        with (
            protecting(inputs),
            pytest.raises(CscError, match="never replaced"),
            replacing_folder(folder, True, lambda path: True),
        ):
            pass
    assert (folder / "a.dcm").read_text() == "measured"


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_to_elsewhere_is_written_through(tmp_path: Path, exists: bool) -> None:
    (tmp_path / "far").mkdir()
    real, link = tmp_path / "far/real.h5", tmp_path / "link.h5"
    if exists:
        real.write_text("before")
    linked(link, real)
    with replacing(link, overwrite=True) as part:
        part.write_text("after")
    assert link.is_symlink()
    assert real.read_text() == "after"
    assert sorted(path.name for path in tmp_path.rglob("*.h5")) == ["link.h5", "real.h5"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere/a.h5", "does not exist"),
        ("folder", "is a folder"),
        ("file/a.h5", "does not exist|could not be written"),
        ("x" * 300 + ".h5", "could not be written"),
        ("loop", "leads nowhere"),
    ],
)
def test_places_that_cannot_be_written_are_told(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("a file")
    linked(tmp_path / "loop", tmp_path / "loop")
    with (
        pytest.raises(CscError, match=words),
        replacing(tmp_path / name, overwrite=True) as part,
    ):
        part.write_text("result")


def test_a_folder_without_rights_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The superuser may write everywhere, so the question is answered for it.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(CscError, match="cannot be written; check its rights"):
        check_target(tmp_path / "a.h5")


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(CscError, match="No space left"), replacing(tmp_path / "a.h5"):
        full.write_text("x")
    assert not list(tmp_path.iterdir())


@posix_only
def test_half_files_of_killed_processes_go_away(tmp_path: Path) -> None:
    def killed(name: str) -> None:
        process = os.fork()
        if process == 0:
            with replacing(tmp_path / name) as part:
                part.write_text("half")
                os._exit(1)
        os.waitpid(process, 0)

    killed("a.h5")
    assert len(list(tmp_path.iterdir())) == 1
    with replacing(tmp_path / "a.h5") as part:
        part.write_text("whole")
        # That of a process that lives stays.
        remove_leftovers(tmp_path)
        assert part.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]
    killed("b.h5")
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize("has_hard_links", [True, False])
def test_what_came_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_hard_links: bool
) -> None:
    def refuse(*paths: object) -> None:
        raise OSError("no hard links here")

    if not has_hard_links:
        monkeypatch.setattr(os, "link", refuse)
    one, two = tmp_path / "one.h5", tmp_path / "two.h5"
    with replacing(one) as part:
        part.write_text("mine")
    assert one.read_text() == "mine"

    def late(targets: list[Path], meanwhile: Path) -> None:
        with replacing_all(targets) if len(targets) > 1 else replacing(targets[0]) as parts:
            for part in parts if isinstance(parts, list) else [parts]:
                part.write_text("late")
            meanwhile.write_text("of another run")

    for targets in ([two], [tmp_path / "three.h5", tmp_path / "four.h5"]):
        with pytest.raises(CscError, match="exists already"):
            late(targets, targets[-1])
        assert targets[-1].read_text() == "of another run"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["four.h5", "one.h5", "two.h5"]
