import json

import numpy as np
import pytest
import torch
from helper import fresh_network, random_complex, random_filters, relative, small_scan
from plain import plain_fista

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.filter_set import filter_set, step_sizes
from napari_csc.core.dictionary.smooth_part import low_pass
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps import NoiseScalar
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.solvers.data_term import CartesianDataTerm
from napari_csc.errors import CscError

SMOOTH = ("filters", "low-pass")
NORMS = ("modulus", "real-imaginary")
DICTIONARY = Dictionary.dct(8, 5)


def sources():
    return {"network": fresh_network(), "noise scalar": NoiseScalar(1.5)}


def reconstruct(scan, maps=0.5, dictionary=DICTIONARY, **options):
    return Reconstructor(dictionary, maps, **{"iterations": 8, "device": "cpu", **options})(scan)


@pytest.mark.parametrize("smooth", SMOOTH)
@pytest.mark.parametrize("norm", NORMS)
def test_shapes_and_types(smooth, norm):
    scan = small_scan(slices=2)
    result = reconstruct(scan, smooth=smooth, norm=norm)
    for images in (result.image, result.initial, result.low_pass):
        assert images.shape == scan.shape
        assert images.dtype == torch.complex64
    assert result.sparse_codes.shape == result.sparsity_maps.shape == (2, 8, *scan.shape[1:])
    assert result.sparse_codes.dtype == torch.complex64
    assert result.sparsity_maps.dtype == torch.float32
    assert result.smooth_maps.shape[1] == (3 if smooth == "filters" else 0)
    assert result.noise_std == scan.noise_std
    assert torch.equal(result.reference, scan.reference)
    assert relative(result.initial, scan.adjoint()) < 1e-6
    assert result.dictionary is DICTIONARY


@pytest.mark.parametrize("smooth", SMOOTH)
@pytest.mark.parametrize("source", sources())
@pytest.mark.parametrize("size", [5, 6])
def test_image_is_low_pass_plus_contributions(smooth, source, size):
    result = reconstruct(
        small_scan(slices=2), sources()[source], Dictionary.dct(8, size), smooth=smooth
    )
    parts = [result.contributions(k) for k in range(8)]
    assert relative(result.low_pass + sum(parts), result.image) < 1e-5
    assert float(sum(parts).norm()) > 1e-3 * float(result.image.norm())
    torch.testing.assert_close(result.contributions(-1), parts[-1])
    for wrong in (8, -9):
        with pytest.raises(CscError, match="does not exist"):
            result.contributions(wrong)


@pytest.mark.parametrize("smooth", SMOOTH)
@pytest.mark.parametrize("source", sources())
@pytest.mark.parametrize("known_noise", [True, False])
def test_scales_with_the_data(smooth, source, known_noise):
    scan = small_scan()
    sigma = scan.noise_std if known_noise else None
    one = Acquisition.from_kspace(scan.kspace, scan.mask, noise_std=sigma)
    scaled = Acquisition.from_kspace(
        7.3 * scan.kspace, scan.mask, noise_std=None if sigma is None else 7.3 * sigma
    )
    first = reconstruct(one, sources()[source], smooth=smooth, iterations=16)
    second = reconstruct(scaled, sources()[source], smooth=smooth, iterations=16)
    assert second.noise_std == pytest.approx(7.3 * first.noise_std, rel=1e-5)
    assert relative(second.image, 7.3 * first.image) < 1e-5
    assert relative(second.sparsity_maps, 7.3 * first.sparsity_maps) < 1e-5


@pytest.mark.parametrize("source", sources())
@pytest.mark.parametrize("norm", NORMS)
def test_repeats_bit_for_bit(source, norm):
    scan = small_scan(slices=2)
    first, second = (reconstruct(scan, sources()[source], norm=norm) for _ in range(2))
    for name, array in first.numpy().items():
        np.testing.assert_array_equal(array, second.numpy()[name])
    assert first.history == second.history


def test_slices_do_not_influence_each_other():
    scan = small_scan(slices=3)
    whole = reconstruct(scan, fresh_network())
    for index in range(3):
        alone = reconstruct(scan.select(index), fresh_network())
        assert torch.equal(alone.image[0], whole.image[index])
        assert torch.equal(alone.sparsity_maps[0], whole.sparsity_maps[index])


@pytest.mark.parametrize("smooth", SMOOTH)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("rule", ["per-filter", "uniform"])
def test_equals_the_formulas_in_double_precision(smooth, norm, rule):
    """The plain path in float64 is the measure of the drift of the fast one in float32."""
    scan, level = small_scan(), 1.2
    result = reconstruct(
        scan, NoiseScalar(level), smooth=smooth, norm=norm, step_rule=rule, iterations=64
    )
    grid, sigma = scan.shape[1:], scan.noise_std
    synthesis = SynthesisOperator(filter_set(DICTIONARY, smooth).double(), grid)
    mask = torch.fft.ifftshift(scan.mask).double()
    initial = scan.adjoint()[0].to(torch.complex128) / sigma
    smooth_part = low_pass(initial, 10.0) if smooth == "low-pass" else torch.zeros_like(initial)
    spectrum = mask * torch.fft.fft2(initial - smooth_part, norm="ortho")
    codes = plain_fista(
        synthesis,
        CartesianDataTerm(spectrum, mask),
        torch.full((len(synthesis), *grid), level, dtype=torch.float64),
        step_sizes(synthesis.spectra, rule),
        64,
        norm,
    )
    expected = (smooth_part + synthesis(codes)) * sigma
    assert relative(result.image[0].to(torch.complex128), expected) < 1e-5


@pytest.mark.parametrize("smooth", SMOOTH)
@pytest.mark.parametrize("n_coils", [1, 3])
def test_coils_of_a_uniform_receiver_change_nothing(smooth, n_coils):
    """Maps whose squares add up to one, with exact coil data of the same image."""
    scan = small_scan(slices=2)
    maps = torch.ones(n_coils, *scan.shape[1:], dtype=torch.complex64) / n_coils**0.5
    kspace = scan.kspace.expand(-1, n_coils, -1, -1) / n_coils**0.5
    coils = Acquisition.from_kspace(kspace, scan.mask, maps, scan.noise_std)
    single = reconstruct(scan, NoiseScalar(1.5), smooth=smooth, iterations=32)
    several = reconstruct(coils, NoiseScalar(1.5), smooth=smooth, iterations=32)
    assert relative(several.image, single.image) < 1e-5
    changes = np.diff([row["objective"] for row in single.history[:32]])
    np.testing.assert_allclose(
        np.diff([row["objective"] for row in several.history[:32]]), changes, rtol=0.02, atol=0.5
    )


def test_coils_with_sensitivities_of_any_size_converge():
    scan = small_scan()
    maps = 3 * random_complex(4, *scan.shape[1:], seed=3)
    kspace = random_complex(1, 4, *scan.shape[1:], seed=4)
    acquisition = Acquisition.from_kspace(kspace, scan.mask, maps, noise_std=1.0)
    result = reconstruct(acquisition, NoiseScalar(1.0), iterations=60)
    objectives = [row["objective"] for row in result.history]
    assert objectives[-1] < objectives[0]
    assert objectives[-1] <= min(objectives) + 1e-3 * abs(min(objectives))


@pytest.mark.parametrize("grid", [(8, 8), (9, 8), (8, 31), (17, 9)])
def test_tiny_and_narrow_images(grid):
    scan = Acquisition.from_kspace(random_complex(*grid))
    result = reconstruct(scan, fresh_network())
    assert result.image.shape == (1, *grid)
    assert bool(torch.isfinite(torch.view_as_real(result.image)).all())


@pytest.mark.parametrize("pixels", [1, 3])
def test_images_of_a_pixel_or_three_are_refused_in_one_sentence(pixels):
    with pytest.raises(CscError, match=f"{pixels} x {pixels} pixels"):
        reconstruct(Acquisition.from_image(np.ones((pixels, pixels))))


@pytest.mark.parametrize("size", [(13, 5), (5, 13)])
def test_a_dictionary_larger_than_the_image_is_refused(size):
    scan = Acquisition.from_kspace(random_complex(12, 12))
    with pytest.raises(CscError, match="larger than the image of 12 x 12"):
        reconstruct(scan, dictionary=Dictionary.from_filters(random_filters(3, *size)))


@pytest.mark.parametrize("count", [1, 2, 100])
def test_any_number_of_filters(count):
    result = reconstruct(small_scan(), NoiseScalar(1.0), Dictionary.random(count, 6))
    parts = sum(result.contributions(k) for k in range(count))
    assert relative(result.low_pass + parts, result.image) < 1e-5


def test_history_and_provenance_are_json():
    result = reconstruct(small_scan(slices=2).with_noise_std(None), fresh_network(), iterations=3)
    assert json.loads(json.dumps(result.history)) == result.history
    assert json.loads(json.dumps(result.provenance)) == result.provenance
    assert [(row["slice"], row["iteration"]) for row in result.history] == [
        (index, number) for index in range(2) for number in (1, 2, 3)
    ]
    assert result.provenance["dictionary"]["digest"] == DICTIONARY.digest
    assert result.provenance["input"]["noise_is_estimated"] is True
    assert result.provenance["settings"]["iterations"] == 3
    assert result.provenance["stopped_early"] is False
    assert result.provenance["device"] == "cpu"


def test_provenance_of_a_tensor_and_of_a_shuffled_part_of_a_dictionary():
    dictionary = DICTIONARY.subset([1, 2, 5]).permuted(4)
    maps = torch.ones(3, *small_scan().shape[1:])
    provenance = reconstruct(small_scan(), maps, dictionary).provenance
    assert json.loads(json.dumps(provenance))["dictionary"]["order"] == list(dictionary.order)
    assert provenance["dictionary"]["shuffle_seed"] == 4


def test_numpy_gives_every_array():
    arrays = reconstruct(small_scan()).numpy()
    assert set(arrays) == {
        *("image", "initial", "low_pass", "sparsity_maps", "smooth_maps"),
        *("sparse_codes", "reference", "filters", "smooth_parts"),
    }
    assert all(isinstance(one, np.ndarray) for one in arrays.values())


def test_more_filters_explain_more_than_none():
    scan = small_scan()
    result = reconstruct(scan, NoiseScalar(1.0), Dictionary.dct(24, 7), iterations=64)
    error = relative(result.image, scan.reference)
    assert error < relative(result.initial, scan.reference)
    assert error < relative(result.low_pass, scan.reference)


@pytest.mark.parametrize("smooth", SMOOTH)
def test_data_without_any_noise_estimate(smooth):
    scan = small_scan()
    clean = Acquisition.from_kspace(scan.reference.mul(0) + torch.fft.fft2(scan.reference))
    assert bool(
        torch.isfinite(reconstruct(clean, NoiseScalar(1.0), smooth=smooth).image.abs()).all()
    )


def test_results_are_ordinary_tensors():
    result = Reconstructor(Dictionary.dct(4, 5), NoiseScalar(1.0), iterations=2, device="cpu")(
        small_scan()
    )
    arrays = (result.image, result.initial, result.low_pass, result.sparsity_maps)
    for values in (*arrays, result.smooth_maps, result.sparse_codes, result.contributions(0)):
        assert not values.is_inference()
        values.mul_(2)


def test_smooth_filters_of_other_widths():
    scan = small_scan()
    result = reconstruct(scan, NoiseScalar(1.5), smooth="filters", smooth_widths=(1.5, 3.0))
    assert result.smooth_maps.shape[1] == 2
    assert result.provenance["settings"]["smooth_widths"] == [1.5, 3.0]
    usual = reconstruct(scan, NoiseScalar(1.5), smooth="filters")
    assert usual.smooth_maps.shape[1] == 3
    assert relative(result.image, usual.image) > 1e-3
    for widths in ((), (0.1,), (100.0,)):
        with pytest.raises(CscError, match="smooth widths"):
            reconstruct(scan, NoiseScalar(1.5), smooth_widths=widths)


@pytest.mark.parametrize("smooth", SMOOTH)
def test_smooth_filters_add_up_to_the_smooth_part(smooth):
    scan = small_scan(slices=2)
    result = reconstruct(scan, NoiseScalar(1.0), smooth=smooth)
    count = result.smooth_maps.shape[1]
    assert result.smooth_parts.shape == (2, count, *scan.shape[1:])
    if count:
        assert relative(result.smooth_parts.sum(1), result.low_pass) < 1e-5
        assert float(result.smooth_parts[:, 0].abs().max()) > 0
