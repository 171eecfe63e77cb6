"""Pictures of another program, pinned beside a result."""

import numpy as np
import pytest

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.errors import CscError
from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.images.place import Place
from napari_csc.viewer.layers import PIN_A, PIN_B
from napari_csc.viewer.sections.compare.foreign import foreign_pin

PLACE = Place(0, Geometry(), (0.0, 1.0))


def test_a_picture_of_all_slices(small_acquisition, tmp_path) -> None:
    truth = small_acquisition.reference.abs().numpy()
    np.save(tmp_path / "theirs.npy", 500 * truth)
    pin = foreign_pin(tmp_path / "theirs.npy", small_acquisition, PLACE, 1)
    assert pin.slices == range(len(truth))
    assert pin.words == {"made by": "another program, theirs.npy"}
    assert pin.input_digest == small_acquisition.digest
    level = np.abs(small_acquisition.adjoint().numpy()).mean()
    assert np.abs(pin.image).mean() == pytest.approx(level, rel=0.3)


def test_a_picture_of_one_slice_is_of_the_one_that_is_looked_at(
    small_acquisition, tmp_path
) -> None:
    truth = small_acquisition.reference.abs().numpy()
    np.save(tmp_path / "one.npy", truth[1])
    pin = foreign_pin(tmp_path / "one.npy", small_acquisition, PLACE, 1)
    assert pin.slices == range(1, 2)
    np.testing.assert_allclose(pin.reference[0], small_acquisition.reference[1])


def test_a_picture_that_does_not_fit_is_refused(tmp_path) -> None:
    scan = Acquisition.from_image(np.ones((3, 32, 32)))
    np.save(tmp_path / "two.npy", np.ones((2, 32, 32)))
    with pytest.raises(CscError, match="2 slices, but the scan 3"):
        foreign_pin(tmp_path / "two.npy", scan, PLACE, 0)


@pytest.mark.gui
def test_pinned_beside_a_result(
    dock, viewer, load, run, scan_file, small_acquisition, tmp_path, qtbot
) -> None:
    comparing, panel = dock.models.compare, dock.compare_panel
    picture = tmp_path / "theirs.npy"
    np.save(picture, small_acquisition.reference.abs().numpy())
    comparing.pin_picture(picture)
    assert dock.messages[-1][0] == "problem"
    assert "open the scan first" in dock.messages[-1][1]
    load(scan_file)
    dock.session.slices = "all"
    run()
    comparing.pin("A")
    comparing.pin_picture(picture)
    qtbot.waitUntil(lambda: len(comparing.pins) == 2)
    assert dock.messages[-1] == (
        "good",
        "theirs.npy, by another program, is pinned as B: laid over the scan and scaled to the "
        "initial image.",
    )
    assert "another program, theirs.npy" in panel.words.text()
    assert "napari-csc" in panel.words.text()
    assert "Same:" not in panel.words.text()
    foreign = viewer.layers["B: another program, theirs.npy"]
    assert foreign.data.shape == viewer.layers[PIN_A].data.shape
    comparing.show("B")
    assert "another program" in viewer.canvas.overlays.napari_csc_compare.text
    comparing.show("difference")
    comparing.show("side by side")
    qtbot.waitUntil(lambda: "SSIM" in panel.figures.text())
    # Another picture takes the place of the first one.
    np.save(tmp_path / "other.npy", small_acquisition.reference.abs().numpy())
    comparing.pin_picture(tmp_path / "other.npy")
    qtbot.waitUntil(lambda: "other.npy" in panel.words.text())
    np.save(tmp_path / "wrong.npy", np.ones((9, 9, 9)))
    comparing.pin_picture(tmp_path / "wrong.npy")
    qtbot.waitUntil(lambda: dock.messages[-1][0] == "problem")
    assert "other.npy" in panel.words.text()
    comparing.pin("B")
    assert PIN_B in viewer.layers
    assert "another program" not in panel.words.text()
