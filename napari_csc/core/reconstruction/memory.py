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
    """

    n_slices: int
    shape: tuple[int, int]
    n_dictionary: int
    n_filters: int
    band_share: float = 1.0
    maps: MapSource | None = None
    stacks: float = 2.0

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
        Pixels times filters that go through the map network at once.
    """

    peak: int
    results: int
    chunk_pixels: int = CHUNK_PIXELS


def estimate_memory(problem: Problem, chunk_pixels: int = CHUNK_PIXELS) -> MemoryPlan:
    """Estimate the memory of a reconstruction on the CPU.

    The result is held for all slices; everything else for one slice at a time: the spectra of the
    filters, then either the network at work or the solver.
    """
    pixels, filters = problem.pixels, problem.n_filters
    images = 6 * problem.n_slices * pixels * _COMPLEX
    maps = filters * pixels * _REAL
    stack = filters * pixels * _COMPLEX
    codes = problem.n_dictionary * pixels * _COMPLEX
    results = images + problem.n_slices * (codes + maps)
    # Results of slices that are not done yet are not touched, so they take no memory.
    before = results - codes - maps
    inference = before + stack + 2 * maps + _source_bytes(problem, chunk_pixels)
    scratch = int((2 + problem.band_share) * _COMPLEX) + 2 * _REAL
    block = default_block_size(filters, pixels, _CPU) * pixels * scratch
    state = int(stack * (problem.stacks + problem.band_share)) + maps + block
    # At the end, when the codes are written; the maps are in the results, and nowhere else.
    solving = results + stack + state
    return MemoryPlan(max(inference, solving) + _LIBRARIES, results, chunk_pixels)


def plan_memory(problem: Problem, limit: int | None) -> MemoryPlan:
    """Return the plan that fits a limit in bytes, with smaller chunks where needed.

    Raises
    ------
    CscError
        If nothing fits.
    """
    plan = estimate_memory(problem)
    while limit is not None and plan.peak > limit and plan.chunk_pixels > problem.pixels:
        plan = estimate_memory(problem, max(problem.pixels, plan.chunk_pixels // 2))
    if limit is not None and plan.peak > limit:
        raise CscError(
            f"This reconstruction needs about {plan.peak / 1e9:.1f} GB, but {limit / 1e9:.1f} GB "
            "are free or allowed; choose fewer slices or fewer filters."
        )
    return plan


def _source_bytes(problem: Problem, chunk_pixels: int) -> int:
    """Bytes of the activations of a network for one chunk of filters, and of its input."""
    if problem.maps is None:
        return 0
    return problem.maps.working_bytes(problem.shape, problem.n_filters, chunk_pixels)
