"""What comparing is made of, without a viewer: views of pairs, pins, figures, blinded votes."""

import csv
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.metrics import METRICS, Metric, haarpsi, nmse, psnr, ssim
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.images.pair_views import DifferenceView, SwipeView
from napari_csc.viewer.sections.compare.metric_table import Figure, figure_tables, tables_of_pins
from napari_csc.viewer.sections.compare.pins import (
    Pin,
    Place,
    common,
    differing,
    misfit,
    other_data,
)
from napari_csc.viewer.sections.compare.votes import COLUMNS, Study, Trials

# ---------------------------------------------------------------- views


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    shape = (2, 2, 6, 10)
    return tuple((rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64))


def test_a_difference_is_that_of_the_real_view(pair) -> None:
    first, second = pair
    view = DifferenceView(first, second)
    assert (view.shape, view.ndim, view.dtype) == (first.shape, 3, np.float32)
    expected = np.abs(second) - np.abs(first)
    np.testing.assert_allclose(np.asarray(view), expected, atol=1e-6)
    np.testing.assert_allclose(view[1, 2:4], expected[1, 2:4], atol=1e-6)
    assert np.shares_memory(view.values, first)
    real = DifferenceView(first, second, "real")
    np.testing.assert_allclose(real[0], (second - first).real[0], atol=1e-6)


def test_phases_differ_the_short_way_round() -> None:
    first, second = np.exp([3.0j, -3.0j, 0.1j]), np.exp([-3.0j, 3.0j, 0.3j])
    turn = 2 * np.pi - 6
    found = DifferenceView(first, second, "phase")[:]
    np.testing.assert_allclose(found, [turn, -turn, 0.2], atol=1e-5)


@pytest.mark.parametrize(("share", "boundary"), [(0, 0), (0.3, 3), (1, 10)])
def test_a_swipe_has_the_first_left_and_the_second_right(pair, share, boundary) -> None:
    first, second = map(np.abs, pair)
    view = SwipeView(*pair)
    view.share = share
    expected = np.concatenate([first[..., :boundary], second[..., boundary:]], axis=-1)
    np.testing.assert_allclose(np.asarray(view), expected)
    for key in (1, (0, slice(None), slice(None)), (slice(0, 2), 3), (0, slice(1, 5), slice(2, 9))):
        np.testing.assert_allclose(view[key], expected[key])


# ---------------------------------------------------------------- pins


@pytest.fixture
def result(small_acquisition):
    settings = ReconstructionSettings(
        dictionary="dct-8-5", maps="1.5sigma", iterations=2, dropped=(1,), shuffle_seed=3
    )
    return Reconstructor.from_settings(settings)(small_acquisition)


def pinned(result, first_slice: int = 0) -> Pin:
    return Pin.of(result, Place(first_slice, Geometry(), (0.0, 10.0)))


def test_a_pin_says_in_words_what_it_was_made_with(result) -> None:
    pin = pinned(result)
    words = pin.words
    assert words["maps"] == "one level, 1.5 σ"
    assert words["dictionary"] == "dct-8-5"
    assert words["order"] == "shuffled, seed 3"
    assert words["left out"] == "1 filter (number 1)"
    assert (words["solver"], words["iterations"], words["strength"]) == ("FISTA", "2", "× 1")
    assert json.loads(pin.as_json())["shuffle_seed"] == 3
    assert np.shares_memory(pin.image, result.image.numpy())


def test_only_what_differs_is_told(small_acquisition, result) -> None:
    other = Reconstructor(Dictionary.load("dct-8-5"), maps=0.3, solver="admm", iterations=2)
    assert differing(pinned(result), pinned(result)) == []
    found = differing(pinned(result), pinned(other(small_acquisition)))
    assert set(found) >= {"maps", "order", "left out", "solver"}
    assert "iterations" not in found


def test_pins_must_fit_each_other(small_acquisition, result) -> None:
    reconstruct = Reconstructor(Dictionary.dct(4, 5), maps=0.3, iterations=1)
    second = pinned(reconstruct(small_acquisition.select((1,))), first_slice=1)
    assert misfit(pinned(result), "A", second) == ""
    assert list(common(pinned(result), second)) == [1]
    np.testing.assert_array_equal(pinned(result).cut(range(1, 2))[0], result.image[1])
    first = pinned(reconstruct(small_acquisition.select((0,))))
    assert "A is of slice 0 and this result of slice 1" in misfit(first, "A", second)
    wide = Pin(**{**vars(second), "image": np.zeros((1, 64, 64), np.complex64)})
    assert "48 × 40 pixels and this result 64 × 64" in misfit(first, "B", wide)


# ---------------------------------------------------------------- data


def of_data(scan, **changes) -> Pin:
    """The pin of a scan, as it is after a change of its data."""
    made = Reconstructor(Dictionary.dct(4, 5), maps=0.3, iterations=1)(replace(scan, **changes))
    return pinned(made)


def as_of_two_coils(scan):
    """The scan as of two coils that see the same."""
    return {
        "kspace": scan.kspace.repeat(1, 2, 1, 1) / 2**0.5,
        "coil_maps": torch.full(
            (scan.shape[0], 2, *scan.shape[1:]), 0.5**0.5, dtype=torch.complex64
        ),
    }


def test_other_data_are_named(small_acquisition) -> None:
    """Whatever differs of the data is told in one sentence, and by its name where that is known."""
    scan = small_acquisition
    plain = of_data(scan)
    rows, columns = plain.words["acquired matrix"].split(" × ")
    smaller = scan.with_acquired_matrix((16, 18))
    cut = of_data(smaller)
    assert other_data(plain, cut, 0) == (
        f"A and B were made of other data (acquired matrix {rows} × {columns} and 16 × 18), so "
        "none is marked as the better one."
    )
    mask = smaller.mask & (torch.arange(scan.shape[2]) % 3 > 0)[None, :]
    mask |= smaller.mask & (torch.arange(scan.shape[1]) % 4 == 0)[:, None]
    thinned = of_data(smaller, mask=mask, kspace=smaller.kspace * mask)
    assert thinned.words["acquired matrix"] == "16 × 18, 75 % sampled"
    assert "75 % sampled" in other_data(cut, thinned, 1)
    two = of_data(scan, **as_of_two_coils(scan))
    assert "coils" in differing(plain, two)
    assert "coils" not in other_data(plain, cut, 0)
    averaged = {**scan.metadata, "repeats_averaged": 4}
    mean = of_data(scan, kspace=1.1 * scan.kspace, metadata=averaged)
    single = of_data(scan, metadata={**scan.metadata, "repeat": 0, "repeats": 4})
    assert "repeat mean of 4 and number 0" in other_data(mean, single, 0)
    # Not known by name, and told all the same.
    louder = of_data(scan, kspace=2 * scan.kspace)
    assert other_data(plain, louder, 0).startswith("A and B were made of other data")


def test_the_same_data_are_the_same_in_every_cut_and_at_every_noise_level(
    small_acquisition,
) -> None:
    scan = small_acquisition
    plain, noisy = of_data(scan), of_data(scan, given_noise_std=2 * scan.noise_std)
    assert other_data(plain, noisy, 1) == ""
    assert differing(plain, noisy) == ["noise σ"]
    made = Reconstructor(Dictionary.dct(4, 5), maps=0.3, iterations=1)(scan.select((1,)))
    alone = pinned(made, first_slice=1)
    assert other_data(plain, alone, 1) == ""
    assert differing(plain, alone) == []
    picture = replace(alone, initial=0 * alone.initial, words={"made by": "another program, x"})
    assert other_data(plain, picture, 1) == "", "of the scan, whatever it was made of"


def test_figures_of_other_data_mark_none_and_have_an_initial_image_each(small_acquisition) -> None:
    scan = small_acquisition
    plain, cut = of_data(scan), of_data(scan.with_acquired_matrix((12, 12)))
    for table in tables_of_pins({"A": plain, "B": cut}, 1):
        assert table.images == ("initial A", "initial B", "A", "B")
        assert "acquired matrix" in table.other_data
    values = {figure.name: figure.values for figure in table.figures}
    truth = scan.reference[1]
    for number, pin in enumerate((plain, cut)):
        assert values["SSIM"][number] == pytest.approx(ssim(truth, pin.initial[1]), rel=1e-5)
        assert values["SSIM"][2 + number] == pytest.approx(ssim(truth, pin.image[1]), rel=1e-5)
    for table in tables_of_pins({"A": plain, "B": plain}, 1):
        assert table.images == ("initial", "A", "B")
        assert table.other_data == ""


# ---------------------------------------------------------------- figures


def test_figures_are_those_of_the_metrics(result, small_acquisition) -> None:
    quick, table = tables_of_pins({"A": pinned(result), "B": pinned(result)}, 1)
    assert quick.figures == table.figures[:-1]
    truth, image = small_acquisition.reference[1], result.image[1]
    assert table.images == ("initial", "A", "B")
    assert table.slice_number == 1
    values = {figure.name: figure.values for figure in table.figures}
    for name, metric in (("SSIM", ssim), ("NMSE", nmse), ("PSNR", psnr), ("HaarPSI", haarpsi)):
        assert values[name][1] == pytest.approx(metric(truth, image), rel=1e-5)
    assert values["SSIM"][0] == pytest.approx(ssim(truth, result.initial[1]), rel=1e-5)
    assert all(figure.best([1, 2]) is None for figure in table.figures)


def test_without_a_reference_there_are_figures_too(small_acquisition) -> None:
    image = np.pad(np.abs(small_acquisition.reference[0].numpy()), 12)
    noisy = image + np.random.default_rng(0).normal(size=image.shape)
    (table,) = figure_tables(0, {"initial": noisy, "A": noisy, "B": image}, None)
    assert not table.has_reference
    names = [figure.name for figure in table.figures]
    assert names == ["background noise", "edge sharpness", "blur"]
    assert table.figures[0].best([1, 2]) == 2
    assert table.figures[0].texts[2].endswith(" %")
    (flat,) = figure_tables(0, {"A": np.ones((24, 24))}, None)
    assert flat.figures[0].texts == ("–",)


def test_the_better_one_is_that_which_looks_better() -> None:
    assert Figure("SSIM", "higher", (0.1, 0.5, 0.6)).best([1, 2]) == 2
    assert Figure("NMSE", "lower", (0.1, 0.5, 0.6)).best([1, 2]) == 1
    assert Figure("SSIM", "higher", (0.1, 0.50001, 0.50002)).best([1, 2]) is None
    assert Figure("SSIM", "higher", (0.1, None, 0.5)).best([1, 2]) is None


# ---------------------------------------------------------------- blinded votes


def study(path: Path, seed: int = 5, reader: str = "Ada") -> Study:
    return Study(path, reader, "scan.h5", '{"maps": "v4"}', '{"maps": "v3"}', seed)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_vote_is_in_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    reading = Trials(study(path))
    orders = []
    for number, vote in enumerate(("left", "right", "equal") * 8):
        orders.append(reading.order)
        reading.vote(vote, number, 'sharper, "crisp"\nσ' if number == 0 else "")
        found = rows(path)[-1]
        left, right = orders[-1]
        assert found["shown order"] == f"{left} left, {right} right"
        assert found["preferred"] == {"left": left, "right": right, "equal": "equal"}[vote]
        assert (found["vote"], found["slice"]) == (vote, str(number))
    assert set(orders) == {("A", "B"), ("B", "A")}
    found = rows(path)
    assert len(found) == 24
    assert tuple(found[0]) == COLUMNS
    assert found[0]["note"] == 'sharper, "crisp"\nσ'
    assert datetime.fromisoformat(found[0]["time"]).utcoffset().total_seconds() == 0
    assert (found[0]["reader"], found[0]["input"], found[0]["seed"]) == ("Ada", "scan.h5", "5")
    assert found[0]["settings A"] == '{"maps": "v4"}'
    counts = [sum(row["preferred"] == one for row in found) for one in ("A", "B", "equal")]
    assert reading.summary() == (
        f"24 votes in votes.csv: A better {counts[0]}, B better {counts[1]}, equal {counts[2]}."
    )


def test_the_order_comes_from_the_seed(tmp_path: Path) -> None:
    def orders(seed: int) -> list[tuple[str, str]]:
        reading = Trials(study(tmp_path / "votes.csv", seed))
        found = []
        for _ in range(12):
            found.append(reading.order)
            reading.vote("equal", 0)
        return found

    assert orders(7) == orders(7)
    assert orders(7) != orders(8)


def test_votes_that_are_there_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    Trials(study(path, reader="first")).vote("left", 0)
    # As some editors leave it: a mark at the beginning, no line end at the end.
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().rstrip(b"\n"))
    Trials(study(path, reader="second")).vote("right", 0)
    assert [row["reader"] for row in rows(path)] == ["first", "second"]
    assert [one.name for one in tmp_path.iterdir()] == ["votes.csv"]


def test_a_vote_that_cannot_be_written_changes_nothing(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "votes.csv"
    reading = Trials(study(path))
    reading.vote("left", 0)
    before, order = path.read_bytes(), reading.order

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(CscError, match="could not be written"):
        reading.vote("right", 0)
    assert path.read_bytes() == before
    assert (reading.order, reading.trial) == (order, 2)
    assert [one.name for one in tmp_path.iterdir()] == ["votes.csv"]


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("patient,age\n1,40\n")
    with pytest.raises(CscError, match="something else than votes"):
        Trials(study(path))
    assert path.read_text() == "patient,age\n1,40\n"
    (tmp_path / "binary.csv").write_bytes(bytes(range(128, 256)))
    with pytest.raises(CscError, match="could not be read"):
        Trials(study(tmp_path / "binary.csv"))
    with pytest.raises(CscError, match="does not exist"):
        Trials(study(tmp_path / "nowhere" / "votes.csv"))
    with pytest.raises(CscError, match="name of the reader"):
        Trials(study(tmp_path / "votes.csv", reader="  "))
    assert not (tmp_path / "votes.csv").exists()


def test_a_further_metric_stands_in_the_table(monkeypatch) -> None:
    image = np.random.default_rng(0).random((24, 24))
    peak = Metric("peak", lambda one: float(one.max()), "lower", "The maximum.", "{:.1f}", False)
    monkeypatch.setitem(METRICS, "peak", peak)
    (table,) = figure_tables(0, {"A": image, "B": 2 * image}, None)
    assert (table.figures[-1].name, table.figures[-1].best([0, 1])) == ("peak", 0)
    *_, table = figure_tables(0, {"A": image}, image)
    assert "peak" in [one.name for one in table.figures]
