import math
from dataclasses import replace

import numpy as np
import pytest
from evaluated import GROUPS
from helper import fresh_network

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.metrics import METRICS, Metric
from napari_csc.errors import CscError
from napari_csc.learn.evaluation.images import evaluation_images
from napari_csc.learn.evaluation.invariances import cost, dropping, equivariance, shuffling
from napari_csc.learn.evaluation.measure import compare, figure_names, figures
from napari_csc.learn.evaluation.methods import Adjoint
from napari_csc.learn.evaluation.methods.sparse_coding import SparseCoding, scalar_method
from napari_csc.learn.evaluation.rows import (
    Row,
    bootstrap_difference,
    mean,
    mean_by_group,
    read_rows,
    write_rows,
)
from napari_csc.learn.evaluation.situations import Condition
from napari_csc.learn.evaluation.tables import by_method_and_group, differences, ratios

DICTIONARY = Dictionary.dct(6, 5)


def row(method="a", subject="s", group="g", ssim=0.5, **changes):
    values = {
        "experiment": "e",
        "method": method,
        "version": "",
        "dictionary": "",
        "group": group,
        "subject": subject,
        "slice": 0,
        "noise_variance": 0.2,
        "sampled": 0.5,
        "ssim": ssim,
        "ssim_object": 0.0,
        "ssim_background": 0.0,
        "nmse": 0.0,
        "psnr": 0.0,
        "haarpsi": 0.0,
        "blur": 0.0,
        "seconds": 0.0,
    }
    return Row(**{**values, **changes})


def test_images_are_square_and_scaled(images):
    assert [(one.group, one.subject) for one in images] == [("ball", "train_a.npy")] * 2 + [
        ("other", "test_c.npy")
    ] * 2
    for one in images:
        assert one.image.shape == (36, 36)
        assert float(one.image.abs().max()) == pytest.approx(10)
        assert bool(one.object.any())
        assert bool((~one.object).any())
        assert one.image.imag.abs().max() > 0


def test_large_images_are_scaled_down(volumes):
    small = evaluation_images(volumes, GROUPS, size=20, per_subject=1)
    assert small[0].image.shape == (20, 20)


def test_missing_images(volumes):
    with pytest.raises(CscError, match="No test image matches"):
        evaluation_images(volumes, {"ball": ("nothing*.npy",)})


def test_figures_of_the_truth(images):
    found = figures(images[0], images[0].image)
    assert found["ssim"] == found["ssim_object"] == found["ssim_background"] == 1
    assert found["haarpsi"] == pytest.approx(1, abs=1e-5)
    assert found["nmse"] == 0
    assert math.isinf(found["psnr"])


def test_rows(images):
    rows = list(
        compare("noise", [Adjoint(), scalar_method(DICTIONARY, 1.5)], images, [Condition()])
    )
    assert len(rows) == 8
    assert {one.dictionary for one in rows} == {"", "DCT-6 5x5"}
    assert rows[1].ssim > 0


@pytest.mark.parametrize(("kind", "is_free"), [("v3", True), ("v4", True), ("v1", False)])
def test_promises(kind, is_free, images, scan):
    method = SparseCoding(kind, DICTIONARY, fresh_network(kind, n_filters=9))
    changes = shuffling(method, scan, 3)
    assert (changes["largest"] < 1e-5) == is_free
    assert changes["median"] <= changes["largest"]
    assert equivariance(method, scan)["scale"] < 1e-4
    counted = cost(method.maps, DICTIONARY, 32)
    assert counted["parameters"] == sum(one.numel() for one in method.maps.parameters())
    assert counted["giga_multiply_adds"] > 0
    if is_free:
        kept = dropping(method, images[0], scan, (0.0, 0.5))
        assert set(kept) == {0.0, 0.5}


def test_multiply_adds_by_hand():
    """A single convolution stage of known size."""
    network = fresh_network("v1", n_filters=4, channels=2, stages=1)
    counted = cost(network, Dictionary.dct(1, 5), 32)
    area = (32 + 2 * network.unet.halo) ** 2
    expected = area * (2 * 2 * 9 + 2 * 2 * 9 + 2 * 4)
    assert counted["giga_multiply_adds"] * 1e9 == pytest.approx(expected)


def test_rows_are_measured_once(images, tmp_path):
    methods = [Adjoint(), scalar_method(DICTIONARY, 1.5)]
    rows = list(compare("noise", methods, images[:1], [Condition()]))
    write_rows(tmp_path / "rows.csv", rows)
    again = read_rows(tmp_path / "rows.csv")
    assert [one.key for one in again] == [one.key for one in rows]
    changed = {one.key: replace(one, ssim=0.123) for one in again}
    kept = list(compare("noise", methods, images[:1], [Condition()], changed))
    assert {one.ssim for one in kept} == {0.123}
    other = list(
        compare("noise", [scalar_method(DICTIONARY, 2.0)], images[:1], [Condition()], changed)
    )
    assert other[0].ssim != 0.123
    (tmp_path / "rows.csv").write_text("something,else\n1,2\n")
    with pytest.raises(CscError, match="not written by this evaluation"):
        read_rows(tmp_path / "rows.csv")


def test_means_are_over_subjects():
    rows = [row(ssim=0.0), row(ssim=0.0), row(ssim=0.0), row(subject="t", ssim=1.0)]
    assert mean(rows, "ssim") == 0.5


def test_means_of_groups():
    rows = [row(group="brain", ssim=0.4), row(group="knee", ssim=0.2), row(group="knee", ssim=0.4)]
    assert mean_by_group(rows, "ssim") == pytest.approx({"brain": 0.4, "knee": 0.3})


def test_bootstrap_is_paired_by_subject():
    subjects = [f"s{n}" for n in range(12)]
    levels = np.linspace(0, 1, 12)
    first = [row("a", s, ssim=v + 0.1) for s, v in zip(subjects, levels, strict=True)]
    second = [row("b", s, ssim=v) for s, v in zip(subjects, levels, strict=True)]
    centre, low, high = bootstrap_difference(first, second, "ssim")
    assert (centre, low, high) == pytest.approx((0.1, 0.1, 0.1))
    assert math.isnan(bootstrap_difference(first[:1], second[:1], "ssim")[1])


def test_tables():
    rows = [row("a", group="brain", ssim=0.8), row("a", group="knee", ssim=0.6)]
    text = by_method_and_group(rows, "ssim")
    assert "| a | 0.800 | 0.600 | 0.600 | 0.200 |" in text
    half = [replace(one, method="b", ssim=one.ssim / 2) for one in rows]
    assert "| b | 0.500 | 0.500 | 0.500 |" in ratios([*rows, *half], "ssim", "a")
    both = [*rows, row("b", group="brain", ssim=0.7), row("b", group="knee", ssim=0.6)]
    assert "| b | +0.050 |" in differences(both, "a", "ssim")


def test_two_arrays_of_a_file_are_two_subjects(tmp_path):
    from scipy.io import savemat

    draw = np.random.default_rng(0)
    stacks = {name: draw.random((3, 24, 24), np.float32) + 0.5 for name in ("one", "two")}
    savemat(tmp_path / "x.mat", stacks)
    found = evaluation_images(tmp_path, {"knee": ("x.mat:one", "x.mat:two")}, per_subject=2)
    assert {one.subject for one in found} == {"x.mat:one", "x.mat:two"}
    rows = list(compare("noise", [Adjoint()], found, [Condition()]))
    assert len({row.key for row in rows}) == len(found) == 2


def test_a_further_metric_is_measured_written_and_read(monkeypatch, images, tmp_path):
    peak = Metric("peak", lambda truth, found: float(abs(found).max()), "lower", "The maximum.")
    old = list(compare("noise", [Adjoint()], images[:1], [Condition()]))
    monkeypatch.setitem(METRICS, "peak", peak)
    rows = [*old, *compare("other", [Adjoint()], images[:1], [Condition()])]
    assert figure_names()[-1] == "peak"
    assert rows[1].figure("peak") > 0
    write_rows(tmp_path / "rows.csv", rows)
    kept = read_rows(tmp_path / "rows.csv")
    assert kept == rows
    assert np.isnan(kept[0].figure("peak"))
    assert mean(kept[1:], "peak") == rows[1].figure("peak")
