import pytest
import torch
from helper import small_scan

from napari_csc.core.analysis.evenly_kept import kept_within, stride_within
from napari_csc.core.analysis.partial_sums import PartialSums
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import NoiseScalar
from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.errors import CscError


@pytest.fixture(scope="module")
def result():
    reconstruct = Reconstructor(
        Dictionary.dct(8, 5), NoiseScalar(1.0), iterations=20, smooth="filters", device="cpu"
    )
    return reconstruct(small_scan(slices=2))


@pytest.fixture
def counted(result, monkeypatch):
    """The contributions that were computed, in their order."""
    seen = []
    plain = type(result).contributions

    def contributions(self, index, number=None):
        seen.append(index)
        return plain(self, index, number)

    monkeypatch.setattr(type(result), "contributions", contributions)
    return seen


@pytest.mark.parametrize("number", [0, 1])
def test_the_image_grows_by_the_strongest_filter_left(result, number):
    sums = PartialSums(result, number)
    image, expected = result.image[number], result.low_pass[number].clone()
    parts = [result.contributions(index, number) for index in range(8)]
    energies = torch.stack([part.abs().square().sum() for part in parts])
    order = energies.argsort(descending=True, stable=True).tolist()
    assert sums.order() == order
    for count in range(9):
        if count:
            expected = expected + parts[order[count - 1]]
        found = sums.at(count)
        assert (found.count, found.total) == (count, 8)
        assert found.added == (order[count - 1] if count else None)
        assert found.following == (order[count] if count < 8 else None)
        torch.testing.assert_close(found.image, expected)
        rest = torch.linalg.vector_norm(image - expected) ** 2
        share = 1 - float(rest / torch.linalg.vector_norm(image) ** 2)
        assert found.share == pytest.approx(share, abs=1e-5)
    assert torch.equal(found.image, image)
    assert found.share == 1


def test_nothing_is_added_twice(result, counted):
    sums = PartialSums(result, 0)
    order = sums.order()
    assert counted == list(range(8))
    counted.clear()
    for count in (3, 2, 5, 3, 8, 0):
        sums.at(count)
    assert counted == order[:5]


def test_a_small_budget_keeps_few_and_finds_the_same(result, counted):
    frugal = PartialSums(result, 0, budget=3 * result.image[0].nbytes)
    frugal.order()
    counted.clear()
    images = [frugal.at(count).image for count in range(8)]
    assert len(counted) == 7, "one after the other costs one contribution each"
    counted.clear()
    again = frugal.at(6).image
    assert 0 < len(counted) <= 3
    assert torch.equal(again, images[6])


def test_what_was_done_before_a_stop_is_kept(result, counted):
    sums = PartialSums(result, 0)
    asked = 0

    def checkpoint():
        nonlocal asked
        asked += 1
        if asked in (4, 14):
            raise ReconstructionStopped("stopped")

    for expected in (3, 8 + 4):
        with pytest.raises(ReconstructionStopped):
            sums.at(7, checkpoint)
        assert len(counted) == expected
    sums.at(7)
    assert len(counted) == 8 + 7


def test_wrong_numbers_are_told(result):
    with pytest.raises(CscError, match="Slice 2 does not exist"):
        PartialSums(result, 2)
    with pytest.raises(CscError, match="There are 8 filters"):
        PartialSums(result, 0).at(9)


@pytest.mark.parametrize("count", [1, 2, 3, 16, 65, 256])
@pytest.mark.parametrize("room", [1, 2, 3, 10, 300])
def test_thinning_keeps_the_ends_and_even_steps(count, room):
    kept = kept_within(count, 100, 100 * room)
    assert kept[0] == 0
    assert kept[-1] == count - 1
    assert len(kept) <= max(room, 2)
    stride = stride_within(count, 100, 100 * room)
    assert set(range(0, count, stride)) <= set(kept)
    if stride > 1:
        assert len(range(0, count, stride // 2)) >= room, "no thinner than needed"
