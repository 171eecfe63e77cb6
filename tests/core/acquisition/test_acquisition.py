import numpy as np
import pytest
import torch
from helper import assert_adjoint, random_complex, relative, small_scan

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.checks import acquired_mask
from napari_csc.core.kspace.fourier import image_to_kspace, kspace_to_image
from napari_csc.errors import CscError

GRIDS = [(16, 16), (15, 17), (12, 21)]


def unit_coils(n_coils, height, width, slices=None):
    """Smooth sensitivities whose squares add up to one."""
    shape = (n_coils, height, width) if slices is None else (slices, n_coils, height, width)
    maps = random_complex(*shape, seed=4)
    return maps / maps.abs().square().sum(-3, keepdim=True).sqrt()


@pytest.mark.parametrize("shape", [(16, 15), (3, 16, 15), (3, 1, 16, 15)])
@pytest.mark.parametrize("kind", ["torch", "numpy"])
def test_shapes(shape, kind):
    kspace = random_complex(*shape)
    acquisition = Acquisition.from_kspace(kspace if kind == "torch" else kspace.numpy())
    slices = 1 if len(shape) == 2 else 3
    assert acquisition.kspace.shape == (slices, 1, 16, 15)
    assert acquisition.shape == (slices, 16, 15)
    assert acquisition.n_coils == 1
    assert acquisition.mask.shape == (16, 15)
    assert acquisition.kspace.dtype == torch.complex64
    assert bool(acquisition.mask.all())
    torch.testing.assert_close(acquisition.kspace.reshape(shape), kspace)


@pytest.mark.parametrize("dtype", ["complex128", ">c8", ">c16", "complex256"])
def test_other_precisions_and_byte_orders(dtype):
    kspace = random_complex(16, 16)
    acquisition = Acquisition.from_kspace(kspace.numpy().astype(dtype))
    torch.testing.assert_close(acquisition.kspace[0, 0], kspace)


def test_input_is_not_changed_by_the_acquisition_and_back():
    array = random_complex(16, 16).numpy()
    acquisition = Acquisition.from_kspace(array)
    before = acquisition.kspace.clone()
    array[:] = 0
    assert torch.equal(acquisition.kspace, before)


@pytest.mark.parametrize("grid", GRIDS)
def test_adjoint_image_against_numpy(grid):
    kspace = random_complex(2, *grid)
    expected = np.fft.fftshift(
        np.fft.ifft2(np.fft.ifftshift(kspace.numpy(), axes=(1, 2)), norm="ortho"), axes=(1, 2)
    )
    image = Acquisition.from_kspace(kspace).adjoint()
    assert image.shape == (2, *grid)
    np.testing.assert_allclose(image.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("grid", GRIDS)
def test_fourier_pair_is_unitary(grid):
    assert_adjoint(image_to_kspace, kspace_to_image, grid, grid)
    image = random_complex(*grid)
    torch.testing.assert_close(kspace_to_image(image_to_kspace(image)), image)


def test_nearly_zero_filling_is_found():
    kspace = torch.zeros(2, 1, 20, 24, dtype=torch.complex128)
    kspace[..., 4:16, 5:20] = random_complex(2, 1, 12, 15, dtype=torch.complex128)
    filled = kspace + 1e-16 * random_complex(2, 1, 20, 24, dtype=torch.complex128, seed=3)
    expected = torch.zeros(20, 24, dtype=torch.bool)
    expected[4:16, 5:20] = True
    acquisition = Acquisition.from_kspace(filled)
    assert torch.equal(acquisition.mask, expected)
    assert torch.equal(acquired_mask(filled), expected)
    assert not acquisition.kspace[..., ~expected].any()


def test_weak_but_measured_samples_stay():
    kspace = random_complex(16, 16)
    kspace[8, 8] = 1e5
    assert bool(Acquisition.from_kspace(kspace).mask.all())


def test_a_given_mask_overrides_the_found_one():
    kspace = random_complex(2, 16, 15)
    mask = torch.zeros(16, 15)
    mask[3:9, 2:11] = 1
    for given in (mask, mask.bool(), mask.numpy(), mask.numpy().astype(np.uint8)):
        acquisition = Acquisition.from_kspace(kspace, mask=given)
        assert torch.equal(acquisition.mask, mask.bool())
        assert torch.equal(acquisition.kspace[:, 0], kspace * mask)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("n_coils", [1, 4])
def test_gram_is_adjoint_after_forward(grid, n_coils):
    mask = torch.rand(grid, generator=torch.Generator().manual_seed(2)) < 0.6
    maps = random_complex(2, n_coils, *grid, seed=8)
    kspace = random_complex(2, n_coils, *grid)
    acquisition = Acquisition.from_kspace(kspace, mask=mask, coil_maps=maps)

    def forward(images):
        return image_to_kspace(maps * images[:, None]) * mask

    def adjoint(data):
        return (maps.conj() * kspace_to_image(data * mask)).sum(1)

    assert_adjoint(forward, adjoint, (2, *grid), (2, n_coils, *grid))
    assert relative(acquisition.adjoint(), adjoint(kspace)) < 1e-5
    images = random_complex(2, *grid, seed=6)
    assert relative(acquisition.gram(images), adjoint(forward(images))) < 1e-5
    assert_adjoint(acquisition.gram, acquisition.gram, (2, *grid), (2, *grid))


def test_one_coil_of_ones_is_no_coil():
    scan = small_scan()
    ones = torch.ones(1, *scan.shape[1:], dtype=torch.complex64)
    with_maps = Acquisition.from_kspace(scan.kspace, scan.mask, ones, scan.noise_std)
    torch.testing.assert_close(with_maps.adjoint(), scan.adjoint())
    image = random_complex(*scan.shape)
    torch.testing.assert_close(with_maps.gram(image), scan.gram(image))


def test_coil_maps_for_every_slice_or_for_all():
    kspace = random_complex(3, 2, 16, 15)
    maps = unit_coils(2, 16, 15)
    shared = Acquisition.from_kspace(kspace, coil_maps=maps)
    each = Acquisition.from_kspace(kspace, coil_maps=maps.expand(3, -1, -1, -1))
    assert shared.coil_maps.shape == each.coil_maps.shape == (3, 2, 16, 15)
    torch.testing.assert_close(shared.adjoint(), each.adjoint())


@pytest.mark.parametrize("shape", [(2, 2, 16, 15), (3, 16, 15), (2, 15, 16), (16, 15)])
def test_coil_maps_that_do_not_fit(shape):
    with pytest.raises(CscError, match="coil"):
        Acquisition.from_kspace(random_complex(3, 2, 16, 15), coil_maps=random_complex(*shape))


def test_coil_maps_must_be_finite_and_are_estimated_for_several_coils():
    maps = unit_coils(2, 16, 15)
    maps[0, 0, 0] = float("nan")
    with pytest.raises(CscError, match="NaN"):
        Acquisition.from_kspace(random_complex(1, 2, 16, 15), coil_maps=maps)
    estimated = Acquisition.from_kspace(random_complex(1, 2, 16, 15))
    assert estimated.coil_maps.shape == (1, 2, 16, 15)


def test_select_keeps_sigma_and_what_belongs_to_the_slice():
    scan = small_scan(slices=3).with_noise_std(None)
    one = scan.select(1)
    assert one.shape == (1, *scan.shape[1:])
    assert one.noise_std == scan.noise_std
    assert one.noise_is_estimated
    assert torch.equal(one.kspace, scan.kspace[1:2])
    assert torch.equal(one.reference, scan.reference[1:2])
    two = scan.select([2, 0])
    assert torch.equal(two.kspace, scan.kspace[[2, 0]])
    assert two.noise_std == scan.noise_std
    assert torch.equal(scan.select(-1).kspace, scan.kspace[2:])
    for wrong in (3, -4, [0, 7]):
        with pytest.raises(CscError, match="Slice"):
            scan.select(wrong)


def test_moving_a_selection_keeps_sigma():
    scan = small_scan(slices=3).with_noise_std(None)
    assert scan.select(1).to("cpu").noise_std == scan.noise_std


def test_select_of_no_slice():
    with pytest.raises(CscError):
        small_scan(slices=2).select([])


def test_select_takes_numpy_integers():
    scan = small_scan(slices=2)
    assert torch.equal(scan.select(np.int64(1)).kspace, scan.kspace[1:])


def test_select_with_coils():
    kspace, maps = random_complex(3, 2, 16, 15), random_complex(3, 2, 16, 15, seed=2)
    scan = Acquisition.from_kspace(kspace, coil_maps=maps)
    torch.testing.assert_close(scan.select(2).adjoint(), scan.adjoint()[2:])


def test_digest_names_the_input():
    kspace = random_complex(16, 15)
    first = Acquisition.from_kspace(kspace)
    assert first.digest == Acquisition.from_kspace(kspace.numpy()).digest
    assert len(first.digest) == 64
    changed = kspace.clone()
    changed[3, 4] *= 1.001
    assert Acquisition.from_kspace(changed).digest != first.digest
    mask = torch.ones(16, 15)
    mask[0] = 0
    assert Acquisition.from_kspace(kspace, mask=mask).digest != first.digest


@pytest.mark.parametrize("grid", GRIDS)
def test_from_image_and_back(grid):
    image = random_complex(2, *grid)
    torch.testing.assert_close(Acquisition.from_image(image).adjoint(), image)
    torch.testing.assert_close(Acquisition.from_image(image[0].numpy()).adjoint(), image[:1])
    real = image.real.double().numpy()
    np.testing.assert_allclose(Acquisition.from_image(real).adjoint().real, real, atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "int16", ">i2", "uint16", "float16", "bool"])
def test_from_image_takes_any_kind_of_number(dtype):
    image = (np.arange(16 * 15).reshape(16, 15) % 100).astype(dtype)
    found = Acquisition.from_image(image).adjoint()[0]
    np.testing.assert_allclose(found.real, image.astype(float), atol=1e-3)


@pytest.mark.parametrize("shape", [(16,), (2, 2, 16, 16), (0, 16, 16)])
def test_from_image_wrong_axes(shape):
    with pytest.raises(CscError):
        Acquisition.from_image(np.ones(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(value):
    kspace = random_complex(16, 16)
    kspace[2, 2] = value
    with pytest.raises(CscError, match="NaN or infinite"):
        Acquisition.from_kspace(kspace)
    with pytest.raises(CscError, match="NaN or infinite"):
        Acquisition.from_image(kspace.real.numpy())


BAD = {
    "real": (np.ones((16, 16)), "complex"),
    "zeros": (np.zeros((16, 16), complex), "all zeros"),
    "one pixel": (np.ones((1, 1), complex), "1 x 1"),
    "three pixels": (np.ones((2, 3, 3), complex), "3 x 3"),
    "one line": (np.ones((16, 1), complex), "16 x 1"),
    "one axis": (np.ones(16, complex), "axes"),
    "five axes": (np.ones((1, 1, 1, 16, 16), complex), "axes"),
    "empty": (np.ones((0, 16, 16), complex), "empty"),
    "text": (np.full((16, 16), "a"), "Numbers are needed"),
    "objects": (np.full((16, 16), None), "Numbers are needed"),
    "too large": (np.full((16, 16), 1e300 + 0j), "single precision"),
}


@pytest.mark.parametrize("name", BAD)
def test_unusable_kspace(name):
    data, words = BAD[name]
    with pytest.raises(CscError, match=words):
        Acquisition.from_kspace(data)


def test_unusable_masks():
    kspace = random_complex(16, 16)
    with pytest.raises(CscError, match="mask"):
        Acquisition.from_kspace(kspace, mask=np.ones((16, 15)))
    with pytest.raises(CscError, match="mask"):
        Acquisition.from_kspace(kspace, mask=np.zeros((16, 16)))


@pytest.mark.parametrize("sigma", [0, -1.0, float("nan"), float("inf")])
def test_unusable_noise(sigma):
    with pytest.raises(CscError, match="noise"):
        Acquisition.from_kspace(random_complex(16, 16), noise_std=sigma)
    with pytest.raises(CscError, match="noise"):
        small_scan().with_noise_std(sigma)


def test_given_noise_is_taken():
    scan = small_scan().with_noise_std(0.25)
    assert scan.noise_std == 0.25
    assert not scan.noise_is_estimated
    assert scan.with_noise_std(None).noise_is_estimated
