"""The result file, and what napari reads and writes."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from scipy.io import savemat

import napari_csc as csc
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.io import napari_reader, napari_writer
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.storage import atomic

SMOOTH = ("filters", "low-pass")


def reconstructed(acquisition: Acquisition, smooth: Any = "filters") -> Reconstruction:
    dictionary = csc.Dictionary.dct(6, 5).permuted(seed=3).subset([0, 2, 3, 5])
    maps = csc.NoiseScalar(1.5)
    return csc.Reconstructor(dictionary, maps, iterations=3, smooth=smooth)(acquisition)


@pytest.fixture(scope="module")
def result(small_acquisition: Acquisition) -> Reconstruction:
    return reconstructed(small_acquisition)


@pytest.mark.parametrize("smooth", SMOOTH)
def test_round_trip(tmp_path: Path, small_acquisition: Acquisition, smooth: str) -> None:
    result = reconstructed(small_acquisition, smooth)
    csc.save(result, tmp_path / "a.h5")
    back = csc.load_result(tmp_path / "a.h5")
    arrays = result.numpy()
    assert arrays["reference"].size
    assert set(back.numpy()) == set(arrays)
    for name, array in back.numpy().items():
        np.testing.assert_array_equal(array, arrays[name], strict=True)
    assert back.dictionary.digest == result.dictionary.digest
    for name in ("name", "order", "seed"):
        assert getattr(back.dictionary, name) == getattr(result.dictionary, name)
    for name in ("noise_std", "history", "provenance", "spacing", "unit"):
        assert getattr(back, name) == getattr(result, name)
    assert back.metadata["sequence"] == "flair"
    np.testing.assert_array_equal(back.metadata["affine"], result.metadata["affine"], strict=True)
    assert torch.equal(back.contributions(1), result.contributions(1))
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_without_reference(tmp_path: Path, small_acquisition: Acquisition) -> None:
    plain = csc.Acquisition.from_kspace(small_acquisition.kspace)
    csc.save(reconstructed(plain), tmp_path / "a.h5")
    assert csc.load_result(tmp_path / "a.h5").reference is None


def test_input_is_kept_on_request(
    tmp_path: Path, result: Reconstruction, small_acquisition: Acquisition
) -> None:
    from napari_csc.io.formats.csc_result import save

    save(result, tmp_path / "a.h5", acquisition=small_acquisition)
    assert csc.load(tmp_path / "a.h5").digest == small_acquisition.digest
    csc.save(result, tmp_path / "b.h5")
    with pytest.raises(csc.CscError, match="load_result"):
        csc.load(tmp_path / "b.h5")


def test_existing_file_stays(tmp_path: Path, result: Reconstruction) -> None:
    path = tmp_path / "a.h5"
    path.write_text("precious")
    with pytest.raises(csc.CscError, match="exists already"):
        csc.save(result, path)
    assert path.read_text() == "precious"
    csc.save(result, path, overwrite=True)
    assert torch.equal(csc.load_result(path).image, result.image)


def test_failure_leaves_nothing_behind(
    tmp_path: Path, result: Reconstruction, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.h5").write_text("precious")

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(csc.CscError, match="No space left"):
        csc.save(result, tmp_path / "a.h5", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]
    assert (tmp_path / "a.h5").read_text() == "precious"


def test_targets_that_cannot_be(tmp_path: Path, result: Reconstruction) -> None:
    with pytest.raises(csc.CscError, match="does not exist"):
        csc.save(result, tmp_path / "no" / "a.h5")
    with pytest.raises(csc.CscError, match="folder"):
        csc.save(result, tmp_path, overwrite=True)


def test_files_that_are_no_results(
    tmp_path: Path, result: Reconstruction, sample_scan: Path
) -> None:
    (tmp_path / "text.h5").write_text("text " * 20)
    csc.save(result, tmp_path / "a.h5")
    content = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[: len(content) // 2])
    for path in (tmp_path / "no.h5", tmp_path, tmp_path / "text.h5", tmp_path / "cut.h5"):
        with pytest.raises(csc.CscError):
            csc.load_result(path)
    with pytest.raises(csc.CscError, match="no readable result"):
        csc.load_result(sample_scan)


@pytest.mark.parametrize("name", ["image", "about", "provenance", "filters"])
def test_damaged_results(tmp_path: Path, result: Reconstruction, name: str) -> None:
    csc.save(result, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        del file[name]
    with pytest.raises(csc.CscError, match=r"a\.h5"):
        csc.load_result(tmp_path / "a.h5")


def test_result_of_wrong_shape_or_newer_version(tmp_path: Path, result: Reconstruction) -> None:
    csc.save(result, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        del file["sparsity_maps"]
        file["sparsity_maps"] = np.zeros((2, 3, 4, 5), np.float32)
    with pytest.raises(csc.CscError, match="sparsity_maps has the shape"):
        csc.load_result(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file.attrs["schema_version"] = 99
    with pytest.raises(csc.CscError, match="newer"):
        csc.load_result(tmp_path / "a.h5")


# --------------------------------------------------------------- napari


def test_reader_takes_what_is_ours(
    tmp_path: Path, result: Reconstruction, small_acquisition: Acquisition
) -> None:
    csc.save(result, tmp_path / "result.h5")
    save_acquisition(small_acquisition, tmp_path / "scan.h5")
    np.save(tmp_path / "k.npy", small_acquisition.kspace.numpy())
    np.savez(tmp_path / "k.npz", kspace=small_acquisition.kspace.numpy())
    savemat(tmp_path / "k.mat", {"kspace": small_acquisition.kspace.numpy()[0, 0]})
    for path in tmp_path.iterdir():
        assert napari_reader.get_reader(str(path)) is napari_reader.read, path.name
    assert napari_reader.get_reader([str(tmp_path / "k.npy")]) is napari_reader.read


def test_reader_leaves_the_rest_to_others(tmp_path: Path) -> None:
    np.save(tmp_path / "photo.npy", np.ones((20, 20)))
    np.savez(tmp_path / "photos.npz", a=np.ones((20, 20)))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data"] = np.ones(3)
    (tmp_path / "cut.h5").write_bytes((tmp_path / "other.h5").read_bytes()[:200])
    (tmp_path / "text.mat").write_text("text")
    (tmp_path / "empty.npy").touch()
    for path in [*tmp_path.iterdir(), tmp_path, tmp_path / "no.h5"]:
        assert napari_reader.get_reader(str(path)) is None, path.name
    assert napari_reader.get_reader([str(tmp_path / "a.npy"), str(tmp_path / "b.npy")]) is None


def test_reader_shows_a_scan(tmp_path: Path, small_acquisition: Acquisition) -> None:
    save_acquisition(small_acquisition, tmp_path / "scan.h5")
    ((data, described, kind),) = napari_reader.read(str(tmp_path / "scan.h5"))
    assert (kind, data.dtype, data.shape) == ("image", np.float32, small_acquisition.shape)
    np.testing.assert_allclose(data, small_acquisition.adjoint().abs().numpy(), rtol=1e-6)
    assert described["scale"] == small_acquisition.spacing
    assert described["units"] == ("mm",) * 3
    assert described["metadata"]["napari_csc"]["acquisition"].digest == small_acquisition.digest


def test_reader_shows_a_result_and_writer_saves_it(tmp_path: Path, result: Reconstruction) -> None:
    csc.save(result, tmp_path / "a.h5")
    layers = napari_reader.read([str(tmp_path / "a.h5")])
    named = {described["name"]: (data, described) for data, described, _ in layers}
    assert set(named) == {"initial image", "smooth part", "reconstruction", "sparsity maps"}
    maps, described = named["sparsity maps"]
    assert maps.shape == (4, *result.image.shape)
    assert described["scale"] == (1.0, *result.spacing)
    assert napari_writer.write_result(str(tmp_path / "b.h5"), layers) == [str(tmp_path / "b.h5")]
    assert torch.equal(csc.load_result(tmp_path / "b.h5").image, result.image)


def test_layers_are_valid_for_napari(result: Reconstruction) -> None:
    layers = pytest.importorskip("napari.layers")
    for data, described, kind in napari_reader.result_layers(result):
        assert kind == "image"
        layer = layers.Image(data, **described)
        assert layer.contrast_limits[1] > 0


def test_writer_needs_one_result(tmp_path: Path, result: Reconstruction) -> None:
    plain = (np.ones((4, 4)), {"name": "a", "metadata": {}}, "image")
    with pytest.raises(csc.CscError, match="None of these layers"):
        napari_writer.write_result(str(tmp_path / "a.h5"), [plain])
    two = [*napari_reader.result_layers(result)[:1]]
    copy = Reconstruction(**{name: getattr(result, name) for name in result.__dataclass_fields__})
    two += napari_reader.result_layers(copy)[:1]
    with pytest.raises(csc.CscError, match="several"):
        napari_writer.write_result(str(tmp_path / "a.h5"), two)


def test_the_dictionary_of_a_result_can_be_made_again(small_acquisition, tmp_path: Path) -> None:
    dictionary = csc.Dictionary.load("dct-6-5").subset([0, 2, 3, 5]).permuted(seed=2)
    result = csc.Reconstructor(dictionary, 0.3, iterations=1)(small_acquisition)
    csc.save(result, tmp_path / "out.h5")
    loaded = csc.load_result(tmp_path / "out.h5").dictionary
    assert loaded.recipe() == dictionary.recipe() == ("dct-6-5", (1, 4), 2)


@pytest.mark.parametrize("kept", ["role", "name"])
def test_a_layer_decides_what_is_written(tmp_path: Path, result: Reconstruction, kept: str) -> None:
    maps = (result.sparsity_maps / result.noise_std).numpy()
    expected = {
        "initial image": result.initial.numpy(),
        "smooth part": result.low_pass.numpy(),
        "reconstruction": result.image.numpy(),
        "sparsity maps": maps,
    }
    for number, (data, described, _) in enumerate(napari_reader.result_layers(result)):
        name, path = described["name"], tmp_path / f"{number}.npy"
        if kept == "role":  # as layers of the dock have it, whatever people call them
            own = {**described["metadata"]["napari_csc"], "role": name}
            described = {**described, "name": "mine", "metadata": {"napari_csc": own}}
        assert napari_writer.write_layer(str(path), data, described) == [str(path)]
        np.testing.assert_array_equal(np.load(path), expected[name])


def test_layers_that_cannot_be_written(
    tmp_path: Path, result: Reconstruction, small_acquisition: Acquisition
) -> None:
    path = str(tmp_path / "a.nii")
    plain = (np.ones((4, 4)), {"name": "a", "metadata": {}})
    with pytest.raises(csc.CscError, match="no scan and no result"):
        napari_writer.write_layer(path, *plain)
    own = {"role": "contribution of the filter", "result": result}
    with pytest.raises(csc.CscError, match="none of its images"):
        napari_writer.write_layer(path, plain[0], {"name": "a", "metadata": {"napari_csc": own}})
    ((data, described, _),) = napari_reader.acquisition_layers(small_acquisition, "scan")
    assert napari_writer.write_layer(path, data, described) == [path]
    np.testing.assert_allclose(csc.load(path).adjoint().abs().sum(), data.sum(), rtol=1e-4)


def test_napari_keeps_its_own_formats() -> None:
    """Layers that are not ours are saved as before: no suffix of napari's own is taken."""
    npe2 = pytest.importorskip("npe2")
    own = npe2.PluginManifest.from_file(
        Path(napari_writer.__file__).parents[1] / "napari.yaml"
    ).contributions.writers
    suffixes = {one for writer in own for one in writer.filename_extensions}
    assert {".h5", ".nii", ".nii.gz", ".npy", ".nrrd", ".mrd", ".cfl"} == suffixes


def test_what_smooth_filters_add_is_kept_and_may_be_missing(
    small_acquisition, tmp_path: Path
) -> None:
    result = csc.Reconstructor(csc.Dictionary.load("dct-6-5"), 0.3, iterations=2)(small_acquisition)
    csc.save(result, tmp_path / "new.h5")
    again = csc.load_result(tmp_path / "new.h5")
    assert torch.equal(again.smooth_parts, result.smooth_parts)
    # A file of an earlier version.
    with h5py.File(tmp_path / "new.h5", "r+") as file:
        del file["smooth_parts"]
    assert csc.load_result(tmp_path / "new.h5").smooth_parts is None
    with h5py.File(tmp_path / "new.h5", "r+") as file:
        file["smooth_parts"] = result.smooth_parts[:, :1].numpy()
    with pytest.raises(csc.CscError, match="damaged: smooth_parts"):
        csc.load_result(tmp_path / "new.h5")
