"""Small sparse coding problems that the tests of the solvers share."""

import torch
from helper import random_complex, random_filters
from plain import l1_norm

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.kspace.sampling_masks import central_mask
from napari_csc.core.solvers.data_term import CartesianDataTerm


class Problem:
    """Operator, data term and maps; sampled at random, or in the middle of k-space only."""

    def __init__(
        self, count=6, size=5, grid=(18, 15), dtype=torch.complex128, level=0.3, sampled=None
    ):
        filters = random_filters(count, size, size, dtype.to_real())
        self.synthesis = SynthesisOperator(filters, grid)
        draw = torch.Generator().manual_seed(7)
        self.mask = (torch.rand(grid, generator=draw) < 0.7).to(dtype.to_real())
        if sampled is not None:
            self.mask = torch.fft.ifftshift(central_mask(grid, sampled)).to(dtype.to_real())
        codes = random_complex(count, *grid, dtype=dtype) * (
            torch.rand(count, *grid, generator=draw) < 0.05
        )
        noise = 0.1 * random_complex(*grid, dtype=dtype, seed=9)
        self.spectrum = self.mask * (self.synthesis.to_spectrum(10 * codes) + noise)
        self.data = CartesianDataTerm(self.spectrum, self.mask)
        self.maps = level * (0.5 + torch.rand(count, *grid, generator=draw)).to(dtype.to_real())

    def objective(self, codes, norm):
        residual = self.mask * self.synthesis.to_spectrum(codes) - self.spectrum
        return float(0.5 * residual.abs().square().sum() + l1_norm(codes, self.maps, norm))


def run(solver, iterations):
    return [solver.step() for _ in range(iterations)]


def gradients(problem, codes):
    """Return what a function of the image gives back to maps and data of the problem."""
    problem.maps.requires_grad_()
    problem.spectrum.requires_grad_()
    loss = torch.view_as_real(problem.synthesis(codes())).pow(4).sum()
    by_maps, by_data = torch.autograd.grad(loss, (problem.maps, problem.spectrum))
    return by_maps, by_data * problem.mask
