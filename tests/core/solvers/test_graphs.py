"""Recorded iterations, with a recorder that runs the function again in place of a card."""

import pytest
import torch
from helper import relative
from problems import Problem, run

from napari_csc.core.dictionary.filter_set import step_sizes
from napari_csc.core.solvers import Admm, Fista, balanced_penalties, graphs
from napari_csc.core.solvers.data_term import CartesianDataTerm
from napari_csc.core.solvers.published import PublishedFista
from napari_csc.core.solvers.table import SOLVERS


def solver(level=0.3, scale=1.0, count=6, norm="modulus", kind="admm"):
    problem = Problem(count=count, level=level, sampled=(10, 9))
    data = CartesianDataTerm(scale * problem.spectrum, problem.mask)
    spectra = problem.synthesis.spectra
    if kind == "fista-published":
        return PublishedFista(spectra, data, problem.maps, 10.0, norm)
    if kind == "fista":
        return Fista(spectra, data, problem.maps, step_sizes(spectra, "per-filter"), norm)
    penalties = balanced_penalties(spectra, data.spectrum, problem.maps)
    return Admm(spectra, data, problem.maps, penalties, norm)


def again(function):
    """Run a function and return what runs it again: what a CUDA graph does, without a card."""
    function()
    return function


@pytest.mark.parametrize("kind", SOLVERS)
@pytest.mark.parametrize("norm", ["modulus", "real-imaginary"])
def test_a_round_is_eight_iterations(norm, kind):
    given = {"norm": norm, "kind": kind}
    plain, recorded = solver(**given), graphs.Recordings(again).of(solver(**given))
    expected = [status.figures for status in run(plain, 16)]
    found = torch.cat([recorded.play(), recorded.play()])
    assert relative(found, torch.stack(expected)) < 1e-12
    assert recorded.solver.iteration == 16
    assert relative(recorded.solver.codes, plain.codes) < 1e-12
    assert relative(recorded.solver.image(), plain.image()) < 1e-12


@pytest.mark.parametrize("kind", ["admm", "fista"])
def test_a_recording_serves_every_problem_of_its_shape(kind):
    kept, runs = [], graphs.Recordings(lambda function: kept.append(1) or again(function))
    for level, scale in ((0.3, 1.0), (0.5, 2.0), (0.3, 1.0)):
        recorded = runs.of(solver(level, scale, kind=kind))
        recorded.play()
        plain = solver(level, scale, kind=kind)
        run(plain, 8)
        assert relative(recorded.solver.codes, plain.codes) < 1e-12
    assert len(kept) == 1
    runs.of(solver(count=4, kind=kind)).play()
    runs.of(solver(norm="real-imaginary", kind=kind)).play()
    assert len(kept) == 3


@pytest.mark.parametrize("kind", SOLVERS)
def test_the_buffers_stay_where_the_recording_reads_them(kind):
    recorded = graphs.Recordings(again).of(solver(kind=kind))
    made = recorded.solver
    before = [getattr(made, name).data_ptr() for name in made.moving]
    assert len(set(before)) == len(before)
    recorded.play()
    assert [getattr(made, name).data_ptr() for name in made.moving] == before


@pytest.mark.parametrize("kind", ["admm", "fista"])
def test_a_recording_goes_on_from_codes(kind):
    codes = solver(kind=kind).codes + 0.5
    plain, begun = solver(kind=kind), solver(kind=kind)
    plain.begin_from(codes.clone())
    begun.begin_from(codes.clone())
    run(plain, 8)
    recorded = graphs.Recordings(again).of(begun)
    recorded.play()
    assert relative(recorded.solver.codes, plain.codes) < 1e-12


def test_on_a_cpu_nothing_is_recorded():
    made = solver()
    assert not graphs.can_record(made)
    assert graphs.play_rounds(made, 16, lambda: None) == (made, [])


def test_what_cannot_be_recorded_is_made_one_by_one(monkeypatch):
    def refuses(function):
        raise RuntimeError("no graphs here")

    monkeypatch.setattr(graphs, "can_record", lambda solver: True)
    monkeypatch.setattr(graphs, "RECORDINGS", graphs.Recordings(refuses))
    made = solver()
    assert graphs.play_rounds(made, 16, lambda: None) == (made, [])
    assert run(made, 2)[-1].iteration == 2


@pytest.mark.parametrize("kind", SOLVERS)
def test_a_whole_run_is_the_same_with_recordings(monkeypatch, kind):
    import napari_csc as csc

    scan = csc.simulate_low_field(
        torch.rand(2, 24, 20), 16, generator=torch.Generator().manual_seed(0)
    )
    made = csc.Reconstructor(
        csc.Dictionary.dct(6, 5), csc.NoiseScalar(1.5), solver=kind, iterations=19, device="cpu"
    )
    expected = made(scan)
    monkeypatch.setattr(graphs, "can_record", lambda solver: True)
    monkeypatch.setattr(graphs, "RECORDINGS", graphs.Recordings(again))
    found = made(scan)
    assert relative(found.image, expected.image) < 1e-6
    assert relative(found.sparse_codes, expected.sparse_codes) < 1e-5
    assert [one["iteration"] for one in found.history] == [*range(1, 20)] * 2
