"""One filter of one's own: by Gabor or cosine parameters, or pixels; joined to a dictionary."""

import numpy as np
import pytest
import torch

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.drawn import cosine_filter, gabor_filter, joined, prepared
from napari_csc.core.dictionary.families import dct, gabor
from napari_csc.errors import CscError


@pytest.mark.parametrize("size", [3, 7, 9, 15])
def test_cosines_are_those_of_the_family(size: int) -> None:
    whole = dct(size**2 - 1, size)
    ours = [cosine_filter(size, u, v) for u in range(size) for v in range(size) if u or v]
    overlaps = np.abs(np.einsum("iyx,jyx->ij", np.stack(ours), whole))
    np.testing.assert_allclose(overlaps.max(1), 1, rtol=1e-9)
    np.testing.assert_allclose(overlaps.sum(1), 1, atol=1e-6)


def test_gabors_are_those_of_the_family() -> None:
    size = 11
    family = gabor(8, size)
    # Coarsest: as long as the filter is wide, one fifth of it the envelope, four orientations.
    n_orientations = int(np.ceil(8 / (2 * 5)))
    ours = [
        gabor_filter(size, 180 * k / n_orientations, 1 / size, size / 5, phase)
        for k in range(n_orientations)
        for phase in (0, 90)
    ]
    np.testing.assert_allclose(np.stack(ours), family[: len(ours)], atol=1e-12)


def test_orientation_turns_the_wave() -> None:
    across, down = gabor_filter(9, 0, 0.25, 2), gabor_filter(9, 90, 0.25, 2)
    np.testing.assert_allclose(across.T, down, atol=1e-12)
    assert np.abs(across - down).max() > 0.1
    np.testing.assert_allclose(gabor_filter(9, 180, 0.25, 2), across, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_pixels_become_a_filter(scale: float) -> None:
    pixels = np.zeros((5, 5))
    pixels[2, 1:4] = scale
    found = prepared(pixels)
    assert np.linalg.norm(found) == pytest.approx(1)
    assert found.mean() == pytest.approx(0, abs=1e-12)
    assert found.argmax() == 2 * 5 + 1


@pytest.mark.parametrize(
    ("pixels", "sentence"),
    [
        (np.zeros((5, 5)), "all zeros"),
        (np.full((5, 5), 0.3), "alike"),
        (np.full((5, 5), np.nan), "NaN"),
        (np.ones((5, 5), complex), "real numbers"),
        (np.ones(5), r"\(y, x\)"),
        (np.array([["a", "b"]]), "real numbers"),
    ],
)
def test_no_filter_is_refused(pixels: np.ndarray, sentence: str) -> None:
    for make in (prepared, lambda one: joined(Dictionary.dct(4, 5), one)):
        with pytest.raises(CscError, match=sentence):
            make(pixels)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: gabor_filter(9, 0, 0, 2), "frequency"),
        (lambda: gabor_filter(9, 0, 0.6, 2), "frequency"),
        (lambda: gabor_filter(9, 0, np.nan, 2), "frequency"),
        (lambda: gabor_filter(9, 0, 0.2, 0), "width"),
        (lambda: gabor_filter(9, np.inf, 0.2, 2), "degrees"),
        (lambda: cosine_filter(9, 9, 0), "from 0 to 8"),
        (lambda: cosine_filter(9, 0, -1), "from 0 to 8"),
        (lambda: cosine_filter(9, 0, 0), "alike"),
        (lambda: cosine_filter(1, 0, 0), "wide"),
    ],
)
def test_parameters_out_of_bounds(make, sentence: str) -> None:
    with pytest.raises(CscError, match=sentence) as told:
        make()
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("mine", "theirs"), [(3, 9), (9, 5), (7, 7), (5, 8), (9, 6)])
def test_joins_filters_of_any_size(mine: int, theirs: int) -> None:
    before = Dictionary.dct(6, theirs)
    pixels = np.zeros((mine, mine))
    pixels[mine // 2, mine // 2] = 2
    after = joined(before, pixels, "more")
    size = max(mine, theirs)
    assert (len(after), after.size, after.name) == (7, (size, size), "more")
    # Nothing moves against the centre pixel, so codes lie where they lay.
    assert int(after.filters[-1].argmax()) == size // 2 * size + size // 2
    first = size // 2 - theirs // 2
    kept = after.filters[:6, first : first + theirs, first : first + theirs]
    assert torch.equal(kept, before.filters)
    assert len(before) == 6
    assert after.metadata["drawn"] == 1
    assert joined(after, gabor_filter(size, 20, 0.2, 1)).metadata["drawn"] == 2


def test_what_is_there_already_is_refused() -> None:
    dictionary = Dictionary.dct(6, 5)
    for sign in (1, -3):
        with pytest.raises(CscError, match="number 2"):
            joined(dictionary, sign * dictionary.filters[2].numpy())


def test_too_many() -> None:
    full = Dictionary.random(1024, 3)
    with pytest.raises(CscError, match="1025"):
        joined(full, gabor_filter(3, 0, 0.3, 1))


def test_a_file_keeps_it(tmp_path) -> None:
    after = joined(Dictionary.dct(6, 5), gabor_filter(7, 45, 0.2, 1.5), "more")
    after.save(tmp_path / "more.safetensors")
    again = Dictionary.load(tmp_path / "more.safetensors")
    assert again.digest == after.digest
    assert again.metadata["drawn_onto"] == "DCT-6 5x5"
