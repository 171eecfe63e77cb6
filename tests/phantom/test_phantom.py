"""The head phantom and the sample scan made from it."""

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest
import torch

import napari_csc as csc
from napari_csc.core.acquisition.orientation import edge_letters
from napari_csc.errors import CscError
from napari_csc.phantom import head
from napari_csc.phantom.anatomy import Anatomy
from napari_csc.phantom.head import Label, head_phantom

SAMPLE_FOLDER = Path(__file__).resolve().parents[2] / "sample_data"
SAMPLE = SAMPLE_FOLDER / "head_phantom_lowfield.h5"
SIZE = 96


def tissue_means(sequence: str) -> dict[Label, float]:
    """Mean magnitude of each tissue in the slices that hold it."""
    image, labels = head_phantom(SIZE, 2, sequence, seed=0, return_labels=True)
    magnitude = image.abs()
    return {label: float(magnitude[labels == label].mean()) for label in Label}


@pytest.fixture(scope="module")
def series() -> tuple[torch.Tensor, torch.Tensor]:
    return head_phantom(SIZE, 5, "flair", seed=0, return_labels=True)


def test_shape_type_and_scale(series: tuple[torch.Tensor, torch.Tensor]) -> None:
    image, labels = series
    assert image.shape == labels.shape == (5, SIZE, SIZE)
    assert image.dtype == torch.complex64
    assert labels.dtype == torch.uint8
    assert float(image.abs().max()) == pytest.approx(10.0, rel=1e-5)
    assert bool(torch.isfinite(torch.view_as_real(image)).all())


def test_same_seed_same_head_other_seed_other_head() -> None:
    first, other, again = (head_phantom(64, 1, seed=seed) for seed in (3, 5, 3))
    assert torch.equal(first, again)  # nothing that was drawn is changed by rendering
    head._head.cache_clear()
    assert torch.equal(first, head_phantom(64, 1, seed=3))
    assert float((first - other).abs().max()) > 1.0


def test_global_generators_are_left_alone() -> None:
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    head_phantom(32, 1)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_same_head_at_other_sizes() -> None:
    small, large = head_phantom(64, 1, seed=2), head_phantom(256, 1, seed=2)
    reduced = large.reshape(1, 64, 4, 64, 4).mean((2, 4)).abs()
    correlation = np.corrcoef(small.abs().flatten().numpy(), reduced.flatten().numpy())[0, 1]
    assert correlation > 0.98


@pytest.mark.parametrize("seed", range(4))
def test_proportions_are_those_of_a_head(seed: int) -> None:
    _, labels = head_phantom(SIZE, 1, seed=seed, return_labels=True)
    is_head = (labels != Label.AIR).float()
    share = {label: float((labels == label).sum() / is_head.sum()) for label in Label}
    assert 0.35 < float(is_head.mean()) < 0.65
    assert 0.15 < share[Label.GREY] < 0.45
    assert 0.15 < share[Label.WHITE] < 0.45
    assert 0.03 < share[Label.CSF] < 0.2
    assert all(share[label] > 0 for label in (Label.THALAMUS, Label.STRIATUM, Label.MARROW))
    # Air all around, and no more of a mirror image than a head is.
    border = torch.cat([labels[0, [0, -1]], labels[0, :, [0, -1]].T])
    assert int(border.max()) == Label.AIR
    mirrored = labels.flip(-1)
    assert 0.02 < float(((labels != mirrored) & (is_head > 0)).sum() / is_head.sum()) < 0.5


def test_ventricles_end_and_the_lesion_stays_inside_white_matter(
    series: tuple[torch.Tensor, torch.Tensor],
) -> None:
    _, labels = series
    middle = labels[:, 30:63, 33:63]
    fluid = (middle == Label.CSF).flatten(1).sum(1)
    assert int(fluid[1]) > 2 * int(fluid[-1]) > 0
    assert int((labels == Label.LESION).sum()) > 5


def test_contrast_of_each_sequence() -> None:
    t1w, t2w, flair, pdw = (tissue_means(name) for name in ("t1w", "t2w", "flair", "pdw"))
    grey, white, fluid = Label.GREY, Label.WHITE, Label.CSF
    assert t1w[white] > t1w[grey] > t1w[fluid]
    assert t1w[Label.FAT] > t1w[white]
    assert t2w[fluid] > t2w[grey] > t2w[white] > t2w[Label.MUSCLE]
    assert flair[Label.LESION] > flair[grey] > flair[white] > 2 * flair[fluid]
    assert pdw[grey] > pdw[white]
    for means in (t1w, t2w, flair, pdw):
        assert means[Label.BONE] < 0.5 * means[white]
        assert means[Label.AIR] < 0.1 * means[white]


def test_neighbouring_slices_are_more_alike_than_distant_ones(
    series: tuple[torch.Tensor, torch.Tensor],
) -> None:
    correlation = np.corrcoef(series[0].abs().flatten(1).numpy())
    assert correlation[0, 1] > correlation[0, 2] > correlation[0, 4]
    assert correlation[0, 1] > 0.6
    anatomy = Anatomy(np.random.default_rng(0))
    heights = (0.0, 0.02, 0.5, 0.52, 0.98, 1.0)
    labels = [anatomy.labels(z, SIZE)[0] for z in heights]
    for below, above in zip(labels[::2], labels[1::2], strict=True):
        assert float((below != above).sum() / (below != Label.AIR).sum()) < 0.15


def test_phase_is_smooth_where_there_is_signal() -> None:
    image = head_phantom(128, 1, "flair")[0]
    signal = image.abs() > 1.0
    turn = torch.angle(image[:, 1:] * image[:, :-1].conj())[signal[:, 1:] & signal[:, :-1]]
    assert float(turn.abs().mean()) > 0.001
    assert float(turn.abs().max()) < 0.2


@pytest.mark.parametrize(
    "wrong", [{"size": 3}, {"slices": 0}, {"sequence": "dwi"}], ids=["size", "slices", "sequence"]
)
def test_impossible_requests_say_so(wrong: dict[str, object]) -> None:
    with pytest.raises(CscError, match=r"head phantom needs|Unknown sequence"):
        head_phantom(**wrong)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_sample", SAMPLE_FOLDER / "make_sample.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sample_is_small_and_says_what_it_is() -> None:
    assert SAMPLE.stat().st_size < 5_000_000
    with h5py.File(SAMPLE, "r") as file:
        assert file.attrs["schema"] == "napari-csc/acquisition"
        assert file.attrs["schema_version"] == 1
        assert "not a patient" in file.attrs["description"]
        kspace, mask, reference = (file[name][()] for name in ("kspace", "mask", "reference"))
        noise_std = float(file.attrs["noise_std"])
    assert kspace.dtype == reference.dtype == np.complex64
    assert kspace.shape == (4, 1, 256, 256)
    assert not kspace[..., mask == 0].any()
    shifted = np.fft.ifftshift(reference, axes=(-2, -1))
    clean = np.fft.fftshift(np.fft.fft2(shifted, norm="ortho"), axes=(-2, -1))
    noise = (kspace[:, 0] - clean)[:, mask > 0]
    assert np.sqrt(np.mean(np.abs(noise) ** 2)) == pytest.approx(noise_std, rel=0.02)
    assert noise_std**2 == pytest.approx(0.2 * clean[:, mask > 0].var(), rel=1e-3)


def test_sample_is_what_its_script_makes(maker: ModuleType, tmp_path: Path) -> None:
    again = tmp_path / "again.h5"
    maker.write(again, maker.SEED)
    assert [path.name for path in tmp_path.iterdir()] == ["again.h5"]
    with h5py.File(SAMPLE, "r") as shipped, h5py.File(again, "r") as made:
        assert set(made) == set(shipped)
        assert set(made.attrs) == set(shipped.attrs)
        assert made.attrs["seed"] == shipped.attrs["seed"] == maker.SEED
        np.testing.assert_array_equal(made["mask"][()], shipped["mask"][()])
        for name in ("kspace", "reference"):
            np.testing.assert_allclose(made[name][()], shipped[name][()], atol=1e-3, rtol=0)


def test_sample_says_how_it_lies() -> None:
    sample = csc.load(SAMPLE)
    affine = np.asarray(sample.metadata["affine"])
    assert edge_letters(affine) == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    np.testing.assert_allclose(np.linalg.norm(affine[:3, :3], axis=0), sample.spacing)


@pytest.mark.parametrize("affine", [np.ones(3), np.full((4, 4), np.nan), "text"])
def test_an_affine_that_is_none_is_left_out(tmp_path: Path, affine: object) -> None:
    shutil.copy(SAMPLE, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file.attrs["affine"] = affine
    assert "affine" not in csc.load(tmp_path / "a.h5").metadata
