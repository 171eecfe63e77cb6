"""What the sections share: lanes that wait for no others, models, an end to all of it."""

import threading

import pytest

from napari_csc.viewer.layers import ScanLayers
from napari_csc.viewer.session import Session
from napari_csc.viewer.workbench import Workbench


class Nothing:
    """In place of the layers."""

    def close(self) -> None:
        pass


@pytest.fixture
def workbench():
    made = Workbench(Session(), Nothing(), lambda function: function(), lambda sentence: None)  # type: ignore[arg-type]
    yield made
    made.close()


def ran_in(workbench: Workbench, name: str, thread: str = "") -> str:
    """Return the thread that a lane works in."""
    from napari_csc.viewer.background.lane import Handlers

    found: list[str] = []
    done = threading.Event()

    def work(ticket: object) -> None:
        found.append(threading.current_thread().name)

    workbench.lane(name, (), thread).start(
        work, Handlers(lambda _: done.set(), lambda sentence: done.set())
    )
    assert done.wait(60)
    return found[0].rpartition("_")[0]


def test_lanes_are_made_at_first_use_and_named_threads_are_shared(workbench: Workbench) -> None:
    assert workbench.lane("figures", ()) is workbench.lane("figures", ())
    assert ran_in(workbench, "one") == "napari-csc-one"
    assert ran_in(workbench, "other", "one") == "napari-csc-one"
    assert ran_in(workbench, "third") == "napari-csc-third"


def test_a_closed_workbench_starts_nothing_any_more(workbench: Workbench) -> None:
    closed = []

    class Model:
        def __init__(self, given: Workbench) -> None:
            assert given is workbench

        def close(self) -> None:
            closed.append(self)

    model = workbench.model(Model)
    assert workbench.model(Model) is model
    workbench.close()
    assert closed == [model]
    from napari_csc.viewer.background.lane import Handlers

    workbench.lane("late", ()).start(lambda ticket: 1, Handlers(closed.append, closed.append))
    assert closed == [model]
    assert workbench.is_idle


@pytest.mark.gui
def test_a_dictionary_swap_waits_for_no_figures_and_no_previews(
    dock, load, run, qtbot, monkeypatch, scan_file
) -> None:
    free, begun = threading.Event(), []

    def slow(*given: object) -> None:
        begun.append(given)
        free.wait(120)

    load(scan_file)
    monkeypatch.setattr("napari_csc.viewer.sections.dictionary.model.filter_figures", slow)
    monkeypatch.setattr("napari_csc.viewer.sections.input.read_as.preview_of", slow)
    try:
        run()
        dock.models.input.read_as.preview(scan_file, {}, lambda found: None)
        qtbot.waitUntil(lambda: len(begun) == 2)
        dock.models.dictionary.choose("random-5-4")
        qtbot.waitUntil(lambda: dock.session.dictionary_name == "random-5-4")
        assert not dock.workbench.is_idle, "both are still at work"
    finally:
        free.set()
    qtbot.waitUntil(lambda: dock.workbench.is_idle)
    assert isinstance(dock.workbench.layers, ScanLayers)
