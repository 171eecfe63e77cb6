"""Beside busy programs fewer threads are taken, and never others than were chosen."""

import pytest
import torch
from helper import relative, small_scan

from napari_csc.core import busy_cores
from napari_csc.core.busy_cores import busy_elsewhere, threads_beside
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.reconstruction import devices
from napari_csc.core.reconstruction.devices import set_threads, threads_for_now
from napari_csc.core.reconstruction.reconstructor import Reconstructor

CPU = torch.device("cpu")
RUNNING_HERE = busy_cores._running_here


@pytest.fixture(autouse=True)
def _nothing_chosen(monkeypatch):
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(devices, "_are_threads_chosen", False)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def tell(monkeypatch, tmp_path, *texts):
    """Let the system tell something else at each look."""
    told = iter([*texts, *[texts[-1]] * 10])

    class Told:
        def read_text(self, encoding):
            text = next(told)
            if text is None:
                raise OSError
            return text

    monkeypatch.setattr(busy_cores, "_TELLS", Told())


@pytest.fixture(autouse=True)
def _only_this_thread(monkeypatch):
    monkeypatch.setattr(busy_cores, "_running_here", lambda: 1)


def test_threads_of_this_process_are_no_others(monkeypatch, tmp_path):
    for number, state in enumerate("RSRD"):
        (tmp_path / str(number)).mkdir()
        text = f"{number} (a name) R) {state} 1 2 3"
        (tmp_path / str(number) / "stat").write_text(text, "utf-8")
    (tmp_path / "ended").mkdir()
    monkeypatch.setattr(busy_cores, "_running_here", RUNNING_HERE)
    monkeypatch.setattr(busy_cores, "_TASKS", tmp_path)
    tell(monkeypatch, tmp_path, "0 0 0 5/300 1")
    assert busy_elsewhere() == 3


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["9.1 8 7 10/300 1"], 9),
        (["0 0 0 1/300 1"], 0),
        (["0 0 0 0/300 1"], 0),
        (["0 0 0 2/9 1", "0 0 0 30/9 1", "0 0 0 3/9 1"], 2),
        ([None], None),
        (["something else"], None),
        (["0 0 0 many/9 1"], None),
    ],
)
def test_who_else_wants_a_core(monkeypatch, tmp_path, texts, expected):
    tell(monkeypatch, tmp_path, *texts)
    assert busy_elsewhere() == expected


def test_threads_beside_others():
    assert [threads_beside(others, 2) for others in (None, 0, 1, 2, 9)] == [2, 2, 1, 1, 1]
    assert [threads_beside(others, 8) for others in (None, 0, 1, 7, 8, 40)] == [8, 8, 7, 1, 1, 1]


def test_a_reconstruction_takes_one_beside_many_and_says_so(monkeypatch, tmp_path):
    scan = small_scan(slices=1)
    reconstruct = Reconstructor(Dictionary.dct(8, 5), 1.0, iterations=4, device="cpu")
    tell(monkeypatch, tmp_path, "0 0 0 1/9 1")
    quiet = reconstruct(scan)
    tell(monkeypatch, tmp_path, "0 0 0 12/9 1")
    busy = reconstruct(scan)
    assert quiet.provenance["hardware"] == "cpu, 2 threads"
    assert busy.provenance["hardware"] == "cpu, 1 thread"
    assert torch.get_num_threads() == 2
    assert relative(busy.image, quiet.image) < 1e-5


def test_they_are_as_usual_again_after_an_error(monkeypatch, tmp_path):
    tell(monkeypatch, tmp_path, "0 0 0 12/9 1")

    def go_wrong():
        with threads_for_now(CPU):
            assert torch.get_num_threads() == 1
            raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        go_wrong()
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("by", ["set_threads", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "a card"])
def test_what_was_chosen_stays(monkeypatch, tmp_path, by):
    tell(monkeypatch, tmp_path, "0 0 0 12/9 1")
    if by == "set_threads":
        set_threads(2)
    elif by != "a card":
        monkeypatch.setenv(by, "2")
    with threads_for_now(torch.device("cuda") if by == "a card" else CPU):
        assert torch.get_num_threads() == 2
