"""What the user has chosen: evented state, free of Qt and of napari."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

from psygnal import SignalGroupDescriptor, SignalInstance

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import WeightMetadata, network_misfit
from napari_csc.core.maps.edits import MapEdit
from napari_csc.core.options import DEFAULT_DICTIONARY, Norm, Rule, Smooth, Solver, Until
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.reconstruction.settings import CompleteSettings, ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.viewer.images.views import Part

FALLBACK_MAPS = "1.5sigma"
"""One level for every filter and pixel: what is used where no trained network is at hand."""

SETTING_FIELDS = (
    "dictionary_name",
    "shuffle_seed",
    "dropped",
    "maps",
    "strength",
    "solver",
    "iterations",
    "until",
    "norm",
    "rule",
    "smooth",
    "map_edits",
    "device",
)
"""The fields of the session that decide a reconstruction, apart from the input."""

_ENDINGS = (".safetensors", ".npy", ".npz", ".mat", ".pt", ".pth")
_WITH_DIGEST = re.compile("-[0-9a-f]{6}$")

INPUT_FIELDS = ("acquisition", "slices", "sampled", "noise_std")


@dataclass(eq=False)
class Session:
    """The state of one dock; every change of a field is an event of the same name.

    Attributes
    ----------
    acquisition : Acquisition or None
        The input as it was loaded or simulated.
    input_name : str
        What the input is called.
    slices : str
        Reconstruct the ``"current"`` slice, or ``"all"``.
    sampled : tuple of int or None
        Acquired matrix (ky, kx) as the user corrected it.
    noise_std : float or None
        Noise standard deviation as the user corrected it.
    dictionary : Dictionary or None
        All filters in their original order.
    dictionary_name, shuffle_seed, dropped, maps, strength, solver, iterations
    until, norm, rule, smooth, device
        As in `napari_csc.ReconstructionSettings`; None means as the network was trained.
    map_edits : tuple of MapEdit
        What is changed in the maps by hand; slices are counted in the input.
    networks : dict
        What the shipped networks say about themselves, by name.
    selected : int
        The filter that is looked at, by its index in the original order.
    group : tuple of int
        Several filters that were selected together, by the same index; empty for one alone.
    smooth_filter : int or None
        The smooth filter whose map is shown, by its number; None if none is.
    part : str
        The real view of complex images that is shown.
    extra_layers : frozenset of str
        Roles of the layers on demand that are wanted: k-space, code, contribution, ruling filters.
    result : Reconstruction or None
        The last finished result.
    live : bool
        Whether every change starts a new run.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    acquisition: Acquisition | None = None
    input_name: str = ""
    slices: Literal["current", "all"] = "current"
    sampled: tuple[int, int] | None = None
    noise_std: float | None = None
    dictionary: Dictionary | None = None
    dictionary_name: str = DEFAULT_DICTIONARY
    shuffle_seed: int | None = None
    dropped: tuple[int, ...] = ()
    maps: str = FALLBACK_MAPS
    strength: float = 1.0
    solver: Solver | None = None
    iterations: int | None = None
    until: Until = "iterations"
    norm: Norm | None = None
    rule: Rule | None = None
    smooth: Smooth | None = None
    map_edits: tuple[MapEdit, ...] = ()
    device: str = "auto"
    networks: dict[str, WeightMetadata] | None = None
    selected: int = 0
    group: tuple[int, ...] = ()
    smooth_filter: int | None = None
    part: Part = "magnitude"
    extra_layers: frozenset[str] = frozenset()
    result: Reconstruction | None = None
    live: bool = False

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change several fields as one: their events come when all of them are set."""
        names = [one.name for one in fields(self)]
        with ExitStack() as stack:
            for name in reversed(names):
                stack.enter_context(_kept_back(getattr(self.events, name)))
            yield

    def identity(self, *names: str) -> tuple[Any, ...]:
        """Return what these fields hold now: what an answer belongs to that is asked for now."""
        return tuple(getattr(self, name) for name in names)

    def settings(self) -> ReconstructionSettings:
        """Return the frozen settings of a run: what the command line would be given.

        Raises
        ------
        CscError
            If a value is not valid.
        """
        return ReconstructionSettings.checked(
            dictionary=self.dictionary_name,
            shuffle_seed=self.shuffle_seed,
            dropped=self.dropped,
            maps=self.maps,
            strength=self.strength,
            solver=self.solver,
            iterations=self.iterations,
            until=self.until,
            norm=self.norm,
            rule=self.rule,
            smooth=self.smooth,
            map_edits=self.map_edits,
            device=self.device,
        )

    def ordered(self) -> Dictionary | None:
        """Return the filters that take part, in the order in use."""
        if self.dictionary is None:
            return None
        dropped = set(self.dropped)
        keep = [index for index in range(len(self.dictionary)) if index not in dropped]
        chosen = self.dictionary.subset(keep) if dropped else self.dictionary
        return chosen if self.shuffle_seed is None else chosen.permuted(self.shuffle_seed)

    def use_dictionary(
        self,
        name: str,
        dictionary: Dictionary,
        dropped: tuple[int, ...] = (),
        shuffle_seed: int | None = None,
    ) -> None:
        """Take another dictionary; order, drops, selection and edits of maps start anew."""
        with self.changing():
            self.map_edits, self.group = (), ()
            self.dictionary, self.dictionary_name = dictionary, name
            self.dropped, self.shuffle_seed, self.selected = dropped, shuffle_seed, 0

    def take_over(self, stored: dict[str, Any]) -> None:
        """Take over maps and solver as a result tells them; what cannot be used stays as it is.

        What is as the network was trained counts as not chosen.
        """
        try:
            settings = ReconstructionSettings.checked(**stored)
        except CscError:
            return
        self.maps, self.strength = settings.maps, settings.strength
        self.map_edits, self.until = settings.map_edits, settings.until
        for name in ("solver", "iterations", "norm", "rule", "smooth"):
            value = getattr(settings, name)
            setattr(self, name, None if value == self.default(name) else value)

    def order_shown(self) -> tuple[int, ...]:
        """Return the order of the filters in the result that is shown, by original index.

        Nothing if the result was made with another dictionary than the one in use.
        """
        if self.result is None:
            return ()
        used, whole = self.result.dictionary, self.dictionary
        if self.result.provenance.get("settings", {}).get("dictionary") != self.dictionary_name:
            return ()
        if whole is None:
            return used.order
        # A file of this name may hold other filters by now.
        if any(number >= len(whole) for number in used.order):
            return ()
        mine, its = whole.filters[list(used.order)], used.filters
        same = mine.shape == its.shape and mine.allclose(its, atol=1e-5)
        return used.order if same else ()

    def position_shown(self) -> int | None:
        """Return where the selected filter stands in the result that is shown, None if nowhere."""
        order = self.order_shown()
        return order.index(self.selected) if self.selected in order else None

    def select_shown(self, position: int) -> None:
        """Look at the filter at a position of the result that is shown."""
        order = self.order_shown()
        if position < len(order):
            self.selected = order[position]

    def drop(self, index: int, is_dropped: bool) -> bool:
        """Leave a filter out or take it back; return False if it is the last one."""
        chosen = set(self.dropped) | {index} if is_dropped else set(self.dropped) - {index}
        if self.dictionary is None or len(chosen) >= len(self.dictionary):
            return False
        self.dropped = tuple(sorted(chosen))
        return True

    def trained(self) -> WeightMetadata | None:
        """Return what the chosen network says about itself; None for one scalar."""
        return (self.networks or {}).get(self.maps)

    def default(self, name: str) -> Any:
        """Return what counts where a setting is left as the network was trained."""
        left = ReconstructionSettings(solver=None if name == "solver" else self.solver)
        return getattr(CompleteSettings.of(left, self.trained()), name)

    def misfit(self, name: str) -> str:
        """Return why a network cannot take the dictionary in use, or nothing."""
        network, dictionary = (self.networks or {}).get(name), self.ordered()
        if network is None or dictionary is None:
            return ""
        return network_misfit(network, len(dictionary), self.smooth) or ""


@contextmanager
def _kept_back(event: SignalInstance) -> Iterator[None]:
    """Keep an event until the end, and let it come once, with the first and the last value."""
    with event.paused(lambda earlier, later: (later[0], *earlier[1:])):
        yield


def short_name(name: str) -> str:
    """Return what filters or weights are called: their name, or the end of the path of a file.

    A file may be named as something that comes along, or as one of another folder: with folder and
    ending it is not taken for that. What was learned here has a digest in its name instead.
    """
    path = Path(name)
    if path.suffix not in _ENDINGS:
        return name
    return path.stem if _WITH_DIGEST.search(path.stem) else "/".join(path.parts[-2:])
