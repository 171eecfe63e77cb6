import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import torch
from helper import fresh_network, random_filters

from napari_csc.core.acquisition.cartesian import Acquisition, knowing
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.core.maps import NoiseScalar
from napari_csc.errors import CscError
from napari_csc.learn.evaluation.measure import compare, figures
from napari_csc.learn.evaluation.methods import Adjoint, takes
from napari_csc.learn.evaluation.methods.foreign import ForeignPictures
from napari_csc.learn.evaluation.methods.patches import (
    PatchMethod,
    bm3d_image,
    non_local_means_image,
    on_acquired_matrix,
)
from napari_csc.learn.evaluation.methods.sparse_coding import (
    BestScalar,
    SparseCoding,
    scalar_method,
)
from napari_csc.learn.evaluation.methods.table import METHODS, Chosen, MethodSpec, baselines
from napari_csc.learn.evaluation.methods.total_variation import (
    TotalVariation,
    total_variation,
)
from napari_csc.learn.evaluation.situations import SITUATIONS, Condition


def objective(scan, image, weight):
    sigma = scan.noise_std
    left = (scan.forward(image[None]) - scan.kspace) / sigma
    density = 1.0 if scan.density is None else scan.density
    misfit = 0.5 * float((density * left.abs().square()).sum())
    steps = torch.stack([torch.roll(image, -1, axis) - image for axis in (0, 1)]) / sigma
    return misfit + weight * float(steps.abs().square().sum(0).sqrt().sum())


@pytest.mark.parametrize("situation", ["plain", "multi-coil", "partial Fourier"])
def test_total_variation_has_the_least_objective(situation, images):
    """No small change makes it lower by more than the little that is left to converge."""
    scan = Condition(0.05, 0.6, situation=situation).scan(images[0])
    found = total_variation(scan, 0.75)
    assert found.shape == scan.shape[1:]
    least = objective(scan, found, 0.75)
    draw = torch.Generator().manual_seed(0)
    for size in (0.3, 0.03, 0.003):
        for _ in range(5):
            change = torch.view_as_complex(torch.randn((*found.shape, 2), generator=draw))
            assert objective(scan, found + size * scan.noise_std * change, 0.75) > 0.9999 * least
    assert least < 0.9 * objective(scan, scan.adjoint()[0], 0.75)


@pytest.mark.skipif(shutil.which("bart") is None, reason="BART is not installed")
def test_total_variation_is_that_of_bart(images, tmp_path):
    """The same image, but for what either has left to converge."""
    scan = Condition(0.1, 0.6).scan(images[0])
    for name, values in {
        "kspace": scan.kspace[0, 0] / scan.noise_std,
        "maps": torch.ones(36, 36),
        "pattern": scan.mask,
    }.items():
        (tmp_path / f"{name}.hdr").write_text("# Dimensions\n36 36" + " 1" * 14 + "\n")
        values.numpy().astype(np.complex64).flatten("F").tofile(tmp_path / f"{name}.cfl")
    command = [
        "bart",
        "pics",
        "-d0",
        "-w1",
        "-i300",
        "-p",
        "pattern",
        "-R",
        "T:3:0:0.6",
        "kspace",
        "maps",
        "image",
    ]
    subprocess.run(command, cwd=tmp_path, check=True)
    theirs = np.fromfile(tmp_path / "image.cfl", np.complex64).reshape(36, 36, order="F")
    ours = total_variation(scan, 0.6)
    found = torch.from_numpy(theirs.copy()) * scan.noise_std
    assert float((ours - found).norm() / found.norm()) < 0.06
    assert objective(scan, ours, 0.6) < 1.005 * objective(scan, found, 0.6)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_method_takes_every_situation(situation, images, dictionary, monkeypatch):
    monkeypatch.setattr("napari_csc.learn.evaluation.methods.total_variation.ITERATIONS", 20)
    condition = Condition(0.1, 0.6, situation=situation)
    scan, truth = condition.scan(images[0]), condition.prepared(images[0])
    start = figures(truth, Adjoint()(scan))["nmse"]
    # Where nothing is left of the noise but in the object, five cosines are not enough.
    worst = 1.5 if situation == "magnitude, masked" else 1.0
    for method in (TotalVariation(0.5), scalar_method(dictionary, 1.5)):
        assert figures(truth, method(scan))["nmse"] < worst * start, method.name
    for denoise in (non_local_means_image, smooth):
        found = figures(truth, on_acquired_matrix(scan, denoise))["nmse"]
        assert found < 1.05 * start, denoise


def smooth(image, sigma, spectrum):
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(image, 0.4)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_denoisers_are_told_the_noise_that_is_there(situation, images):
    """The image of the noise alone has the standard deviation and the spectrum that are told."""
    condition = Condition(0.1, 0.6, situation=situation)
    scan = condition.scan(images[0])
    told = []

    def listen(image, sigma, spectrum):
        told.append((image.shape, sigma, spectrum))
        return image

    is_real = scan.values != "complex"
    noise = noise_of(scan)
    only = knowing(replace(scan, kspace=noise, reference=None), scan.noise_of_scan())
    found = on_acquired_matrix(only, listen)
    # What is only listened to comes back as it was, on the matrix that was acquired; coils and
    # spokes have a little beyond it.
    lost = float((found - only.adjoint()[0]).abs().square().sum()) / float(
        only.adjoint()[0].abs().square().sum()
    )
    assert lost < (0.15 if situation in ("multi-coil", "radial") else 0.06)
    shape, sigma, spectrum = told[0]
    assert len(told) == (1 if is_real else 2)
    whole = situation in ("magnitude", "magnitude, masked")
    assert max(shape) == {"radial": 23}.get(situation, 36 if whole else 22)
    power = float(found.abs().square().sum()) / (shape[0] * shape[1]) / (1 if is_real else 2)
    assert sigma == pytest.approx(power**0.5, rel=0.12)
    assert (spectrum is not None) == (situation in ("partial Fourier", "radial"))
    if spectrum is not None:
        assert spectrum.shape == shape
        assert spectrum.mean() == pytest.approx(1)


def noise_of(scan):
    """Noise alone in the samples of a scan: real in the images of pictures."""
    draw = torch.Generator().manual_seed(0)
    if scan.values != "complex":
        noise = image_to_kspace(torch.randn(scan.kspace.shape, generator=draw) + 0j)
    else:
        noise = torch.view_as_complex(torch.randn((*scan.kspace.shape, 2), generator=draw) / 2**0.5)
    return noise * scan.noise_std * (scan.mask if scan.is_cartesian else 1)


def test_odd_and_even_boxes_keep_the_image(images):
    """Denoising nothing returns the initial image, whatever the sampled matrix."""
    for lines in ((20, 21), (21, 20), (36, 35), (36, 36)):
        scan = Condition(0.1, 1.0).scan(images[0]).with_acquired_matrix(lines)
        kept = on_acquired_matrix(scan, lambda image, sigma, spectrum: image)
        torch.testing.assert_close(kept, scan.adjoint()[0], atol=1e-4, rtol=1e-4)


def test_uneven_noise_is_even_where_it_is_denoised(images):
    ramp = torch.linspace(0.5, 1.5, 36)[:, None].expand(36, 36)
    plain = Condition(0.1, 1.0).scan(images[0])
    scan = Acquisition.from_kspace(
        plain.kspace, plain.mask, noise_std=plain.noise_std, noise_map=ramp
    )
    seen = []

    def listen(image, sigma, spectrum):
        seen.append(image)
        return image

    kept = on_acquired_matrix(scan, listen)
    torch.testing.assert_close(kept, scan.adjoint()[0], atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(seen[0], (scan.adjoint()[0].real / ramp).numpy(), atol=1e-4)


def test_bm3d_better_than_nothing_and_told_the_same_twice(images):
    pytest.importorskip("bm3d")
    scan = Condition(0.1, 0.6).scan(images[0])
    found = PatchMethod("BM3D", bm3d_image)(scan)
    assert figures(images[0], found)["nmse"] < figures(images[0], scan.adjoint()[0])["nmse"]
    noisy = scan.adjoint()[0].real.double().numpy()
    white = np.ones_like(noisy)
    one, other = bm3d_image(noisy, 0.3, None), bm3d_image(noisy, 0.3, white)
    assert np.abs(one - other).max() < 0.05 * np.abs(one).max()
    assert bm3d_image(noisy, 0.0, None) is noisy


def test_the_oracle_is_the_best_level(images, scan, dictionary):
    oracle = BestScalar("oracle", dictionary)
    assert (
        figures(images[0], oracle(scan))["ssim"]
        >= figures(images[0], scalar_method(dictionary, 1.5)(scan))["ssim"]
    )
    assert not takes(oracle, Acquisition.from_kspace(scan.kspace, noise_std=1.0))


def test_a_made_up_method_joins_the_comparison(images, scan, dictionary, monkeypatch):
    class Halved:
        name, version = "halved", "1"

        def __call__(self, acquisition):
            return acquisition.adjoint()[0] / 2

    monkeypatch.setitem(METHODS, "halved", MethodSpec("half", lambda chosen: Halved()))
    chosen = Chosen(dictionary, lambda: 1.5, lambda: 0.75)
    (made,) = baselines(["halved"], chosen, print)
    rows = list(compare("e", [made], images[:1], [Condition()]))
    assert [row.method for row in rows] == ["halved"]
    assert "halved" in [one.name for one in baselines(None, chosen, lambda line: None)]


def test_what_is_not_installed_is_told(dictionary, monkeypatch):
    monkeypatch.setitem(
        METHODS,
        "rare",
        MethodSpec("rare", lambda chosen: Adjoint(), package="no_such_module", licence="not free"),
    )
    lines = []
    chosen = Chosen(dictionary, lambda: 1.5, lambda: 0.75)
    assert len(baselines(None, chosen, lines.append)) == len(METHODS) - 1 - (
        not METHODS["bm3d"].is_installed
    )
    assert any("left out: rare needs the package no_such_module" in line for line in lines)
    with pytest.raises(CscError, match=r"install napari-csc\[baselines\] \(not free\)"):
        baselines(["rare"], chosen, lines.append)
    with pytest.raises(CscError, match="no method 'nothing'; use one of initial"):
        baselines(["nothing"], chosen, lines.append)


def test_pictures_of_another_program_are_a_method(tmp_path, images):
    condition = Condition(0.1, 0.6)
    truth, scan = images[0], condition.scan(images[0])
    np.save(tmp_path / f"{condition.name_of(truth)}.npy", 700 * truth.image.abs().numpy())
    other = ForeignPictures("other", tmp_path)
    assert takes(other, scan)
    assert not takes(other, condition.scan(images[1]))
    found = other(scan)
    # Least squares: the scale of the initial image.
    assert figures(truth, found)["ssim"] > 0.95
    rows = list(compare("e", [other], images, [condition]))
    assert [(row.method, row.slice) for row in rows] == [("other", truth.number)]
    # The phase is that of what was measured.
    inside = truth.object
    turned = (found * truth.image.conj())[inside]
    assert float((turned.real / turned.abs()).mean()) > 0.9
    with pytest.raises(CscError, match="holds no picture of"):
        other(condition.scan(images[1]))
    with pytest.raises(CscError, match="no folder"):
        ForeignPictures("other", tmp_path / "missing")


def test_other_files_are_another_version(tmp_path):
    (tmp_path / "a.npy").write_bytes(b"1")
    before = ForeignPictures("other", tmp_path).version
    (tmp_path / "b.npy").write_bytes(b"2")
    assert ForeignPictures("other", tmp_path).version != before


@pytest.mark.parametrize("maps", ["network", "level"])
def test_other_filters_of_the_same_name_are_another_version(maps):
    """What was measured with a dictionary that was learned again since is not taken for it."""
    source = fresh_network("v3") if maps == "network" else NoiseScalar(1.5)
    filters = [Dictionary.from_filters(random_filters(4, 5, 5, seed=one), "mine") for one in (0, 1)]
    for method in (SparseCoding("a", filters[0], source), BestScalar("a", filters[0])):
        assert method.version == method.with_dictionary(filters[0]).version
        assert method.version == method.with_dictionary(filters[0].permuted(3)).version
        assert method.version != method.with_dictionary(filters[1]).version
