"""The one-call way: an image layer in, reconstruction and maps out, no dock."""

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.io.load import load_result
from napari_csc.io.napari_reader import read
from napari_csc.io.napari_writer import write_result
from napari_csc.viewer import reconstruct_layer as module
from napari_csc.viewer.reconstruct_layer import reconstruct_layer

pytestmark = pytest.mark.gui


@pytest.fixture
def viewer(make_napari_viewer, networks):
    return make_napari_viewer()


@pytest.fixture
def told(monkeypatch) -> list[str]:
    """What the user is told of problems."""
    found: list[str] = []
    monkeypatch.setattr(module, "show_warning", found.append)
    return found


@pytest.fixture
def widget(viewer):
    """The form, docked, with quick settings."""
    made = reconstruct_layer()
    viewer.window.add_dock_widget(made, name="one call")
    made.dictionary.value, made.maps.value = "dct-32-9", "1.5sigma"
    return made


def test_it_stands_in_the_layers_menu() -> None:
    from npe2 import PluginManifest

    found = PluginManifest.from_distribution("napari-csc").contributions
    command = "napari-csc.reconstruct_layer"
    assert command in [item.command for item in found.menus["napari/layers/filter"]]
    assert command in [one.command for one in found.widgets]
    (python_name,) = (one.python_name for one in found.commands if one.id == command)
    assert python_name == f"{module.__name__}:reconstruct_layer"


def test_a_picture_becomes_reconstruction_and_maps(viewer, widget, told, qtbot, plain_image):
    shift = {"scale": (2.0, 3.0), "translate": (5.0, 7.0), "units": ("mm", "mm")}
    viewer.add_image(plain_image, name="slice", **shift)
    widget()
    qtbot.waitUntil(lambda: len(viewer.layers) == 3 or bool(told), timeout=120_000)
    assert told == []
    image, maps = viewer.layers["slice: reconstruction"], viewer.layers["slice: sparsity maps"]
    assert image.data.shape == (1, *plain_image.shape)
    assert maps.data.shape == (32, 1, *plain_image.shape)
    for layer in (image, maps):
        assert tuple(layer.scale[-2:]) == (2.0, 3.0)
        assert tuple(layer.translate[-2:]) == (5.0, 7.0)
        assert [str(unit) for unit in layer.units[-2:]] == ["millimeter"] * 2
    # Again, with other settings: in the same layers.
    widget.strength.value = 2.0
    before = np.array(image.data)
    widget()
    qtbot.waitUntil(lambda: not np.array_equal(image.data, before), timeout=120_000)
    assert len(viewer.layers) == 3


def test_a_scan_is_reconstructed_from_its_kspace_and_saved(
    viewer, widget, told, qtbot, scan_file: Path, small_acquisition, tmp_path: Path
) -> None:
    for data, described, _ in read(str(scan_file)):
        viewer.add_image(data, **described)
    widget()
    qtbot.waitUntil(lambda: len(viewer.layers) == 3 or bool(told), timeout=120_000)
    assert told == []
    maps = viewer.layers[-1]
    write_result(str(tmp_path / "out.h5"), [maps.as_layer_data_tuple()])
    settings = ReconstructionSettings(dictionary="dct-32-9", maps="1.5sigma")
    expected = Reconstructor.from_settings(settings)(small_acquisition)
    assert torch.equal(load_result(tmp_path / "out.h5").image, expected.image)
    assert tuple(maps.scale[1:]) == pytest.approx(small_acquisition.spacing)


def test_problems_are_plain_sentences(viewer, widget, told, qtbot, monkeypatch) -> None:
    viewer.add_image(np.zeros((2, 3, 16, 16)), name="film")
    widget()
    assert len(told) == 1
    assert "has 4 axes" in told[0]
    viewer.layers.clear()
    viewer.add_image(np.zeros((32, 32)), name="black")
    widget()
    qtbot.waitUntil(lambda: len(told) == 2, timeout=120_000)
    assert told[1].endswith(".")
    assert "\n" not in told[1]
    assert len(viewer.layers) == 1
