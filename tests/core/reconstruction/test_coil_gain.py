"""Coil maps of any scale: the same result, as much smaller as they are larger."""

import numpy as np
import pytest
import torch
from helper import random_complex, relative
from test_health import blob

import napari_csc as csc
from napari_csc.core.acquisition.coil_gain import normalised_coils
from napari_csc.core.kspace.fourier import image_to_kspace

WAYS = [("admm", "fitted"), ("admm", "shrunk"), ("fista", "shrunk")]


def unit_maps():
    y, x = torch.meshgrid(torch.linspace(-1, 1, 48), torch.linspace(-1, 1, 40), indexing="ij")
    maps = torch.stack([torch.exp(-((y - a) ** 2) - (x - a / 2) ** 2) for a in (-1.5, 0, 1.5)])
    return (maps / maps.square().sum(0).sqrt()).to(torch.complex64)


def scan_with(factor, maps, kspace):
    return csc.Acquisition.from_kspace(kspace, coil_maps=factor * maps, noise_std=1.0)


def made(scan, maps=None, solver="admm", rule="fitted", **options):
    reconstruct = csc.Reconstructor(
        csc.Dictionary.dct(8, 5),
        csc.NoiseScalar(1.0) if maps is None else maps,
        solver=solver,
        iterations=12,
        rule=rule,
        device="cpu",
    )
    return reconstruct(scan, **options)


@pytest.mark.parametrize("lines", ["all", "every second"])
@pytest.mark.parametrize(("solver", "rule"), WAYS)
def test_the_scale_of_coil_maps_changes_nothing_else(solver, rule, lines):
    maps = unit_maps()
    kspace = image_to_kspace(maps * torch.as_tensor(blob()))[None] + random_complex(1, 3, 48, 40)
    if lines == "every second":
        kspace[:, :, 1::2] = 0
    usual = scan_with(1.0, maps, kspace)
    wanted = made(usual, None, solver, rule)
    for factor in (1e-3, 0.01, 0.3, 0.75, 1.3, 3.0, 1e3):
        scan = scan_with(factor, maps, kspace)
        found = made(scan, None, solver, rule)
        assert relative(factor * found.image, wanted.image) < 1e-4
        assert relative(factor * found.sparse_codes, wanted.sparse_codes) < 1e-3
        # What the data and the levels are is larger by it.
        assert relative(found.initial, scan.adjoint()) < 1e-5
        assert relative(found.sparsity_maps / factor, wanted.sparsity_maps) < 1e-4
        assert found.history[-1]["objective"] == pytest.approx(
            wanted.history[-1]["objective"], rel=1e-4
        )
        both = [
            [(one.name, one.level) for one in csc.health(*pair)]
            for pair in ((found, scan), (wanted, usual))
        ]
        assert both[0] == both[1]


def test_pictures_on_the_way_have_the_size_of_the_result():
    maps = unit_maps()
    kspace = image_to_kspace(maps * torch.as_tensor(blob()))[None] + random_complex(1, 3, 48, 40)
    pictures = []

    def look(progress):
        pictures.append(progress.current_image())

    result = made(scan_with(0.02, maps, kspace), None, "fista", "shrunk", on_iteration=look)
    assert relative(pictures[-1], result.image[0]) < 1e-5


def test_a_network_sees_the_same_whatever_the_scale():
    maps = unit_maps()
    kspace = image_to_kspace(maps * torch.as_tensor(blob()))[None] + random_complex(1, 3, 48, 40)
    settings = csc.ReconstructionSettings.checked(device="cpu", iterations=4)
    reconstruct = csc.Reconstructor.from_settings(settings)
    wanted = reconstruct(scan_with(1.0, maps, kspace))
    found = reconstruct(scan_with(0.01, maps, kspace))
    assert relative(0.01 * found.image, wanted.image) < 1e-4


def test_maps_of_an_earlier_result_serve_again_at_any_scale():
    maps = unit_maps()
    kspace = image_to_kspace(maps * torch.as_tensor(blob()))[None] + random_complex(1, 3, 48, 40)
    scan = scan_with(0.02, maps, kspace)
    first = made(scan)
    levels = torch.cat([first.sparsity_maps, first.smooth_maps], 1)
    again = made(scan, levels)
    assert relative(again.image, first.image) < 1e-5


def test_maps_that_are_usual_or_silent_are_left_as_they_are():
    maps = unit_maps()
    kspace = image_to_kspace(maps * torch.as_tensor(blob()))[None]
    for one in (scan_with(1.0, maps, kspace), csc.Acquisition.from_kspace(kspace[:, 0])):
        same, gain = normalised_coils(one)
        assert same is one
        assert gain == 1
    scaled, gain = normalised_coils(scan_with(5.0, maps, kspace))
    assert gain == pytest.approx(5, rel=1e-5)
    assert scaled.noise_std == 1.0
    assert np.isclose(scaled.gram_norm, 1, rtol=1e-5)
