from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import napari_csc as csc
from napari_csc.cli import app
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.analysis.filter_figures import filter_figures
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError
from napari_csc.io.formats.csc_result import save
from napari_csc.io.map_figure import map_figure, save_map_figure


@pytest.fixture(scope="module")
def result(small_acquisition: Acquisition) -> Reconstruction:
    return csc.Reconstructor(csc.Dictionary.dct(12, 5), maps=2.0, iterations=3)(small_acquisition)


def pictures(figure) -> dict[str, np.ndarray]:
    """What is drawn under each title; maps under the name of the filter in the row above."""
    found = {}
    for part in figure.subfigs:
        titles: list[str] = []
        drawn = [axis for axis in part.axes if axis.images and axis.get_label() != "<colorbar>"]
        for axis in drawn:
            title = axis.get_title()
            titles += [title] if title else []
            name = title or f"map of {titles[sum(1 for key in found if key.startswith('map'))]}"
            found[name] = np.asarray(axis.images[0].get_array())
    return found


def test_shows_images_codes_and_maps(result: Reconstruction) -> None:
    drawn = pictures(map_figure(result, 1, [4, 0]))
    assert list(drawn) == [
        "reference",
        "initial image",
        "reconstruction",
        "smooth part",
        "filter 4",
        "filter 0",
        "map of filter 4",
        "map of filter 0",
    ]
    np.testing.assert_allclose(drawn["reconstruction"], result.image[1].abs(), rtol=1e-5)
    np.testing.assert_allclose(drawn["filter 4"], result.sparse_codes[1, 4].abs(), rtol=1e-5)
    expected = result.sparsity_maps[1, 0] / result.noise_std
    np.testing.assert_allclose(drawn["map of filter 0"], expected, rtol=1e-5)


def test_the_strongest_filters_unless_others_are_chosen(result: Reconstruction) -> None:
    names = [name for name in pictures(map_figure(result)) if name.startswith("filter")]
    order = filter_figures(result).energy.argsort(descending=True).tolist()
    assert names == [f"filter {index}" for index in order[:8]]


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg", ".tif"])
def test_written_and_an_old_one_kept(tmp_path: Path, result: Reconstruction, suffix: str) -> None:
    path = tmp_path / f"maps ü{suffix}"
    save_map_figure(result, path, filters=[1])
    before = path.read_bytes()
    assert len(before) > 5000
    if suffix == ".png":
        assert Image.open(path).width > 500
    with pytest.raises(CscError, match="exists already"):
        save_map_figure(result, path, filters=[2])
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"slice_number": 2}, "slices 0 to 1"),
        ({"filters": [12]}, "filters from 0 to 11"),
        ({"filters": []}, "filters from 0 to 11"),
    ],
)
def test_what_is_not_there(tmp_path: Path, result: Reconstruction, options, sentence) -> None:
    with pytest.raises(CscError, match=sentence):
        save_map_figure(result, tmp_path / "x.png", **options)
    with pytest.raises(CscError, match="cannot be written as x"):
        save_map_figure(result, tmp_path / "x.doc")


def test_the_command(tmp_path: Path, result: Reconstruction) -> None:
    save(result, tmp_path / "r.h5")
    words = ["figure", str(tmp_path / "r.h5"), "-o", str(tmp_path / "m.png"), "--filter", "3"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "m.png").is_file()
    done = CliRunner().invoke(app, [*words, "--slice", "9", "--overwrite"])
    assert done.exit_code == 1
