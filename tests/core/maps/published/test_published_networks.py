"""Checkpoints of the authors' code: their maps, their image, and what cannot be taken."""

import pickle

import numpy as np
import plain_published as plain
import plain_published_network as plain_network
import pytest
import torch
import torch.nn.functional as F
from helper import relative, small_scan

import napari_csc as csc
from napari_csc.core.dictionary.spectra import filter_spectra
from napari_csc.core.maps import load_published
from napari_csc.core.solvers.published import starting_image
from napari_csc.errors import CscError

K = 6


@pytest.fixture
def scan():
    return small_scan()


def model(inputs, outputs, seed=0, **options):
    torch.manual_seed(seed)
    filters = torch.randn(K, 7, 7)
    filters /= filters.flatten(1).norm(dim=1)[:, None, None]
    made = plain_network.Model(filters, inputs, outputs, **options).eval()
    last = made.cnn_block_reg_parameter.c1x1
    if last.bias is not None:
        # Levels at which codes survive.
        last.bias.data -= 3.5
    return made


def saved(folder, made, name="model.pt", wrap=False):
    state = made.state_dict()
    torch.save({"state_dict": state, "epoch": 3} if wrap else state, folder / name)
    return folder / name


def maps_of_the_equations(made, image, inputs):
    """Return their maps (K, y, x) for an image of maximum 10."""
    shown = torch.view_as_real(image.to(torch.complex64)).movedim(-1, 0)
    if inputs == "v1":
        batch = shown[None]
    else:
        responses = plain.correlated(image, made.d_filter[:, 0].double()).to(torch.complex64)
        parts = torch.view_as_real(responses).movedim(-1, 1)
        batch = parts if inputs == 2 else torch.cat([shown.expand(K, -1, -1, -1), parts], 1)
    with torch.no_grad():
        values = made.cnn_block_reg_parameter(batch)
    return 10 * F.softplus(1.5 * values.reshape(K, *image.shape)) / 1.5


@pytest.mark.parametrize(
    ("inputs", "options"),
    [
        (2, {}),
        (4, {}),
        ("v1", {}),
        (2, {"width": 3, "stages": 3, "bias": False}),
        (4, {"stages": 1, "raw": 40.0}),
    ],
)
def test_maps_and_image_are_theirs(tmp_path, scan, inputs, options):
    made = model(2 if inputs == "v1" else inputs, K if inputs == "v1" else 1, **options)
    path = saved(tmp_path, made, wrap=inputs == 4)
    network, dictionary = csc.load_map_network(path), csc.Dictionary.load(path)
    result = csc.Reconstructor(dictionary, network, device="cpu")(scan)
    used = result.provenance["settings"]
    assert (used["solver"], used["iterations"], used["smooth"]) == (
        "fista-published",
        64,
        "low-pass-cg",
    )
    assert used["low_pass_weight"] == pytest.approx(made.beta)

    initial = scan.adjoint()[0].to(torch.complex128)
    mask = torch.fft.ifftshift(scan.mask).double()
    initial = plain.sampled(initial, mask)
    scale = 10 / initial.abs().max()
    maps = maps_of_the_equations(made, scale * initial, inputs)
    assert relative(result.sparsity_maps[0] * scale, maps) < 1e-5
    filters = made.d_filter[:, 0].double()
    spectra = filter_spectra(filters.float(), tuple(initial.shape))
    power = spectra.abs().square().sum(0)
    start = torch.fft.ifft2(spectra.conj() * (starting_image(power) / power), norm="ortho")
    theirs = plain.reconstruct(
        scale * initial, mask, filters, maps.double(), made.beta, start.to(torch.complex128)
    )
    assert relative(result.image[0], (theirs / scale).to(torch.complex64)) < 1e-5
    if options.get("bias", True):
        assert relative(result.low_pass[0], result.image[0]) > 0.02


@pytest.mark.parametrize("inputs", [2, 4])
def test_the_order_of_filters_and_the_scale_of_data_do_not_matter(tmp_path, scan, inputs):
    path = saved(tmp_path, model(inputs, 1))
    network, dictionary = csc.load_map_network(path), csc.Dictionary.load(path)
    assert network.permutation_equivariant
    plain_image = csc.Reconstructor(dictionary, network, device="cpu")(scan).image
    shuffled = csc.Reconstructor(dictionary.permuted(2), network, device="cpu")(scan).image
    assert relative(shuffled, plain_image) < 1e-5
    larger = csc.Acquisition.from_kspace(7 * scan.kspace, scan.mask, noise_std=7 * scan.noise_std)
    scaled = csc.Reconstructor(dictionary, network, device="cpu")(larger).image
    assert relative(scaled / 7, plain_image) < 1e-5


def test_what_the_file_does_not_tell_can_be_told(tmp_path, scan):
    path = saved(tmp_path, model(2, 1))
    usual = load_published(path)
    assert usual.metadata.training["assumed"] == {
        "iterations": 64,
        "bound": 10.0,
        "image maximum": 10.0,
    }
    other = load_published(path, iterations=20, bound=1.0, image_maximum=1.0)
    assert other.metadata.iterations == 20
    made = [csc.Reconstructor(csc.Dictionary.load(path), one)(scan).image for one in (usual, other)]
    assert relative(*made) > 1e-3


def test_another_number_of_filters_is_refused_by_v1(tmp_path, scan):
    network = csc.load_map_network(saved(tmp_path, model(2, K)))
    assert not network.permutation_equivariant
    with pytest.raises(CscError, match="gives 6 maps"):
        csc.Reconstructor(csc.Dictionary.dct(8, 5), network, device="cpu")(scan)


class Evil:
    def __reduce__(self):
        return (open, ("executed", "w"))


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda path: path.write_bytes(b"no weights"), "could not be read as weights"),
        (lambda path: path.write_bytes(pickle.dumps(Evil())), "could not be read as weights"),
        (lambda path: torch.save({"model": Evil()}, path), "could not be read as weights"),
        (lambda path: torch.save(torch.zeros(3), path), "holds no state dict"),
        (lambda path: torch.save({"a": torch.zeros(3)}, path), "holds no map network"),
        (
            lambda path: torch.save({"a": torch.zeros(1).expand(10**6, 10**4)}, path),
            "expands to more than 1 GB",
        ),
        (lambda path: torch.save(model(12, 6).state_dict(), path), "depends on the order"),
        (
            lambda path: torch.save(
                {
                    name: one
                    for name, one in model(2, 1).state_dict().items()
                    if "upconvs" not in name
                },
                path,
            ),
            "holds no map network",
        ),
    ],
)
def test_other_files_are_one_sentence(tmp_path, monkeypatch, write, told):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.pt")
    with pytest.raises(CscError, match=told):
        csc.load_map_network(tmp_path / "a.pt")
    assert not (tmp_path / "executed").exists()


def test_filters_of_other_norms_are_scaled_and_it_is_told(tmp_path):
    np.save(tmp_path / "filters.npy", 3 * csc.Dictionary.dct(4, 5).filters.numpy())
    dictionary = csc.Dictionary.load(tmp_path / "filters.npy")
    assert "scaled" in dictionary.metadata["note"]
    assert "note" not in csc.Dictionary.load("dct-4-5").metadata
