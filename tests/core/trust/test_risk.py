"""Risk without a truth: right in level, in order, and in what it says of its own error."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from trust_scans import KINDS, SHAPE, made, phase, picture, scan_of

import napari_csc as csc
from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.core.trust.ranking import _lowest, rank
from napari_csc.core.trust.risk import paired_difference
from napari_csc.errors import CscError
from napari_csc.phantom.head import head_phantom


def true_error(scan, reconstruct):
    """Mean squared error of the predicted samples in sigma^2, weighted as the risk is."""
    truth = torch.as_tensor(picture() * phase()).to(torch.complex64).expand(scan.shape)
    error = scan.forward(reconstruct(scan).image - truth).abs().square() / scan.noise_std**2
    if scan.density is not None:
        return float((error * scan.density).sum() / scan.density.sum() / scan.n_coils)
    return float(error[..., scan.mask].mean())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", [0.3, 1.0, 4.0])
def test_the_level_is_right(kind, level):
    scan = scan_of(kind, slices=1)
    risk = csc.estimate_risk(scan, made(level), probes=2)
    wanted = true_error(scan, made(level))
    assert abs(risk.value - wanted) < max(0.05, 4 * risk.error)


@pytest.mark.parametrize("kind", KINDS)
def test_of_the_data_themselves_it_is_one(kind):
    scan = scan_of(kind)
    keeps = csc.estimate_risk(scan, made(0.0, iterations=200, rule="shrunk"), probes=2)
    if kind in ("plain", "masked", "cropped"):
        assert keeps.value == pytest.approx(1, abs=3 * keeps.error)
        assert keeps.freedom == pytest.approx(2, abs=0.15)
    # Of several coils, and of samples close together, the noise averages out.
    assert keeps.value <= 1 + 3 * keeps.error


def with_filters(name, level=1.0):
    return csc.Reconstructor(
        csc.Dictionary.load(name),
        csc.NoiseScalar(level),
        iterations=12,
        solver="admm",
        rule="fitted",
        device="cpu",
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_order_and_level_in_simulated_scans(seed):
    head = head_phantom(72, slices=1, seed=seed, sequence=["flair", "t1w", "t2w"][seed % 3])
    scan = csc.simulate_low_field(
        head, 60, 0.05, torch.Generator().manual_seed(seed), metadata={"values": "complex"}
    )
    several = [with_filters("dct-8-5", level) for level in (0, 0.25, 0.5, 1, 2, 4, 7, 12)]
    several += [with_filters(name) for name in ("gabor-16-7", "random-16-7", "dct-24-9")]
    several += [with_filters("gabor-16-7", level) for level in (0.4, 6)]
    risks = [csc.estimate_risk(scan, one) for one in several]
    truths = []
    for one in several:
        error = scan.forward(one(scan).image - scan.reference).abs().square()
        truths.append(float(error[..., scan.mask].mean()) / scan.noise_std**2)
    assert spearmanr([one.value for one in risks], truths).statistic >= 0.9
    for risk, truth in zip(risks, truths, strict=True):
        assert abs(risk.value - truth) < max(0.05, 3 * risk.error)


@pytest.mark.slow
def test_the_standard_error_is_that_of_other_noise():
    risks = [csc.estimate_risk(scan_of(seed=seed), made(), seed=seed) for seed in range(24)]
    errors = [
        risk.value - true_error(scan_of(seed=seed), made()) for seed, risk in enumerate(risks)
    ]
    told = np.mean([risk.error for risk in risks])
    assert 0.5 < np.std(errors) / told < 1.3
    assert abs(np.mean(errors)) < 3 * told / np.sqrt(24)
    # More slices and probes, smaller errors.
    more = csc.estimate_risk(scan_of(slices=4), made())
    assert more.error == pytest.approx(told / 2, rel=0.2)
    assert csc.estimate_risk(scan_of(), made(), probes=4).error < told
    assert len(more.per_slice) == 4
    assert np.mean(more.per_slice) == pytest.approx(more.value)


def test_uneven_and_coloured_noise():
    rows = 1 + 0.5 * np.cos(np.linspace(0, np.pi, SHAPE[0]))
    noise_map = np.broadcast_to(rows[:, None], SHAPE).copy()
    clean = scan_of(sigma=1e-3)
    draw = torch.Generator().manual_seed(3)
    from napari_csc.core.trust.noise_draws import draw_noise

    told = scan_of(noise_map=noise_map)
    scan = csc.Acquisition.from_kspace(
        clean.kspace + draw_noise(told, draw), noise_std=1.0, noise_map=noise_map
    )
    risk = csc.estimate_risk(scan, made(), probes=4)
    assert abs(risk.value - true_error(scan, made())) < max(0.05, 4 * risk.error)


def test_another_noise_level_would_say():
    scan = scan_of()
    risk = csc.estimate_risk(scan, made())
    assert risk.with_sigma(1.0) == pytest.approx(risk.value, abs=1e-6)
    assert risk.value == pytest.approx(risk.misfit + risk.freedom - 1, abs=1e-6)
    assert f"{risk.with_sigma(0.9):.2f}" in risk.sentence
    # A level at which it would be a little below zero.
    odd = replace(risk, misfit=risk.misfit - risk.with_sigma(1.1) - 0.001)
    assert odd.with_sigma(1.1) < 0
    assert odd.sentence.endswith("or 0.00.")
    twice = csc.estimate_risk(scan.with_noise_std(2.0), made(0.5))
    # The same maps, judged by twice the noise, in its own units.
    assert twice.value == pytest.approx(risk.with_sigma(2.0) / 4, abs=0.05)


def test_dictionaries_are_ranked_as_the_table_fills():
    scan, tables, shares = scan_of(slices=2), [], []
    names = ["dct-8-5", "random-8-5", "no-such-one", "gabor-16-7", csc.Dictionary.dct(8, 5)]
    found = csc.rank_dictionaries(
        scan, made(), names, on_rows=tables.append, on_progress=shares.append
    )
    assert [len(table.rows) for table in tables] == [1, 2, 3, 4, 5]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert found.slices == (0,)
    assert "no-such-one" in found.rows[-1].reason
    risks = [row.risk.value for row in found.rows if row.risk is not None]
    assert risks == sorted(risks)
    assert found.best.more == 0
    # The same filters twice are a tie, and alike in all that counts.
    same = {row.name: row for row in found.rows}
    assert same["dct-8-5"].risk.value == same["DCT-8 5x5"].risk.value
    alone = csc.estimate_risk(scan, made(), slices=0)
    assert same["dct-8-5"].risk.value == alone.value
    if found.best.name in ("dct-8-5", "DCT-8 5x5"):
        assert found.rows[1] in found.ties
    assert [row["name"] for row in found.figures()] == [row.name for row in found.rows]
    assert found.best.name in found.sentence
    assert all(row.seconds > 0 for row in found.rows if row.risk is not None)


def test_paired_differences_are_known_better():
    scan = scan_of()
    one, other = (csc.estimate_risk(scan, made(level)) for level in (1.0, 1.3))
    more, error = paired_difference(one, other, scan)
    assert more == pytest.approx(one.value - other.value, abs=1e-5)
    assert error < 0.7 * one.error
    assert paired_difference(one, one, scan) == (0, 0)
    with pytest.raises(CscError, match="different slices"):
        paired_difference(one, csc.estimate_risk(scan_of(slices=2), made()), scan)


def test_a_network_that_fits_no_other_dictionary_says_so():
    network = csc.load_map_network("v1:dct-32-9")
    reconstruct = csc.Reconstructor(csc.Dictionary.load("dct-32-9"), network, device="cpu")
    found = csc.rank_dictionaries(scan_of(), reconstruct, ["dct-8-5"])
    assert found.best is None
    assert found.rows[0].reason
    assert found.sentence == "None of them could be tried on this scan."


def test_strengths():
    scan, tables = scan_of(), []
    curve = csc.strength_curve(scan, made(), (0.1, 0.5, 1, 2, 8), on_rows=tables.append)
    assert len(tables) == 5
    values = [curve.risk(one).value for one in curve.strengths]
    lowest = curve.strengths[int(np.argmin(values))]
    assert lowest / 2.5 < curve.best < lowest * 4.5
    assert curve.risk(1).value == csc.estimate_risk(scan, made(), slices=0).value
    with pytest.raises(CscError, match="three different strengths"):
        csc.strength_curve(scan, made(), (1, 1, 1))
    with pytest.raises(CscError, match="above 0"):
        csc.strength_curve(scan, made(), (0, 1, 2))


def test_the_lowest_point_of_a_parabola():
    strengths = [0.25, 0.5, 1.0, 2.0, 4.0]
    values = [(np.log(one) - np.log(1.3)) ** 2 + 0.2 for one in strengths]
    assert _lowest(strengths, values) == pytest.approx(1.3)
    assert _lowest(strengths, [5, 4, 3, 2, 1]) == 4.0


def test_stops_and_refusals():
    calls = []

    def soon():
        calls.append(1)
        return len(calls) > 30

    tables = []
    with pytest.raises(ReconstructionStopped):
        csc.rank_dictionaries(
            scan_of(), made(), ["dct-8-5", "gabor-16-7"], on_rows=tables.append, should_stop=soon
        )
    assert len(tables) == 1
    with pytest.raises(CscError, match="probes"):
        csc.estimate_risk(scan_of(), made(), probes=0)
    with pytest.raises(CscError, match="slices from 0 to 0"):
        csc.estimate_risk(scan_of(), made(), slices=[3])
    with pytest.raises(CscError, match="at least one"):
        rank(scan_of(), {})
