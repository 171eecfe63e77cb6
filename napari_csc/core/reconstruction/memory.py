"""How much memory a reconstruction takes, and how it is made to fit a budget."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from napari_csc.core.maps.base import CHUNK_PIXELS
from napari_csc.core.maps.source import MapSource
from napari_csc.core.solvers.pairs import default_block_size
from napari_csc.errors import CscError

_COMPLEX, _REAL = 8, 4
# Workspace of the FFT and convolution libraries, whatever the size of the images.
_LIBRARIES = 25_000_000
# What several slices take at once leaves some of the memory to others.
_SHARE_FOR_SLICES = 0.8
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Problem:
    """The sizes that decide about time and memory.

    Attributes
    ----------
    n_slices, shape
        Images.
    n_dictionary, n_filters
        Filters of the dictionary, and these with the smooth filters.
    band_share
        Share of the frequency grid that the data reach.
    maps
        The source of the maps; None for one that takes no memory.
    stacks
        Stacks of codes that the solver holds.
    device
        Where it works; what several slices take depends on it.
    """

    n_slices: int
    shape: tuple[int, int]
    n_dictionary: int
    n_filters: int
    band_share: float = 1.0
    maps: MapSource | None = None
    stacks: float = 2.0
    device: torch.device = _CPU

    @property
    def pixels(self) -> int:
        """Pixels of one image."""
        return self.shape[0] * self.shape[1]


@dataclass(frozen=True)
class MemoryPlan:
    """What a reconstruction will take, beyond what the program holds already.

    Attributes
    ----------
    peak : int
        Estimated bytes at the worst moment.
    results : int
        Bytes of the result, which remain.
    chunk_pixels : int
        Pixels times filters that go through the map network at once, for each slice.
    slices_at_once : int
        Slices that go through maps and solver at once.
    """

    peak: int
    results: int
    chunk_pixels: int = CHUNK_PIXELS
    slices_at_once: int = 1


def estimate_memory(
    problem: Problem, chunk_pixels: int = CHUNK_PIXELS, slices: int = 1
) -> MemoryPlan:
    """Estimate the memory of a reconstruction.

    The result is held for all slices; everything else for as many as are worked on at once: the
    spectra of the filters, then either the network at work or the solver.
    """
    pixels, filters = problem.pixels, problem.n_filters
    images = 6 * problem.n_slices * pixels * _COMPLEX
    maps = slices * filters * pixels * _REAL
    stack = filters * pixels * _COMPLEX
    codes = slices * problem.n_dictionary * pixels * _COMPLEX
    results = images + problem.n_slices * (codes + maps) // slices
    # Results of slices that are not done yet are not touched, so they take no memory.
    before = results - codes - maps
    inference = before + stack + 2 * maps + slices * _source_bytes(problem, chunk_pixels)
    scratch = int((2 + problem.band_share) * _COMPLEX) + 2 * _REAL
    # A card takes all filters as one block; of one slice that is little beside what is free.
    device = _CPU if slices == 1 else problem.device
    block = default_block_size(filters, slices * pixels, device) * slices * pixels * scratch
    state = int(slices * stack * (problem.stacks + problem.band_share)) + maps + block
    # At the end, when the codes are written; the maps are in the results, and nowhere else.
    solving = results + slices * stack + state
    return MemoryPlan(max(inference, solving) + _LIBRARIES, results, chunk_pixels, slices)


def plan_memory(problem: Problem, limit: int | None, most_slices: int = 1) -> MemoryPlan:
    """Return the plan that fits a limit in bytes, with fewer slices and smaller chunks if needed.

    Parameters
    ----------
    problem
        What is to be reconstructed.
    limit
        Bytes to stay within; nobody knows how many are free if None.
    most_slices
        Slices that may be worked on at once.

    Raises
    ------
    CscError
        If nothing fits.
    """
    plan = estimate_memory(problem, slices=slices_that_fit(problem, limit, most_slices))
    while limit is not None and plan.peak > limit and plan.chunk_pixels > problem.pixels:
        plan = estimate_memory(problem, max(problem.pixels, plan.chunk_pixels // 2))
    if limit is not None and plan.peak > limit:
        raise CscError(
            f"This reconstruction needs about {plan.peak / 1e9:.1f} GB, but {limit / 1e9:.1f} GB "
            "are free or allowed; choose fewer slices or fewer filters."
        )
    return plan


def slices_that_fit(problem: Problem, limit: int | None, most: int) -> int:
    """Return how many slices to work on at once: few batches, all nearly as large.

    One where nobody knows what is free.
    """
    if limit is None:
        return 1
    count = problem.n_slices
    for rounds in range(-(-count // max(1, min(most, count))), count):
        at_once = -(-count // rounds)
        if estimate_memory(problem, slices=at_once).peak <= _SHARE_FOR_SLICES * limit:
            return at_once
    return 1


def _source_bytes(problem: Problem, chunk_pixels: int) -> int:
    """Bytes of the activations of a network for one chunk of filters, and of its input."""
    if problem.maps is None:
        return 0
    return problem.maps.working_bytes(problem.shape, problem.n_filters, chunk_pixels)
