"""What all slices of one reconstruction share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import torch

from napari_csc.core.dictionary.filter_set import step_sizes
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.cache import MapCache
from napari_csc.core.maps.edits import EditedFilters
from napari_csc.core.maps.source import MapSource
from napari_csc.core.reconstruction.last_codes import LastCodes
from napari_csc.core.reconstruction.memory import MemoryPlan
from napari_csc.core.reconstruction.progress import (
    PictureClock,
    Progress,
    ReconstructionStopped,
)
from napari_csc.core.reconstruction.settings import CompleteSettings
from napari_csc.core.solvers.convergence import MOST_TO_CONVERGENCE

Tensor = torch.Tensor
OnIteration = Callable[[Progress], object]


class Job:
    """What all slices of one call share.

    Attributes
    ----------
    settings, maps, synthesis, n_dictionary, sigma, plan, cache, on_iteration
        As the `Reconstructor` was given or made them; ``n_dictionary`` of the filters of
        ``synthesis`` are those of the dictionary, the others are smooth.
    clock : PictureClock
        When the next picture is due.
    filters : EditedFilters
        Which rows of the maps are which filters, for edits.
    last_codes : LastCodes or None
        The codes of the run before, to start from.
    gain : float
        See `napari_csc.core.acquisition.coil_gain.normalised_coils`.
    """

    def __init__(
        self,
        settings: CompleteSettings,
        maps: MapSource,
        synthesis: SynthesisOperator,
        n_dictionary: int,
        sigma: float,
        plan: MemoryPlan,
        cache: MapCache | None = None,
        on_iteration: OnIteration | None = None,
        should_stop: Callable[[], bool] | None = None,
        filters: EditedFilters | None = None,
        last_codes: LastCodes | None = None,
        gain: float = 1.0,
    ) -> None:
        self.settings, self.maps, self.synthesis = settings, maps, synthesis
        self.gain = gain
        self.n_dictionary, self.sigma, self.plan = n_dictionary, sigma, plan
        self.cache, self.on_iteration = cache, on_iteration
        self._should_stop, self.last_codes = should_stop, last_codes
        self.start = "zero codes"
        """What the slices began with, in words."""
        plain = EditedFilters(tuple(range(n_dictionary)), n_dictionary, 0)
        self.filters = plain if filters is None else filters
        self.clock = PictureClock()
        digest = hashlib.sha256(synthesis.filters.cpu().numpy().tobytes())
        self.filters_digest = digest.hexdigest()
        self._steps: Tensor | None = None

    @property
    def most_iterations(self) -> int:
        """After how many iterations a slice is done in any case."""
        settings = self.settings
        is_open = settings.until == "convergence"
        return MOST_TO_CONVERGENCE if is_open else settings.iterations

    @property
    def steps(self) -> Tensor:
        """Step sizes of FISTA for ``||A|| = 1``, by the rule of the settings."""
        if self._steps is None:
            self._steps = step_sizes(self.synthesis.spectra, self.settings.step_rule)
        return self._steps

    def checkpoint(self) -> None:
        """Raise `ReconstructionStopped` if somebody asked to stop."""
        if self._should_stop is not None and self._should_stop():
            raise ReconstructionStopped("The reconstruction was cancelled.")
