"""Filters two by two against one by one."""

import pytest
import torch
from helper import random_complex, random_filters, relative

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.solvers.frequency_band import FrequencyBand
from napari_csc.core.solvers.pairs import FilterPairs, apart, packed, paired, parts_of, unpacked

GRIDS = [(12, 16), (11, 16), (12, 9), (13, 11)]


def operators(count, grid, sampled=None):
    synthesis = SynthesisOperator(random_filters(count, 5, 5, torch.float64), grid)
    scales = 0.5 + torch.rand(count, dtype=torch.float64)
    mask = torch.ones(grid)
    if sampled is not None:
        rows, columns = (torch.fft.fftfreq(n).abs() * n <= sampled for n in grid)
        mask = (rows[:, None] & columns[None, :]).float()
    band = FrequencyBand.of_mask(mask)
    return synthesis, scales, band, FilterPairs(synthesis.spectra, scales, band, 2)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("count", [1, 2, 5, 8])
@pytest.mark.parametrize("sampled", [None, 3])
def test_both_ways_are_those_of_the_dictionary(grid, count, sampled):
    synthesis, scales, band, pairs = operators(count, grid, sampled)
    codes = random_complex(count, *grid, dtype=torch.complex128)
    stack = packed(codes)
    total = pairs.new_sum()
    for block in pairs.blocks():
        pairs.add_synthesised(stack[block], block, total)
    expected = band.gather(synthesis.to_spectrum(codes * scales[:, None, None]))
    assert relative(pairs.synthesised(total), expected) < 1e-12
    spectrum = random_complex(*band.size, dtype=torch.complex128, seed=3)
    halves = pairs.halves(spectrum)
    found = torch.cat([pairs.analysed(block, halves).clone() for block in pairs.blocks()])
    expected = synthesis.from_spectrum(band.scatter(spectrum)) * scales[:, None, None]
    assert relative(unpacked(found, torch.empty_like(codes)), expected) < 1e-12


@pytest.mark.parametrize("count", [1, 4, 7])
def test_codes_and_numbers_come_back_as_they_went(count):
    codes = random_complex(count, 6, 5)
    assert torch.equal(unpacked(packed(codes), torch.empty_like(codes)), codes)
    numbers, scales = codes.real.contiguous(), torch.arange(1.0, count + 1)
    there = paired(numbers, scales)
    assert torch.equal(apart(there, count, (6, 5)), numbers * scales[:, None, None])


def test_parts_lie_as_the_numbers_of_the_pairs_do():
    codes = random_complex(3, 4, 5)
    real, imaginary = parts_of(packed(codes))
    ones = torch.ones(3)
    assert torch.equal(real, paired(codes.real.contiguous(), ones))
    assert torch.equal(imaginary, paired(codes.imag.contiguous(), ones))
