"""Several coils: the data term costs FFTs of coil images, ADMM conjugate gradient steps."""

import pytest
import torch
from measure import QUICK, interleaved, record

import napari_csc as csc
from napari_csc.core.dictionary.spectra import filter_spectra, per_filter_steps
from napari_csc.core.kspace.coils import birdcage_maps
from napari_csc.core.solvers import Admm, Fista, balanced_penalties
from napari_csc.core.solvers.data_term import data_term
from napari_csc.phantom.head import head_phantom

pytestmark = pytest.mark.timeout(600)

COUNT, SIZE, WIDTH, COILS = (4, 48, 9, 4) if QUICK else (64, 320, 11, 8)


def test_coils() -> None:
    grid = (SIZE, SIZE)
    image, noise = head_phantom(SIZE, 1), torch.Generator().manual_seed(0)
    acquisitions = {
        1: csc.simulate_low_field(image, SIZE // 2, generator=noise),
        COILS: csc.simulate_low_field(
            image, SIZE // 2, generator=noise, coil_maps=birdcage_maps(COILS, grid)
        ),
    }
    spectra = filter_spectra(csc.Dictionary.dct(COUNT, WIDTH).filters, grid)
    maps = torch.full((COUNT, *grid), 2.0)
    solvers = {}
    for coils, acquisition in acquisitions.items():
        term = data_term(acquisition, acquisition.adjoint()[0] / acquisition.noise_std)
        steps = per_filter_steps(spectra, term.norm_squared)
        penalties = balanced_penalties(spectra, term.spectrum, maps)
        solvers["fista", coils] = Fista(spectra, term, maps, steps)
        # A term keeps the start of its inner solve, so each solver has its own.
        own = data_term(acquisition, acquisition.adjoint()[0] / acquisition.noise_std)
        solvers["admm", coils] = Admm(spectra, own, maps, penalties)

    works = {
        f"{name} {coils}": lambda n, solver=solver: [solver.step() for _ in range(n)]
        for (name, coils), solver in solvers.items()
    }
    objectives = {key: solver.step().objective for key, solver in solvers.items()}
    times = interleaved(works, dict.fromkeys(works, 2), 3 if QUICK else 7)
    for (name, coils), solver in solvers.items():
        assert solver.step().objective < objectives[name, coils]
        record(
            "coils",
            f"{name} {coils}",
            {
                "solver": name,
                "coils": coils,
                "count": COUNT,
                "size": SIZE,
                "width": WIDTH,
                "step": vars(times[f"{name} {coils}"]),
            },
        )
