"""The published method to the digit, against an implementation straight from the equations."""

import plain_published as plain
import pytest
import torch
from helper import relative, small_scan

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.spectra import filter_spectra
from napari_csc.core.maps.scalar import NoiseScalar
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.solvers.published import starting_image

PUBLISHED = {
    "solver": "fista-published",
    "norm": "real-imaginary",
    "smooth": "low-pass-cg",
    "rule": "shrunk",
    "device": "cpu",
}


def both(scan, dictionary, maps, beta=10.0, iterations=64, theirs=plain.CONVENTIONS, **changes):
    """Return the image of the product, and that of the equations, for maps in units of the scan."""
    settings = {"iterations": iterations, "low_pass_weight": beta, **PUBLISHED, **changes}
    made = Reconstructor(dictionary, maps, **settings)(scan)
    initial = torch.fft.ifftshift(scan.adjoint()[0]).to(torch.complex128)
    mask = torch.fft.ifftshift(scan.mask).to(torch.float64)
    # Without the rounding errors that single precision left at positions without samples.
    initial = plain.sampled(initial, mask)
    scale = 10 / initial.abs().max()
    spectra = filter_spectra(dictionary.filters, initial.shape)
    power = spectra.abs().square().sum(0)
    # The codes of least norm that make this image.
    start = torch.fft.ifft2(spectra.conj() * (starting_image(power) / power), norm="ortho")
    image = plain.reconstruct(
        scale * initial,
        mask,
        dictionary.filters.double(),
        scale * torch.fft.ifftshift(maps, (-2, -1)).double(),
        beta,
        start.to(torch.complex128),
        iterations,
        theirs,
    )
    return made.image[0], torch.fft.fftshift(image / scale).to(torch.complex64)


@pytest.mark.parametrize("beta", [10.0, 40.0])
@pytest.mark.parametrize("name", ["dct-8-5", "random-6-7"])
def test_image_is_that_of_the_equations(name, beta):
    scan, dictionary = small_scan(), Dictionary.load(name)
    generator = torch.Generator().manual_seed(0)
    levels = torch.rand(len(dictionary), *scan.shape[1:], generator=generator)
    maps = 2 * scan.noise_std * levels
    ours, theirs = both(scan, dictionary, maps, beta)
    assert relative(ours, theirs) < 1e-5


def test_the_paper_mode_is_that_of_the_equations_without_their_conventions():
    scan, dictionary = small_scan(), Dictionary.load("dct-8-5")
    maps = scan.noise_std * torch.ones(8, *scan.shape[1:])
    paper = {"solver": "fista", "smooth": "low-pass", "step_rule": "uniform"}
    ours, theirs = both(scan, dictionary, maps, theirs=(), **paper)
    assert relative(ours, theirs) < 1e-5


@pytest.mark.parametrize("change", [{"solver": "fista"}, {"smooth": "low-pass"}])
def test_each_convention_matters(change):
    scan, dictionary = small_scan(), Dictionary.load("dct-8-5")
    maps = scan.noise_std * torch.ones(8, *scan.shape[1:])
    as_published = Reconstructor(dictionary, maps, iterations=64, **PUBLISHED)(scan)
    other = Reconstructor(dictionary, maps, iterations=64, **PUBLISHED | change)(scan)
    assert relative(other.image, as_published.image) > 1e-4


def test_order_of_filters_and_scale_of_the_data_do_not_matter():
    scan, dictionary = small_scan(), Dictionary.load("dct-8-5")

    def image(dictionary, factor=1.0):
        changed = type(scan).from_kspace(
            factor * scan.kspace, scan.mask, noise_std=abs(factor) * scan.noise_std
        )
        made = Reconstructor(dictionary, NoiseScalar(1.5), iterations=32, **PUBLISHED)
        return made(changed).image / factor

    plain_image = image(dictionary)
    assert relative(image(dictionary.permuted(3)), plain_image) < 1e-5
    assert relative(image(dictionary, 37.0), plain_image) < 1e-5
