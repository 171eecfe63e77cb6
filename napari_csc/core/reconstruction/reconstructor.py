"""The ``Reconstructor``: an acquisition, a dictionary and maps become a ``Reconstruction``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, Unpack

import numpy as np
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.coil_gain import normalised_coils
from napari_csc.core.acquisition.lazy import in_memory
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.filter_set import filter_set
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.cache import MapCache
from napari_csc.core.maps.edits import EditedFilters
from napari_csc.core.maps.registry import load_map_network
from napari_csc.core.maps.scalar import NoiseScalar
from napari_csc.core.maps.source import MapSource, source_of
from napari_csc.core.reconstruction.devices import (
    chosen_device,
    free_memory,
    taking_turns,
    threads_for_now,
)
from napari_csc.core.reconstruction.health import health, to_record
from napari_csc.core.reconstruction.history import check_finite, numbers_of
from napari_csc.core.reconstruction.keywords import GivenSettings, check_keywords, with_keywords
from napari_csc.core.reconstruction.last_codes import LastCodes
from napari_csc.core.reconstruction.memory import (
    MemoryPlan,
    Problem,
    estimate_memory,
    plan_memory,
    slices_that_fit,
)
from napari_csc.core.reconstruction.progress import Progress
from napari_csc.core.reconstruction.provenance import provenance_of
from napari_csc.core.reconstruction.result import FetchedOnDemand, Parts, Reconstruction
from napari_csc.core.reconstruction.settings import CompleteSettings, ReconstructionSettings
from napari_csc.core.reconstruction.slices.every import reconstruct_slices
from napari_csc.core.reconstruction.slices.job import Job
from napari_csc.core.reconstruction.slices.several import most_at_once
from napari_csc.core.solvers.frequency_band import FrequencyBand
from napari_csc.core.solvers.table import solver_spec
from napari_csc.errors import CscError

Tensor = torch.Tensor
GivenMaps = MapSource | float | Tensor | np.ndarray
# Results stay on an accelerator while they take no more than this share of its free memory.
_SHARE_FOR_RESULTS = 0.25


class Reconstructor:
    """Reconstructs acquisitions with one dictionary and one source of maps.

    Parameters
    ----------
    dictionary
        The filters.
    maps
        A map network, `NoiseScalar` (a scalar in units of the noise), a scalar in units of the
        image, or a tensor of maps (K, y, x) or (slice, K, y, x) in units of the image.
    solver
        ``"fista"`` or ``"admm"``; from the weight file, else FISTA, if None.
    iterations
        Number of iterations; from the weight file if it was trained for this solver, else 64 for
        FISTA and 16 for ADMM, if None.
    until
        ``"iterations"``, or ``"convergence"``: until the image hardly changes any more, whatever
        the number of iterations; see `napari_csc.core.solvers.convergence`.
    smooth
        ``"filters"``: wide Gaussian filters with maps of their own carry the smooth part;
        ``"low-pass"``: a fixed low-pass of the initial image does (as in the paper).
    norm
        ``"modulus"`` or ``"real-imaginary"`` (as in the paper) l1 norm of complex codes.
    rule
        Which codes make the image: ``"fitted"``, those that fit the data, or ``"shrunk"``, those
        that were shrunk last (as in the paper).
    step_rule
        ``"per-filter"`` or ``"uniform"`` (as in the paper) step sizes.
    low_pass_weight
        Weight ``beta`` of the low-pass.
    smooth_widths
        Standard deviations of the smooth filters, in pixels.
    strength
        Factor on all maps, smooth ones included.
    map_edits
        Changes of the maps, applied one after the other after the strength; see `MapEdit`.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"mps"``, ...
    memory_limit
        Memory to stay within, in GB (1e9 bytes); what is free if None.
    map_cache
        Keeps the maps of a network from one call to the next, for live changes of the rest.
    last_codes
        Keeps the codes of each call and starts the next from them, for live changes; see
        `napari_csc.core.reconstruction.last_codes.LastCodes`. From zero codes if None.

    Raises
    ------
    CscError
        If a setting is not valid.

    References
    ----------
    Schulz et al., arXiv 2602.21707.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import torch
    >>> image = torch.zeros(24, 24)
    >>> image[6:18, 8:16] = 1
    >>> scan = csc.simulate_low_field(image, 16, generator=torch.Generator().manual_seed(0))
    >>> reconstruct = csc.Reconstructor(
    ...     csc.Dictionary.dct(8, 5), csc.NoiseScalar(1.5), iterations=8, device="cpu"
    ... )
    >>> result = reconstruct(scan)
    >>> result.image.shape, len(result.history)
    (torch.Size([1, 24, 24]), 8)
    """

    def __init__(
        self,
        dictionary: Dictionary,
        maps: GivenMaps,
        *,
        map_cache: MapCache | None = None,
        last_codes: LastCodes | None = None,
        **settings: Unpack[GivenSettings],
    ) -> None:
        check_keywords(settings)
        source = source_of(maps)
        name, dropped, seed = dictionary.recipe() or (dictionary.name, (), None)
        given = ReconstructionSettings.checked(
            dictionary=name,
            dropped=dropped,
            shuffle_seed=seed,
            maps=source.source_name,
            **{**settings, "device": str(settings.get("device", "auto"))},
        )
        self._begin(dictionary, source, given, map_cache, last_codes)

    def _begin(
        self,
        dictionary: Dictionary,
        maps: MapSource,
        given: ReconstructionSettings,
        map_cache: MapCache | None,
        last_codes: LastCodes | None,
    ) -> None:
        self.dictionary, self.maps = dictionary, maps
        self.settings = CompleteSettings.of(given, maps.trained_for)
        self.device = chosen_device(self.settings.device)
        self._map_cache, self._last_codes = map_cache, last_codes

    @classmethod
    def from_settings(
        cls,
        settings: ReconstructionSettings,
        map_cache: MapCache | None = None,
        dictionary: Dictionary | None = None,
        last_codes: LastCodes | None = None,
    ) -> Reconstructor:
        """Build dictionary and map source from the settings and return the reconstructor.

        Parameters
        ----------
        settings
            What decides the reconstruction.
        map_cache
            Keeps maps for further runs.
        dictionary
            The filters, chosen and ordered, in place of those that the settings name.
        last_codes
            Keeps the codes of each run and starts the next from them; from zero codes if None.

        Raises
        ------
        CscError
            If the settings name a dictionary, filter or network that does not exist.

        Examples
        --------
        >>> import napari_csc as csc
        >>> settings = csc.ReconstructionSettings(dictionary="gabor-16-7", maps="v4", device="cpu")
        >>> made = csc.Reconstructor.from_settings(settings)
        >>> made.dictionary, made.settings.norm
        (Dictionary('Gabor-16 7x7', 16 filters of 7x7), 'modulus')
        """
        filters = dictionary or _named_filters(settings)
        return cls.from_parts(filters, _named_maps(settings), settings, map_cache, last_codes)

    @classmethod
    def from_parts(
        cls,
        dictionary: Dictionary,
        maps: MapSource,
        settings: ReconstructionSettings,
        map_cache: MapCache | None = None,
        last_codes: LastCodes | None = None,
    ) -> Reconstructor:
        """Return the reconstructor of filters and a source of maps that are at hand already.

        The settings should name these; they are not looked up.
        """
        built = cls.__new__(cls)
        built._begin(dictionary, maps, settings, map_cache, last_codes)
        return built

    def __call__(
        self,
        acquisition: Acquisition,
        on_iteration: Callable[[Progress], object] | None = None,
        should_stop: Callable[[], bool] | None = None,
        early_picture: bool = False,
    ) -> Reconstruction:
        """Reconstruct all slices of an acquisition.

        Parameters
        ----------
        acquisition
            The measured k-space.
        on_iteration
            Called after every iteration; returning False stops, and what was reached is returned
            (slices not begun stay zero but for their low-pass part).
        should_stop
            Asked before every iteration and between parts of the map inference; True raises.
        early_picture
            Whether to give a rough picture of the first slice to ``on_iteration`` before a network
            infers its maps, or a quick one that starts from ``last_codes``; see
            `napari_csc.core.reconstruction.progress.Stage`.

        Returns
        -------
        Reconstruction
            In units of the input; on the CPU.

        Raises
        ------
        CscError
            If dictionary or maps do not fit the acquisition, the reconstruction does not fit the
            memory, or the device lacks an operation.
        ReconstructionStopped
            If ``should_stop`` answered True.
        """
        acquisition = in_memory(acquisition)
        plan = self.check(acquisition)
        scan, gain = normalised_coils(acquisition)
        try:
            with threads_for_now(self.device):
                job = self._job(scan, gain, plan, on_iteration, should_stop)
                # Made here, because tensors of the inference mode could not be changed by the user.
                kept_on = self._place_of_parts(plan)
                counts = (job.n_dictionary, len(job.synthesis))
                parts = Parts.empty(acquisition.shape, *counts, kept_on)
                with taking_turns(self.device), torch.inference_mode():
                    moved = scan.to(self.device)
                    history, stopped = reconstruct_slices(moved, job, parts, early_picture)
                told = numbers_of(history)
                check_finite(told)
                return self._result(acquisition, parts, told, stopped, job)
        except NotImplementedError as error:
            raise CscError(
                f"The device {str(self.device)!r} lacks an operation that is needed; choose the "
                "device 'cpu'."
            ) from error

    def _place_of_parts(self, plan: MemoryPlan) -> torch.device:
        """Return where results are kept meanwhile: on an accelerator that has plenty of memory."""
        free = None if self.device.type == "cpu" else free_memory(self.device)
        plenty = free is not None and plan.results < _SHARE_FOR_RESULTS * free
        return self.device if plenty else torch.device("cpu")

    def check(self, acquisition: Acquisition) -> MemoryPlan:
        """Return how the memory will be used, or say why the reconstruction cannot be made.

        Raises
        ------
        CscError
            If the filters do not fit the image, an edit of the maps names what is not there, or
            the reconstruction does not fit the memory.
        """
        self._check_size(acquisition)
        slices, height, width = acquisition.shape
        self._edited_filters().check(self.settings.map_edits, slices, (height, width))
        return self._plan(acquisition)

    def estimate_memory(self, acquisition: Acquisition) -> MemoryPlan:
        """Estimate the memory of a reconstruction, before it is made."""
        problem, limit = self._problem(acquisition), self._memory_limit()
        at_once = slices_that_fit(problem, limit, self._most_at_once(acquisition))
        return estimate_memory(problem, slices=at_once)

    def _plan(self, acquisition: Acquisition) -> MemoryPlan:
        most = self._most_at_once(acquisition)
        return plan_memory(self._problem(acquisition), self._memory_limit(), most)

    def _memory_limit(self) -> int | None:
        given = self.settings.memory_limit
        return free_memory(self.device) if given is None else int(given * 1e9)

    def _most_at_once(self, acquisition: Acquisition) -> int:
        # Codes to start from are kept slice by slice.
        if self._last_codes is not None:
            return 1
        return most_at_once(self.device, self.settings, acquisition)

    def _problem(self, acquisition: Acquisition) -> Problem:
        n_slices, *shape = acquisition.shape
        rows, columns = shape
        band = FrequencyBand.whole((rows, columns))
        if acquisition.is_masked_fourier:
            band = FrequencyBand.of_mask(torch.fft.ifftshift(acquisition.mask))
        return Problem(
            n_slices=n_slices,
            shape=(rows, columns),
            n_dictionary=len(self.dictionary),
            n_filters=len(self._filters),
            band_share=band.size[0] * band.size[1] / (rows * columns),
            maps=self.maps,
            stacks=solver_spec(self.settings.solver).stacks,
            device=self.device,
        )

    @cached_property
    def _filters(self) -> Tensor:
        """Return the filters of the dictionary and the smooth ones behind them."""
        return filter_set(self.dictionary, self.settings.smooth, self.settings.smooth_widths)

    def _edited_filters(self) -> EditedFilters:
        """Return which rows of the maps are which filters."""
        count = len(self.dictionary)
        order = self.dictionary.order or tuple(range(count))
        total = max(self.dictionary.total, 1 + max(order))
        return EditedFilters(order, total, len(self._filters) - count)

    def _job(
        self,
        acquisition: Acquisition,
        gain: float,
        plan: MemoryPlan,
        on_iteration: Callable[[Progress], object] | None,
        should_stop: Callable[[], bool] | None,
    ) -> Job:
        filters = self._filters.to(self.device)
        rows, columns = acquisition.shape[1:]
        make = SynthesisOperator if self._last_codes is None else self._last_codes.synthesis
        return Job(
            self.settings,
            self.maps,
            make(filters, (rows, columns)),
            len(self.dictionary),
            acquisition.noise_std * acquisition.noise_gain,
            plan,
            self._map_cache,
            on_iteration,
            should_stop,
            self._edited_filters(),
            self._last_codes,
            gain,
        )

    def _check_size(self, acquisition: Acquisition) -> None:
        height, width = acquisition.shape[-2:]
        if self.dictionary.size[0] > height or self.dictionary.size[1] > width:
            raise CscError(
                f"The filters are {self.dictionary.size[0]} x {self.dictionary.size[1]} pixels, "
                f"larger than the image of {height} x {width}; choose smaller filters."
            )

    def _result(
        self,
        acquisition: Acquisition,
        parts: Parts,
        history: list[dict[str, float]],
        stopped: bool,
        job: Job,
    ) -> Reconstruction:
        # Of what is as large as the image, and as the initial image.
        sigma, data = job.sigma / job.gain, job.sigma * job.gain
        count = len(self.dictionary)
        if acquisition.values != "complex":
            parts.become_real()
        provenance = provenance_of(
            self.settings, self.dictionary, self.maps, self.device, acquisition
        )
        provenance["start"], provenance["stopped_early"] = job.start, stopped
        large: dict[str, Any] = {
            "sparsity_maps": parts.maps[:, :count].mul_(data),
            "smooth_maps": parts.maps[:, count:].mul_(data),
            "sparse_codes": parts.codes.mul_(sigma),
            "smooth_parts": parts.smooth.mul_(sigma),
        }
        is_here = parts.codes.device.type == "cpu"
        made = partial(Reconstruction, **large) if is_here else partial(FetchedOnDemand.of, large)
        result = made(
            image=(parts.low_pass + parts.sparse).mul_(sigma).cpu(),
            initial=parts.initial.mul_(data).cpu(),
            low_pass=parts.low_pass.mul_(sigma).cpu(),
            dictionary=self.dictionary,
            noise_std=acquisition.noise_std,
            history=history,
            provenance=provenance,
            reference=acquisition.reference,
            spacing=acquisition.spacing,
            unit=acquisition.unit,
            metadata={"noise": acquisition.noise.sentence, **acquisition.metadata},
        )
        provenance["health"] = to_record(health(result, acquisition))
        return result


def _named_maps(settings: ReconstructionSettings) -> MapSource:
    """Return the source of maps that the settings name."""
    scalar = settings.scalar_maps()
    if scalar is None:
        return load_map_network(settings.maps)
    return NoiseScalar(scalar[0]) if scalar[1] else source_of(scalar[0])


def _named_filters(settings: ReconstructionSettings) -> Dictionary:
    """Return the filters that take part, in the order in use."""
    dictionary = Dictionary.load(settings.dictionary)
    if settings.dropped:
        dropped = set(settings.dropped)
        if not dropped <= set(range(len(dictionary))):
            raise CscError(f"The filters to drop must lie between 0 and {len(dictionary) - 1}.")
        dictionary = dictionary.subset([k for k in range(len(dictionary)) if k not in dropped])
    if settings.shuffle_seed is not None:
        dictionary = dictionary.permuted(settings.shuffle_seed)
    return dictionary


# For help() and editors: the keywords of the settings, each by its name.
Reconstructor.__init__.__signature__ = with_keywords(Reconstructor.__init__)  # type: ignore[attr-defined]
