"""A solver that somebody adds works everywhere by its row alone."""

import pytest
import torch
from helper import fresh_network, metadata, small_scan

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps import NoiseScalar, load_map_network, save_map_network
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.core.solvers.data_term import CartesianDataTerm
from napari_csc.core.solvers.fista import Fista
from napari_csc.core.solvers.table import (
    SOLVERS,
    BatchProblem,
    SolverSpec,
    solver_spec,
    unrolled,
)
from napari_csc.errors import CscError

DICTIONARY = Dictionary.dct(6, 5)
SCAN = small_scan()


def without_momentum(problem):
    steps = problem.unit_steps() / problem.data.norm_squared
    return Fista(problem.spectra, problem.data, problem.maps, steps, problem.norm, lambda n: 0.0)


@pytest.fixture
def ista(monkeypatch):
    monkeypatch.setitem(SOLVERS, "ista", SolverSpec("ISTA", 5, without_momentum))


def test_a_new_solver_is_taken_by_library_settings_and_weights(ista, tmp_path):
    settings = ReconstructionSettings(
        dictionary="dct-6-5", maps="1.5sigma", solver="ista", device="cpu"
    )
    made = Reconstructor.from_settings(settings)
    assert (made.settings.solver, made.settings.iterations) == ("ista", 5)
    result = made(SCAN)
    plain = Reconstructor(DICTIONARY, NoiseScalar(1.5), iterations=5, device="cpu")(SCAN)
    assert not torch.equal(result.image, plain.image)
    assert result.provenance["settings"]["solver"] == "ista"
    path = tmp_path / "w.safetensors"
    save_map_network(fresh_network(solver="ista", iterations=3), path)
    trained = Reconstructor(DICTIONARY, load_map_network(path), device="cpu")
    assert (trained.settings.solver, trained.settings.iterations) == ("ista", 3)


def test_what_is_not_in_the_table_is_refused():
    with pytest.raises(CscError, match=r"solver.*'ista'.*'fista' or 'admm'"):
        Reconstructor(DICTIONARY, 0.3, solver="ista")
    with pytest.raises(CscError, match=r"solver.*'ista'"):
        ReconstructionSettings.checked(solver="ista")
    with pytest.raises(CscError, match="no solver 'ista'; use one of fista, admm"):
        solver_spec("ista")
    with pytest.raises(ValueError, match="ista"):
        metadata(solver="ista")


def test_one_that_cannot_be_trained_with_says_so(ista):
    synthesis = SynthesisOperator(DICTIONARY.filters, (16, 16))
    data = CartesianDataTerm(torch.zeros(16, 16, dtype=torch.complex64), torch.ones(16, 16))
    problem = BatchProblem(synthesis, data, torch.ones(6, 16, 16), 2, "modulus", "per-filter")
    with pytest.raises(CscError, match="trained with ISTA; use one of fista, admm"):
        unrolled("ista", problem)
    assert unrolled("admm", problem).shape == (6, 16, 16)
