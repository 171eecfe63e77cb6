"""Lesions: they enter the samples exactly, and what is said of them is so."""

import numpy as np
import pytest
import torch
from helper import relative
from trust_scans import KINDS, SHAPE, made, picture, scan_of

import napari_csc as csc
from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.core.trust.lesion import inserted
from napari_csc.core.trust.lesion_test import with_lesion
from napari_csc.core.trust.trials import measuring
from napari_csc.errors import CscError

DISC = csc.Lesion((24, 20), radius=3, contrast=0.3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dark", [False, True])
def test_the_samples_change_by_exactly_what_would_be_measured(kind, dark):
    scan = scan_of(kind)
    lesion = csc.Lesion((24, 20), radius=3, contrast=0.3, dark=dark)
    place = inserted(lesion, scan.adjoint()[0], 1.0)
    changed = with_lesion(scan, place.image)
    difference = changed.kspace - scan.kspace
    wanted = scan.forward(place.image[None])
    rounding = 2e-7 * float(scan.kspace.abs().max())
    assert float((difference - wanted).abs().max()) <= rounding
    assert changed.noise_std == scan.noise_std
    if scan.is_cartesian:
        assert float(changed.kspace[..., ~scan.mask].abs().max() if (~scan.mask).any() else 0) == 0
    # It looks like what it is in the body: along the phase, brighter or darker.
    turned = place.image * scan.adjoint()[0].conj()
    assert (float(turned.real.sum()) < 0) == dark
    assert place.recovered(place.image) == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_linear_reconstruction_keeps_what_the_initial_image_keeps(kind):
    scan = scan_of(kind)
    # With maps of zero everything that was measured is fitted; FISTA is linear step by step.
    free = made(0.0, iterations=60, rule="shrunk")
    if kind in ("coils", "radial"):
        free = made(0.0, iterations=30, rule="shrunk", solver="fista")
    test = csc.lesion_test(scan, free, DISC, maps_fixed=True)
    twice = csc.lesion_test(
        scan, free, csc.Lesion((24, 20), radius=3, contrast=0.6), maps_fixed=True
    )
    assert relative(twice.difference, 2 * test.difference) < 1e-2
    if kind not in ("radial", "coils"):
        assert test.recovered == pytest.approx(test.recovered_initial, abs=1e-3)
        assert relative(test.difference, test.ideal) < 5e-3


@pytest.mark.parametrize("kind", ["plain", "coils", "radial"])
def test_figures_are_what_they_are_called(kind):
    scan = scan_of(kind)
    test = csc.lesion_test(scan, made(), DISC)
    assert relative(test.with_lesion - test.without, test.difference) < 1e-6
    assert relative(test.ideal, scan.gram(test.inserted[None])[0]) < 1e-6
    again = made()(with_lesion(scan, test.inserted)).image[0]
    assert torch.equal(again, test.with_lesion)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    assert (test.inside.numpy() == (np.hypot(y - 24, x - 20) <= 3)).all()
    assert test.local_mean == pytest.approx(float(test.without.abs()[test.inside].mean()))
    assert test.amplitude == pytest.approx(0.3 * test.local_mean)
    assert 0.5 < test.recovered < 1.1
    assert test.sentence.startswith("A bright disc of 3 px and 30 % here keeps ")
    far = np.hypot(y - 24, x - 20) > 8
    assert test.outside >= float(test.difference.abs()[far].max()) / test.amplitude - 1e-6


def test_what_is_held_back_more_loses_more():
    scan = scan_of()
    kept = [csc.lesion_test(scan, made(level), DISC).recovered for level in (0.2, 2, 8)]
    assert kept[0] > kept[1] > kept[2]
    small = csc.lesion_test(scan, made(2), csc.Lesion((24, 20), radius=1, contrast=0.3))
    assert small.recovered < kept[1]
    # Stronger lesions are seen better.
    weak = csc.lesion_test(scan, made(), csc.Lesion((24, 20), radius=3, contrast=0.05))
    strong = csc.lesion_test(scan, made(), csc.Lesion((24, 20), radius=3, contrast=0.8))
    assert strong.visibility > 5 * weak.visibility
    assert "hard to see" in weak.sentence
    assert "hard to see" not in strong.sentence


def test_lines_masks_and_sigma():
    line = csc.Lesion((24, 20), radius=1, length=10, angle=90, shape="line").weights(SHAPE)
    assert line[19:30, 20].min() == 1
    assert line[24, 23] == 0
    across = csc.Lesion((24, 20), radius=1, length=10, angle=0, shape="line").weights(SHAPE)
    assert across[24, 15:26].min() == 1
    weights = np.zeros(SHAPE)
    weights[22:26, 18:24] = 0.5
    own = csc.lesion_test(scan_of(), made(), csc.Lesion(shape="mask", mask=weights, contrast=0.4))
    assert bool((own.inside.numpy() == (weights > 0)).all())
    assert float(own.inserted.abs().max()) == pytest.approx(0.5 * 0.4 * own.local_mean, rel=1e-4)
    sigma = csc.lesion_test(scan_of(), made(), csc.Lesion((24, 20), contrast=5, unit="sigma"))
    assert sigma.amplitude == 5
    assert "5 sigma" in sigma.sentence
    assert set(sigma.figures()) >= {"sentence", "recovered", "y", "x", "slice"}


def test_slices_results_and_their_edits():
    scan = scan_of(slices=3)
    scan = measuring(scan, scan.kspace * torch.tensor([1.0, 2.0, 3.0])[:, None, None, None])
    edits = [csc.MapEdit(factor=8, slice=2)]
    reconstruct = made(2, map_edits=edits)
    result = reconstruct(scan)
    seen = []
    test = csc.lesion_test(scan, result, DISC, slice_number=2, on_progress=seen.append)
    assert torch.equal(test.without, result.image[2])
    plain = csc.lesion_test(scan, reconstruct, DISC, slice_number=2)
    assert torch.equal(plain.without, result.image[2])
    assert test.recovered == pytest.approx(plain.recovered, abs=1e-6)
    without = csc.lesion_test(scan, made(2), DISC, slice_number=2)
    assert abs(without.recovered - test.recovered) > 1e-4
    assert seen == sorted(seen)
    assert seen[-1] == 1
    with pytest.raises(ReconstructionStopped):
        csc.lesion_test(scan, result, DISC, should_stop=lambda: True)


def test_a_result_of_another_scan_is_made_again():
    scan, other = scan_of(seed=1), scan_of(seed=2)
    result = made()(other)
    test = csc.lesion_test(scan, result, DISC)
    assert torch.equal(test.without, made()(scan).image[0])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"at": (24, 20), "radius": 0}, "radius of a lesion must be more than 0"),
        ({"at": (24, 20), "radius": float("nan")}, "radius"),
        ({"at": (24, 20), "contrast": 0}, "contrast of a lesion must be more than 0"),
        ({"at": (24, 20), "contrast": -1}, "dark"),
        ({"at": (24, 20), "contrast": 1.5, "dark": True}, "cannot take away more than all"),
        ({"at": (24, 20), "unit": "percent"}, "'mean' or in 'sigma'"),
        ({"at": (24, 20), "shape": "square"}, "'disc', a 'line' or a 'mask'"),
        ({"at": (24, 20), "shape": "line", "length": 0}, "length"),
        ({"at": (24, float("nan"))}, "place"),
        ({}, "place"),
        ({"shape": "mask"}, "needs its mask"),
    ],
)
def test_what_no_lesion_can_be(values, reason):
    with pytest.raises(CscError, match=reason):
        csc.Lesion(**values)


@pytest.mark.parametrize(
    ("lesion", "reason"),
    [
        (csc.Lesion((1, 1), radius=1), "outside the object"),
        (csc.Lesion((60, 20)), "outside the image of 48 x 40"),
        (csc.Lesion((-3, 20)), "outside the image"),
        (csc.Lesion((24.5, 20.5), radius=0.1), "smaller than a pixel"),
        (csc.Lesion((24, 20), contrast=900, unit="sigma", dark=True), "darker than black"),
        (csc.Lesion(shape="mask", mask=np.zeros(SHAPE)), "holds no pixel"),
        (csc.Lesion(shape="mask", mask=np.ones((3, 3))), "has the shape"),
        (csc.Lesion(shape="mask", mask=np.full(SHAPE, 2)), "from 0 to 1"),
        (csc.Lesion(shape="mask", mask=np.eye(*SHAPE[:1], SHAPE[1]) * np.nan), "from 0 to 1"),
    ],
)
def test_lesions_that_do_not_fit(lesion, reason):
    with pytest.raises(CscError, match=reason):
        csc.lesion_test(scan_of(), made(), lesion)


def test_a_slice_that_is_not_there():
    with pytest.raises(CscError, match="slices from 0 to 0"):
        csc.lesion_test(scan_of(), made(), DISC, slice_number=4)


def test_real_images_keep_real():
    rng = np.random.default_rng(0)
    scan = csc.Acquisition.from_image(
        (picture() + rng.standard_normal(SHAPE)).astype(np.float32), noise_std=1.0
    )
    test = csc.lesion_test(scan, made(), DISC)
    assert float(test.inserted.imag.abs().max()) == 0
    assert float(test.difference.imag.abs().max()) == 0
    assert 0.5 < test.recovered < 1.1


def test_millimetres_where_they_are_known():
    scan = scan_of(spacing=(5.0, 1.5, 1.5), unit="mm")
    test = csc.lesion_test(scan, made(), DISC)
    assert test.sentence.startswith("A bright disc of 3 px (4.5 mm) and 30 % here")
    assert test.figures()["radius_mm"] == 4.5
    oblong = csc.lesion_test(scan_of(spacing=(5.0, 1.5, 1.0), unit="mm"), made(), DISC)
    assert "mm" not in oblong.sentence


def test_curves():
    told, shares = [], []
    curves = csc.lesion_curves(
        scan_of(),
        made(2),
        DISC,
        radii=(1, 3, 6),
        contrasts=(0.1, 0.8),
        on_test=told.append,
        on_progress=shares.append,
    )
    assert [one.lesion.radius for one in curves.by_radius] == [1, 3, 6]
    assert [one.lesion.contrast for one in curves.by_contrast] == [0.1, 0.8]
    assert len(told) == 5
    assert shares[-1] == 1
    kept = [one.recovered for one in curves.by_radius]
    assert kept[0] < kept[2]
    assert curves.smallest_radius in (1, 3, 6)
    alone = csc.lesion_test(scan_of(), made(2), csc.Lesion((24, 20), radius=6, contrast=0.3))
    assert curves.by_radius[2].recovered == alone.recovered


def test_a_map_says_what_single_tests_say():
    scan, reconstruct, parts, shares = scan_of(), made(2), [], []
    lesion = csc.Lesion((0, 0), radius=2, contrast=0.3)
    found = csc.lesion_map(
        scan, reconstruct, lesion, step=8, on_part=parts.append, on_progress=shares.append
    )
    assert len(found.places) > 10
    assert len(parts) > 3
    assert int(parts[0].recovered.isnan().sum()) > int(parts[-1].recovered.isnan().sum())
    assert shares[-1] == 1
    known = (~found.recovered.isnan()).nonzero()[:, 0]
    for index in known[::5].tolist():
        at = tuple(found.places[index].tolist())
        alone = csc.lesion_test(scan, reconstruct, csc.Lesion(at, radius=2, contrast=0.3))
        assert float(found.recovered[index]) == pytest.approx(alone.recovered, abs=0.03)
        assert float(found.recovered_initial[index]) == pytest.approx(
            alone.recovered_initial, abs=0.03
        )
    image = found.image
    y, x = (int(one) for one in found.places[known[0]])
    assert float(image[y, x]) == float(found.recovered[known[0]])
    assert bool(image[0, 0].isnan())
    with pytest.raises(CscError, match="place can be chosen"):
        csc.lesion_map(scan, reconstruct, csc.Lesion(shape="mask", mask=np.ones(SHAPE)))
    with pytest.raises(CscError, match="1 pixel or more"):
        csc.lesion_map(scan, reconstruct, lesion, step=0)
