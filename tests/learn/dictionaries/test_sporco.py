"""Our dictionary learner against that of SPORCO, on one small problem."""

import numpy as np
import pytest
import torch
from helper import random_filters

from napari_csc.core.dictionary.spectra import filter_spectra, per_filter_steps
from napari_csc.core.dictionary.synthesis import synthesize_direct
from napari_csc.core.solvers import Fista
from napari_csc.core.solvers.data_term import CartesianDataTerm
from napari_csc.learn.dictionaries.learning import LearningSettings, learn_dictionary
from napari_csc.learn.training.data import taper

SIZE, COUNT, WIDTH = 48, 8, 7


@pytest.fixture(scope="module")
def images():
    """Sparse sums of some filters with noise, fading out at the edges, zero mean."""
    draw = torch.Generator().manual_seed(4)
    truth = torch.nn.functional.avg_pool2d(random_filters(COUNT, WIDTH, WIDTH), 3, 1, 1)
    codes = torch.randn(4, COUNT, SIZE, SIZE, generator=draw)
    codes *= torch.rand(codes.shape, generator=draw) < 0.01
    made = synthesize_direct(codes, truth) + 0.02 * torch.randn(4, SIZE, SIZE, generator=draw)
    made = made * torch.from_numpy(taper(SIZE))
    return made - made.mean((1, 2), keepdim=True)


def objective(filters, images, level):
    """Of the codes after many iterations, summed over the images."""
    spectra = filter_spectra(filters, (SIZE, SIZE))
    maps = torch.full((len(filters), SIZE, SIZE), level)
    total = 0.0
    for image in images:
        data = CartesianDataTerm(torch.fft.fft2(image + 0j, norm="ortho"), torch.ones(SIZE, SIZE))
        solver = Fista(spectra, data, maps, per_filter_steps(spectra))
        for _ in range(100):
            status = solver.step()
        total += status.objective
    return total


def test_as_good_as_sporco(images):
    from sporco.dictlrn.cbpdndl import ConvBPDNDictLearn

    level = 0.3 * float(images.square().mean().sqrt())
    first = random_filters(COUNT, WIDTH, WIDTH, seed=9)
    options = ConvBPDNDictLearn.Options(
        {
            "Verbose": False,
            "MaxMainIter": 300,
            # The defaults are made for larger images and do not converge on these.
            "CBPDN": {"rho": 5.0, "AutoRho": {"Enabled": True}},
            "CCMOD": {"L": 50.0},
        }
    )
    signals = np.ascontiguousarray(images.movedim(0, -1).numpy())
    start = np.ascontiguousarray(first.movedim(0, -1).numpy())
    peer = ConvBPDNDictLearn(start, signals, level, options)
    theirs = torch.from_numpy(np.ascontiguousarray(peer.solve())).squeeze().movedim(-1, 0).float()

    def source(size, rng):
        return images[int(rng.integers(len(images)))]

    settings = LearningSettings(
        count=COUNT, sizes=(WIDTH,), crop=SIZE, sparsity=0.3, low_pass_weight=1e6, steps=100
    )
    ours = learn_dictionary(source, settings).filters
    found = {
        name: objective(filters, images, level)
        for name, filters in (("first", first), ("ours", ours), ("theirs", theirs))
    }
    assert found["theirs"] < 0.9 * found["first"]
    assert found["ours"] < 1.03 * found["theirs"]
