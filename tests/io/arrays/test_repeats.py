import numpy as np
import pytest

import napari_csc as csc
from napari_csc.errors import CscError


def scan(path, drift=0.0, count=2):
    """k-space of a square with repeats (repeat, slice, y, x) in a file."""
    rng = np.random.default_rng(0)
    image = np.zeros((3, 32, 32))
    image[:, 10:22, 8:24] = 40
    kspace = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image, (-2, -1)), norm="ortho"), (-2, -1))
    noise = rng.standard_normal((2, count, 3, 32, 32)) / 2**0.5
    drifting = (1 + drift * np.arange(count))[:, None, None, None]
    values = (kspace * drifting + noise[0] + 1j * noise[1]).astype(np.complex64)
    np.save(path, values)
    return values


AXES = {"axes": "repeat,slice,y,x"}


def test_one_repeat_alone_or_the_mean_of_all(tmp_path):
    values = scan(tmp_path / "a.npy")
    mean = csc.load(tmp_path / "a.npy", **AXES)
    assert np.allclose(mean.kspace[:, 0], values.mean(0), atol=1e-5)
    assert mean.noise_std == pytest.approx(0.5**0.5, rel=0.03)
    assert mean.noise.method == "repeats"
    one = csc.load(tmp_path / "a.npy", repeat=1, **AXES)
    assert np.array_equal(one.kspace[:, 0], values[1])
    assert one.metadata["repeat"] == 1
    assert one.noise_is_estimated


def test_repeats_that_drift_do_not_tell_the_noise(tmp_path):
    scan(tmp_path / "a.npy", drift=0.2)
    found = csc.load(tmp_path / "a.npy", **AXES)
    assert found.noise_is_estimated
    assert "differ by more than noise" in found.notes[0]


@pytest.mark.parametrize("repeat", [2, -1])
def test_a_repeat_that_is_not_there(tmp_path, repeat):
    scan(tmp_path / "a.npy")
    with pytest.raises(CscError, match="the repeats are 0 to 1"):
        csc.load(tmp_path / "a.npy", repeat=repeat, **AXES)


def test_a_scan_without_repeats(tmp_path):
    values = scan(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", values[0])
    with pytest.raises(CscError, match="there is only one"):
        csc.load(tmp_path / "b.npy", repeat=1)
    csc.export(csc.load(tmp_path / "b.npy"), tmp_path / "c.h5")
    with pytest.raises(CscError, match="no repeats to choose"):
        csc.load(tmp_path / "c.h5", repeat=0)
    with pytest.raises(CscError, match="whole number"):
        csc.load(tmp_path / "b.npy", repeat="last")


def test_an_image_with_repeats_is_asked_for_one(tmp_path):
    pictures = np.abs(np.random.default_rng(0).standard_normal((2, 16, 16))).astype(np.float32)
    np.save(tmp_path / "i.npy", pictures)
    options = {"axes": "repeat,y,x", "kind": "image"}
    with pytest.raises(CscError, match="2 repeats; choose one"):
        csc.load(tmp_path / "i.npy", **options)
    one = csc.load(tmp_path / "i.npy", repeat=1, **options)
    assert np.allclose(one.adjoint()[0].real, pictures[1], atol=1e-5)


def test_samples_are_left_out(tmp_path):
    values = scan(tmp_path / "a.npy")
    values = values[0]
    values[:, 3, 4] = 1e20
    np.save(tmp_path / "b.npy", values)
    assert "(3, 4)" in csc.load(tmp_path / "b.npy", kind="k-space").notes[0]
    found = csc.load(tmp_path / "b.npy", kind="k-space", without_samples=[(3, 4)])
    assert not found.mask[3, 4]
    assert int(found.mask.sum()) == 32 * 32 - 1


def changed(tmp_path, change):
    """The mean of repeats that were changed, and the repeats."""
    values = scan(tmp_path / "a.npy")
    values = change(values).astype(np.complex64)
    np.save(tmp_path / "b.npy", values)
    return csc.load(tmp_path / "b.npy", **AXES), values


def test_repeats_that_are_copies_are_told(tmp_path):
    found, _ = changed(tmp_path, lambda values: values[[0, 0, 0]])
    assert "The 3 repeats are equal" in found.notes[0]
    assert found.noise_is_estimated
    assert found.noise_std == pytest.approx(1, rel=0.15)


def test_an_empty_repeat_does_not_darken_the_mean(tmp_path):
    found, values = changed(tmp_path, lambda values: values * np.array([1, 0])[:, None, None, None])
    assert "Repeat 1 of 2 holds nothing" in found.notes[0]
    assert np.array_equal(found.kspace[:, 0], values[0])


@pytest.mark.parametrize("is_shared", [False, True])
def test_each_sample_is_the_mean_of_the_repeats_that_hold_it(tmp_path, is_shared):
    """Lines in turn, or with a middle that both have."""
    lines = np.arange(32) % 2 == np.arange(2)[:, None]
    if is_shared:
        lines[:, 12:20] = True
    found, values = changed(tmp_path, lambda values: values * lines[:, None, :, None])
    assert "hold different samples" in found.notes[0]
    expected = values.sum(0) / lines.sum(0)[None, :, None]
    assert np.allclose(found.kspace[:, 0], expected, atol=1e-5)


@pytest.mark.parametrize("factor", [1.0, 1e-25])
@pytest.mark.parametrize(
    ("signs", "kept", "named"),
    [
        ((1, -1), [0], "Repeat 1 of 2 has"),
        ((-1, 1, 1), [1, 2], "Repeat 0 of 3 has"),
        ((1, -1, 1, -1, 1), [0, 2, 4], "Repeats 1, 3 of 5 have"),
        ((-1, -1), [0, 1], None),
    ],
)
def test_repeats_of_opposite_sign_are_named_and_left_out(tmp_path, signs, kept, named, factor):
    values = scan(tmp_path / "a.npy", count=len(signs)).astype(np.complex128) * factor
    values *= np.array(signs)[:, None, None, None]
    np.save(tmp_path / "a.npy", values)
    found = csc.load(tmp_path / "a.npy", **AXES)
    largest = np.abs(values).max()
    mean = values[kept].mean(0) / largest
    assert np.allclose(found.kspace[:, 0].numpy() / largest, mean, atol=1e-5)
    told = [note for note in found.notes if "opposite sign" in note]
    assert len(told) == (named is not None)
    if named is not None:
        assert told[0].startswith(named)


def test_repeats_of_noise_alone_have_no_sign(tmp_path):
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((2, 3, 2, 32, 32))
    np.save(tmp_path / "a.npy", noise[0] + 1j * noise[1])
    found = csc.load(tmp_path / "a.npy", kind="k-space", **AXES)
    assert not [note for note in found.notes if "opposite sign" in note]
