"""The ``Reconstructor``: an acquisition, a dictionary and maps become a ``Reconstruction``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from napari_csc.core.acquisition import Acquisition
from napari_csc.core.data_term import data_term
from napari_csc.core.dictionary import Dictionary
from napari_csc.core.errors import CscError
from napari_csc.core.filter_sets import filter_set, step_sizes
from napari_csc.core.lowpass import GAUSSIAN_WIDTHS, low_pass
from napari_csc.core.maps.config import Smooth, StepRule
from napari_csc.core.maps.networks import MapNetwork
from napari_csc.core.maps.registry import load_map_network
from napari_csc.core.maps.scalar import NoiseScalar
from napari_csc.core.provenance import provenance_of
from napari_csc.core.prox import Norm
from napari_csc.core.reconstruction import Reconstruction
from napari_csc.core.settings import (
    DEFAULTS,
    CompleteSettings,
    ReconstructionSettings,
    chosen_device,
)
from napari_csc.core.solvers import Fista, SolverStatus
from napari_csc.core.synthesis import SynthesisOperator

Tensor = torch.Tensor
MapSource = MapNetwork | NoiseScalar | float | Tensor | np.ndarray


class ReconstructionStopped(CscError):  # noqa: N818 - being stopped is no error
    """The reconstruction was cancelled before there was a result."""


@dataclass(frozen=True)
class Progress:
    """Where a reconstruction stands; given to ``on_iteration`` after every iteration."""

    slice_index: int
    n_slices: int
    iteration: int
    iterations: int
    objective: float
    """In noise units."""
    image_change: float
    current_image: Callable[[], Tensor]
    """Returns the current image (y, x) of this slice, complex64, in units of the input."""


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
        ``"fista"``.
    iterations
        Number of iterations; from the weight file, else 64, if None.
    smooth
        ``"filters"``: wide Gaussian filters with maps of their own carry the smooth part;
        ``"low-pass"``: a fixed low-pass of the initial image does (as in the paper).
    norm
        ``"modulus"`` or ``"real-imaginary"`` (as in the paper) l1 norm of complex codes.
    step_rule
        ``"per-filter"`` or ``"uniform"`` (as in the paper) step sizes.
    low_pass_weight
        Weight ``beta`` of the low-pass.
    strength
        Factor on all maps, smooth ones included.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"``, ...

    Raises
    ------
    CscError
        If a setting is not valid.

    References
    ----------
    Schulz et al., arXiv 2602.21707.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        maps: MapSource,
        *,
        solver: Literal["fista"] = "fista",
        iterations: int | None = None,
        smooth: Smooth | None = None,
        norm: Norm | None = None,
        step_rule: StepRule | None = None,
        low_pass_weight: float | None = None,
        strength: float = 1.0,
        device: str | torch.device = "auto",
    ) -> None:
        self.dictionary = dictionary
        self.maps = _checked_maps(maps)
        source, dropped, seed = dictionary.recipe() or (dictionary.name, (), None)
        given = ReconstructionSettings.checked(
            dictionary=source,
            dropped=dropped,
            shuffle_seed=seed,
            maps=_name_of(self.maps),
            solver=solver,
            iterations=iterations,
            smooth=smooth,
            norm=norm,
            step_rule=step_rule,
            low_pass_weight=low_pass_weight,
            strength=strength,
            device=str(device),
        )
        self.settings: CompleteSettings = _completed(given, self.maps)
        self.device = chosen_device(self.settings.device)

    @classmethod
    def from_settings(cls, settings: ReconstructionSettings) -> Reconstructor:
        """Build dictionary and map source from the settings and return the reconstructor."""
        dictionary = Dictionary.load(settings.dictionary)
        if settings.dropped:
            dropped = set(settings.dropped)
            if not dropped <= set(range(len(dictionary))):
                raise CscError(f"The filters to drop must lie between 0 and {len(dictionary) - 1}.")
            dictionary = dictionary.subset([k for k in range(len(dictionary)) if k not in dropped])
        if settings.shuffle_seed is not None:
            dictionary = dictionary.permuted(settings.shuffle_seed)
        scalar = settings.scalar_maps()
        maps: MapSource
        if scalar is None:
            maps = load_map_network(settings.maps)
        else:
            maps = NoiseScalar(scalar[0]) if scalar[1] else scalar[0]
        built = cls(dictionary, maps, device=settings.device)
        built.settings = _completed(settings, built.maps)
        return built

    def __call__(
        self,
        acquisition: Acquisition,
        on_iteration: Callable[[Progress], object] | None = None,
        should_stop: Callable[[], bool] | None = None,
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

        Returns
        -------
        Reconstruction
            In units of the input; on the CPU.

        Raises
        ------
        CscError
            If dictionary or maps do not fit the acquisition.
        ReconstructionStopped
            If ``should_stop`` answered True.
        """
        self._check_size(acquisition)
        sigma = acquisition.noise_std
        moved = acquisition.to(self.device)
        initial = moved.adjoint() / sigma
        shape = (initial.shape[-2], initial.shape[-1])
        filters = filter_set(self.dictionary, self.settings.smooth).to(self.device)
        synthesis = SynthesisOperator(filters, shape)
        parts = _Parts.empty(len(initial), len(self.dictionary), len(filters), shape)
        history: list[dict[str, float]] = []
        stopped = False
        for index in range(len(initial)):
            one = moved.select(index)
            work = _SliceWork(self, one, initial[index], synthesis, sigma, should_stop)
            parts.low_pass[index] = work.low_pass.cpu()
            if stopped:
                continue
            maps = work.infer_maps(index)
            solver = work.solver(maps)
            stopped = not work.run(solver, index, len(initial), history, on_iteration)
            parts.store(index, maps, solver, work)
        return self._result(acquisition, parts, initial, history, stopped)

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
        parts: _Parts,
        initial: Tensor,
        history: list[dict[str, float]],
        stopped: bool,
    ) -> Reconstruction:
        sigma = acquisition.noise_std
        count = len(self.dictionary)
        provenance = provenance_of(self, acquisition)
        provenance["stopped_early"] = stopped
        return Reconstruction(
            image=(parts.low_pass + parts.sparse).mul_(sigma),
            initial=initial.cpu() * sigma,
            low_pass=parts.low_pass.mul_(sigma),
            sparsity_maps=parts.maps[:, :count].mul_(sigma),
            smooth_maps=parts.maps[:, count:].mul_(sigma),
            sparse_codes=parts.codes.mul_(sigma),
            dictionary=self.dictionary,
            noise_std=sigma,
            history=history,
            provenance=provenance,
            reference=acquisition.reference,
            spacing=acquisition.spacing,
            unit=acquisition.unit,
            metadata=dict(acquisition.metadata),
        )


@dataclass
class _Parts:
    """Results of all slices, in noise units, on the CPU."""

    low_pass: Tensor
    sparse: Tensor
    maps: Tensor
    codes: Tensor

    @classmethod
    def empty(cls, slices: int, count: int, total: int, shape: tuple[int, int]) -> _Parts:
        return cls(
            low_pass=torch.zeros(slices, *shape, dtype=torch.complex64),
            sparse=torch.zeros(slices, *shape, dtype=torch.complex64),
            maps=torch.zeros(slices, total, *shape),
            codes=torch.zeros(slices, count, *shape, dtype=torch.complex64),
        )

    def store(self, index: int, maps: Tensor, solver: Fista, work: _SliceWork) -> None:
        count = self.codes.shape[1]
        self.maps[index] = maps.cpu()
        self.codes[index] = solver.codes[:count].cpu()
        sparse, smooth = work.split(solver)
        self.sparse[index] = sparse.cpu()
        self.low_pass[index] += smooth.cpu()


class _SliceWork:
    """The steps for one slice, in noise units."""

    def __init__(
        self,
        owner: Reconstructor,
        acquisition: Acquisition,
        initial: Tensor,
        synthesis: SynthesisOperator,
        sigma: float,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        self._owner, self._settings = owner, owner.settings
        self._acquisition, self._initial, self._synthesis = acquisition, initial, synthesis
        self._sigma = sigma
        self._should_stop = should_stop
        self.low_pass = torch.zeros_like(initial)
        if owner.settings.smooth == "low-pass":
            self.low_pass = low_pass(initial, self._settings.low_pass_weight)

    @torch.no_grad()
    def infer_maps(self, index: int) -> Tensor:
        """Return the maps (K, y, x) of all filters, times the strength, in noise units."""
        source, count = self._owner.maps, len(self._synthesis)
        shape = (count, *self._initial.shape)
        if isinstance(source, MapNetwork):
            mask = torch.fft.ifftshift(self._acquisition.mask).to(self._initial.real.dtype)
            network = source.to(self._initial.device)
            maps = network(self._initial[None], self._synthesis, mask, self._checkpoint)[0]
        elif isinstance(source, NoiseScalar):
            maps = self._initial.real.new_full(shape, source.factor)
        elif isinstance(source, float):
            maps = self._initial.real.new_full(shape, source / self._sigma)
        else:
            maps = _fitted(source, index, shape, len(self._owner.dictionary))
            maps = maps.to(self._initial.device) / self._sigma
        return maps * self._settings.strength

    def solver(self, maps: Tensor) -> Fista:
        """Return the solver at its start."""
        right = self._initial
        if self._settings.smooth == "low-pass":
            right = self._initial - self._acquisition.gram(self.low_pass[None])[0]
        data = data_term(self._acquisition, right)
        rule, norm = self._settings.step_rule, self._settings.norm
        steps = step_sizes(self._synthesis.spectra, rule, data.norm_squared)
        return Fista(self._synthesis.spectra, data, maps, steps, norm)

    def run(
        self,
        solver: Fista,
        index: int,
        n_slices: int,
        history: list[dict[str, float]],
        on_iteration: Callable[[Progress], object] | None,
    ) -> bool:
        """Iterate to the end; return whether to go on with the next slice."""
        iterations = self._settings.iterations
        for _ in range(iterations):
            self._checkpoint()
            status = solver.step()
            history.append({"slice": index, **_as_dict(status)})
            if on_iteration is not None:
                progress = Progress(
                    slice_index=index,
                    n_slices=n_slices,
                    iteration=status.iteration,
                    iterations=iterations,
                    objective=status.objective,
                    image_change=status.image_change,
                    current_image=lambda: (self.low_pass + solver.image()).cpu() * self._sigma,
                )
                if on_iteration(progress) is False:
                    return False
        return True

    def split(self, solver: Fista) -> tuple[Tensor, Tensor]:
        """Return the part of the dictionary's filters and the part of the smooth filters."""
        count = len(self._owner.dictionary)
        whole = solver.image()
        if count == len(self._synthesis):
            return whole, torch.zeros_like(whole)
        spectrum = torch.fft.fft2(solver.codes[count:]) * self._synthesis.spectra[count:]
        smooth = torch.fft.ifft2(spectrum.sum(0))
        return whole - smooth, smooth

    def _checkpoint(self) -> None:
        if self._should_stop is not None and self._should_stop():
            raise ReconstructionStopped("The reconstruction was cancelled.")


def _as_dict(status: SolverStatus) -> dict[str, float]:
    return {
        "iteration": status.iteration,
        "objective": status.objective,
        "image_change": status.image_change,
    }


def _checked_maps(maps: MapSource) -> MapNetwork | NoiseScalar | float | Tensor:
    if isinstance(maps, (MapNetwork, NoiseScalar)):
        return maps
    if isinstance(maps, (int, float, np.integer, np.floating)) and not isinstance(maps, bool):
        if not 0 <= maps < float("inf"):
            raise CscError(f"The sparsity level must be zero or more, but is {maps}.")
        return float(maps)
    if not isinstance(maps, (Tensor, np.ndarray)):
        raise CscError(
            f"Maps must be a map network, a number or a tensor, but are of the type "
            f"{type(maps).__name__}; load a network with load_map_network."
        )
    if isinstance(maps, np.ndarray) and maps.dtype.kind not in "biuf":
        raise CscError("A tensor of maps must hold real numbers.")
    tensor = torch.as_tensor(maps).detach()
    if tensor.is_complex() or tensor.ndim not in (0, 3, 4):
        raise CscError("A tensor of maps must be real with the axes ([slice,] K, y, x).")
    tensor = tensor.to(torch.float32)
    if not bool(torch.isfinite(tensor).all()) or bool((tensor < 0).any()):
        raise CscError("Sparsity level maps must be finite and zero or more.")
    return float(tensor) if tensor.ndim == 0 else tensor


def _fitted(maps: Tensor, index: int, shape: tuple[int, ...], count: int) -> Tensor:
    """Return the maps of one slice; the smooth filters get the mean map where none are given."""
    if maps.ndim == 4:
        if not (len(maps) == 1 or index < len(maps)):
            raise CscError(f"The tensor of maps has {len(maps)} slices, but more are needed.")
        maps = maps[0 if len(maps) == 1 else index]
    if len(maps) == count < shape[0]:
        extra = maps.mean(0, keepdim=True).expand(shape[0] - count, -1, -1)
        maps = torch.cat([maps, extra])
    if maps.shape != shape:
        smooth = f" (or {shape[0]} with the {len(GAUSSIAN_WIDTHS)} smooth filters)"
        raise CscError(
            f"The tensor of maps has the shape {tuple(maps.shape)}, but "
            f"({count}, {shape[1]}, {shape[2]}) is needed{smooth if shape[0] > count else ''}."
        )
    return maps


def _name_of(maps: MapNetwork | NoiseScalar | float | Tensor) -> str:
    if isinstance(maps, MapNetwork):
        return maps.metadata.name
    if isinstance(maps, NoiseScalar):
        return f"{maps.factor!r}sigma"
    return repr(maps) if isinstance(maps, float) else "tensor"


def _completed(
    given: ReconstructionSettings, maps: MapNetwork | NoiseScalar | float | Tensor
) -> CompleteSettings:
    """Fill what is not given from the weight file, else from the defaults."""
    source = maps.metadata if isinstance(maps, MapNetwork) else DEFAULTS
    values = given.model_dump()
    for name in ("iterations", "step_rule", "norm", "smooth", "low_pass_weight"):
        if values[name] is None:
            values[name] = getattr(source, name)
    return CompleteSettings(**values)
