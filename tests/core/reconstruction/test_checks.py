"""Rows of health: each speaks up when it should, and not otherwise."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from test_health import RECONSTRUCT, levels, scan_of

import napari_csc as csc
from napari_csc.core.reconstruction.figures_of_health import noise_share
from napari_csc.core.reconstruction.health import worst
from napari_csc.phantom.head import head_phantom

DATA = os.environ.get("NAPARI_CSC_DATA")
REAL = [
    *(f"subject_{who}_{what}" for who in ("6b", "7a", "s6b") for what in ("flair", "fse", "gre")),
    "volunteer_fse_coronal",
    "volunteer_gre_coronal",
    "volunteer_gre_sagittal",
    "volunteer_fisp",
    "phantom_fisp",
]


def told(result, scan, name):
    (found,) = [one for one in csc.health(result, scan) if one.name == name]
    return found


@pytest.mark.parametrize(("iterations", "level"), [(2, "red"), (16, "green")])
def test_iterations_that_were_too_few(iterations, level):
    scan = scan_of()
    made = csc.Reconstructor(
        csc.Dictionary.dct(8, 5),
        csc.NoiseScalar(1.0),
        solver="admm",
        iterations=iterations,
        rule="fitted",
        device="cpu",
    )
    result = made(scan)
    found = told(result, scan, "converged")
    assert found.level == level
    assert ("make more iterations" in found.sentence) == (level == "red")
    # Any slice that has not come far enough.
    history = [{**one, "image_change": 0.001} for one in result.history]
    history.append({"slice": 1, "iteration": 99, "image_change": 0.05})
    assert told(replace(result, history=history), scan, "converged").level == "amber"


def test_a_run_that_was_stopped():
    scan = scan_of()
    result = RECONSTRUCT(scan, on_iteration=lambda progress: progress.iteration < 4)
    assert told(result, scan, "converged").level == "amber"
    assert "taken away" not in levels(csc.health(result, scan))
    empty = replace(result, history=[])
    assert "converged" not in levels(csc.health(empty, scan))


def test_structure_in_what_was_taken_away():
    scan = scan_of()
    result = RECONSTRUCT(scan)
    assert told(result, scan, "taken away").level == "green"
    blurred = torch.fft.ifft2(
        torch.fft.fft2(result.image)
        * torch.exp(
            -2
            * (torch.pi * 2.5) ** 2
            * (
                torch.fft.fftfreq(result.image.shape[1]).square()[:, None]
                + torch.fft.fftfreq(result.image.shape[2]).square()
            )
        )
    )
    lost = told(replace(result, image=blurred), scan, "taken away")
    assert lost.level in ("amber", "red")
    darker = told(replace(result, image=result.image * 0.9), scan, "taken away")
    assert darker.level in ("amber", "red")
    assert "signal was taken" in darker.sentence
    nothing = replace(result, image=result.image * 0, initial=result.initial * 0)
    assert "taken away" not in levels(csc.health(nothing, scan))


@pytest.mark.parametrize(
    ("factor", "level"), [(0.2, "red"), (0.5, "amber"), (1, None), (2, "amber"), (4, "red")]
)
def test_a_level_that_was_given_against_what_the_data_tell(factor, level):
    head = head_phantom(96, slices=1)
    scan = csc.simulate_low_field(head, 80, 0.05, torch.Generator().manual_seed(0))
    found = levels(csc.health(None, scan.with_noise_std(factor * scan.noise_std)))
    assert found.get("given noise") == level


def test_magnitudes_without_a_level():
    picture = np.zeros((64, 64), np.float32)
    picture[20:40, 20:40] = 7
    unknown = csc.Acquisition.from_image(picture, mask=np.ones((64, 64)))
    found = told(None, unknown, "magnitude")
    assert found.level == "amber"
    assert "simulate a low-field scan" in found.sentence
    assert "magnitude" not in levels(csc.health(None, unknown.with_noise_std(0.2)))


@pytest.mark.parametrize(
    ("variance", "level"), [(1e-4, "amber"), (0.05, "green"), (0.3, "green"), (3, "amber")]
)
def test_noise_that_the_weights_never_saw(variance, level):
    head = head_phantom(64, slices=1)
    scan = csc.simulate_low_field(head, 64, variance, torch.Generator().manual_seed(0))
    assert noise_share(scan) == pytest.approx(variance / (1 + variance), rel=0.1)
    made = csc.Reconstructor(
        csc.Dictionary.dct(4, 5), csc.load_map_network("v4"), iterations=1, device="cpu"
    )
    result = made(scan)
    assert result.provenance["maps"]["trained_noise"] == [0.05, 0.4]
    assert told(result, scan, "training range").level == level
    scalar = RECONSTRUCT(scan)
    assert "training range" not in levels(csc.health(scalar, scan))
    odd = replace(result, provenance={**result.provenance, "maps": {"trained_noise": "odd"}})
    assert "training range" not in levels(csc.health(odd, scan))


def default(scan, **changes):
    settings = csc.ReconstructionSettings.checked(device="cpu", **changes)
    return csc.Reconstructor.from_settings(settings)(scan)


def test_the_sample_deserves_green():
    scan = csc.load(Path(__file__).parents[3] / "sample_data" / "head_phantom_lowfield.h5")
    scan = scan.select(scan.shape[0] // 2)
    found = csc.health(default(scan), scan)
    assert worst(found) == "green", found


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.skipif(DATA is None, reason="NAPARI_CSC_DATA is not set")
@pytest.mark.parametrize("name", REAL)
def test_real_scans_deserve_green(name):
    scan = csc.load(Path(DATA) / "lowfield_055T" / f"{name}.mat")
    scan = scan.select(scan.shape[0] // 2)
    found = csc.health(default(scan), scan)
    assert worst(found) == "green", found


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.skipif(DATA is None, reason="NAPARI_CSC_DATA is not set")
@pytest.mark.parametrize("name", ["subject_6b_flair", "subject_s6b_gre"])
@pytest.mark.parametrize("wrong", [{"factor": 2}, {"factor": 0.5}, {"iterations": 2}])
def test_real_scans_of_which_something_is_wrong(name, wrong):
    scan = csc.load(Path(DATA) / "lowfield_055T" / f"{name}.mat").select(1)
    changes = dict(wrong)
    scan = scan.with_noise_std(changes.pop("factor", 1) * scan.noise_std)
    assert worst(csc.health(default(scan, **changes), scan)) in ("amber", "red")


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.skipif(DATA is None, reason="NAPARI_CSC_DATA is not set")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("brain_volumes/neurolabusc_t1.nii.gz", {}),
        ("other_anatomy/abdomen.dcm", {}),
        ("other_anatomy/fair_knee3d.mat", {"key": "dataT", "kind": "image"}),
    ],
)
def test_magnitudes_with_defaults_are_not_green(name, options):
    scan = csc.load(Path(DATA) / name, **options)
    scan = scan.select(scan.shape[0] // 2)
    assert worst(csc.health(default(scan), scan)) in ("amber", "red")
