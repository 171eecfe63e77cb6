import numpy as np
import pytest
import torch
from helper import random_complex, random_filters
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.filter_set import filter_set, step_sizes
from napari_csc.core.dictionary.spectra import filter_spectra
from napari_csc.core.dictionary.synthesis import SynthesisOperator, synthesize_direct

RULES = ("uniform", "per-filter")


def dictionaries():
    return {
        "dct": Dictionary.dct(8, 5).filters,
        "even": random_filters(3, 4, 6),
        "one": random_filters(1, 3, 3),
        "wide": random_filters(2, 15, 13),
        "smooth": filter_set(Dictionary.dct(5, 5), "filters"),
    }


@pytest.mark.parametrize("name", dictionaries())
def test_lipschitz_constant_equals_a_dense_svd(name):
    filters = dictionaries()[name].double()
    count = len(filters)
    codes = torch.eye(count * 144, dtype=torch.float64).reshape(-1, count, 12, 12)
    if name == "smooth":  # wide filters are slow to convolve directly
        columns = SynthesisOperator(filters, (12, 12))(codes).real
    else:
        columns = synthesize_direct(codes, filters)
    largest = np.linalg.svd(columns.reshape(-1, 144).numpy(), compute_uv=False)[0]
    assert SynthesisOperator(filters, (12, 12)).lipschitz_constant == pytest.approx(
        largest**2, rel=1e-10
    )


@pytest.mark.parametrize("name", dictionaries())
@pytest.mark.parametrize("grid", [(24, 24), (17, 30)])
def test_power_iteration_reaches_but_never_passes_it(name, grid):
    synthesis = SynthesisOperator(dictionaries()[name].double(), grid)
    constant = synthesis.lipschitz_constant
    image = random_complex(*grid, dtype=torch.complex128)
    for _ in range(400):
        image = image / image.norm()
        following = synthesis(synthesis.adjoint(image))
        estimate = float(torch.vdot(image.flatten(), following.flatten()).real)
        assert estimate <= constant * (1 + 1e-10)
        image = following
    assert estimate >= 0.99 * constant


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 256),
    size=st.integers(1, 13),
    grid=st.tuples(st.integers(8, 40), st.integers(8, 40)),
    rule=st.sampled_from(RULES),
    norm=st.sampled_from([0.5, 1.0, 3.0]),
    seed=st.integers(0, 5),
)
def test_steps_stay_inside_the_bound(count, size, grid, rule, norm, seed):
    spectra = filter_spectra(random_filters(count, size, size, seed=seed), grid)
    steps = step_sizes(spectra, rule, norm)
    assert steps.shape == (count,)
    assert bool((steps > 0).all())
    bound = float((steps[:, None, None] * spectra.abs().square()).sum(0).max())
    assert bound * norm <= 1.0
    assert bound * norm > 0.9  # no smaller than need be


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("smooth", ["filters", "low-pass"])
def test_steps_of_a_dictionary_with_smooth_filters(rule, smooth):
    spectra = filter_spectra(filter_set(Dictionary.dct(32, 9), smooth), (48, 40))
    bound = (step_sizes(spectra, rule)[:, None, None] * spectra.abs().square()).sum(0).max()
    assert 0.9 < float(bound) <= 1.0


@pytest.mark.parametrize("rule", RULES)
def test_steps_permute_with_the_filters(rule):
    spectra = filter_spectra(random_filters(20, 7, 7), (24, 25))
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(step_sizes(spectra[order], rule), step_sizes(spectra, rule)[order])


def test_per_filter_steps_help_fine_filters():
    spectra = filter_spectra(filter_set(Dictionary.dct(16, 7), "filters"), (40, 40))
    ratio = step_sizes(spectra, "per-filter")[:16] / step_sizes(spectra, "uniform")[:16]
    assert float(ratio.min()) > 1.0
