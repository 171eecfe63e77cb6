"""Results that are pinned to be compared: their images, and what they were made with, in words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.viewer.images.place import Place
from napari_csc.viewer.images.views import Array

Name = Literal["A", "B"]
NAMES: tuple[Name, ...] = get_args(Name)
OTHER: dict[Name, Name] = {"A": "B", "B": "A"}
MADE_BY, OURS = "made by", "napari-csc"
NOT_TOLD = "–"


@dataclass(frozen=True, eq=False)
class Pin:
    """What is kept of a result: its images without maps and codes, which may be large."""

    image: Array
    initial: Array
    reference: Array | None
    place: Place
    input_name: str
    input_digest: str
    settings: dict[str, Any]
    words: dict[str, str]
    """What it was made with, in plain words, by what it is."""
    scan: Acquisition | None = None
    """What it was made of, if that is open."""

    @classmethod
    def of(cls, result: Reconstruction, place: Place, scan: Acquisition | None = None) -> Pin:
        """Return the pin of a result, and of the scan that it was made of."""
        source = result.provenance.get("input", {})
        return cls(
            image=np.asarray(result.image),
            initial=np.asarray(result.initial),
            reference=None if result.reference is None else np.asarray(result.reference),
            place=place,
            input_name=Path(str(source.get("source", ""))).name,
            input_digest=str(source.get("digest", "")),
            settings=dict(result.provenance.get("settings", {})),
            words=_words(result),
            scan=scan,
        )

    @property
    def foreign(self) -> str:
        """What a picture of another program is called; nothing if it is a result of ours."""
        made_by = self.words.get(MADE_BY, OURS)
        return "" if made_by == OURS else made_by

    @property
    def slices(self) -> range:
        """Numbers of its slices in the input."""
        return range(self.place.first_slice, self.place.first_slice + len(self.image))

    def at(self, number: int) -> Array:
        """Return the image (y, x) of one of its slices."""
        image: Array = self.image[number - self.place.first_slice]
        return image

    def cut(self, slices: range) -> Array:
        """Return the images of some of its slices."""
        first = self.place.first_slice
        return self.image[slices.start - first : slices.stop - first]

    def as_json(self) -> str:
        """Return the settings in one line, complete."""
        return json.dumps(self.settings, sort_keys=True)


def misfit(old: Pin, name: Name, new: Pin) -> str:
    """Return why a pin cannot be compared with the one that is there (of this name), or nothing."""
    here, there = old.image.shape[1:], new.image.shape[1:]
    if here != there:
        return (
            f"{name} has {here[0]} × {here[1]} pixels and this result {there[0]} × {there[1]}; "
            "only images of the same size can be compared."
        )
    if not common(old, new):
        return (
            f"{name} is of {_slices(old)} and this result of {_slices(new)}; reconstruct the same "
            "slices, or press Clear to begin anew."
        )
    return ""


def common(one: Pin, other: Pin) -> range:
    """Return the slices that both have."""
    return range(max(one.slices.start, other.slices.start), min(one.slices.stop, other.slices.stop))


def differing(one: Pin, other: Pin) -> list[str]:
    """Return in what two pins differ; with a picture of another program, only the main things."""
    is_foreign = one.words.get(MADE_BY) != other.words.get(MADE_BY)
    names = (MADE_BY, "maps", "dictionary") if is_foreign else one.words
    return [name for name in names if one.words.get(name) != other.words.get(name)]


def _slices(pin: Pin) -> str:
    first, last = pin.slices[0], pin.slices[-1]
    return f"slice {first}" if first == last else f"slices {first} to {last}"


def _words(result: Reconstruction) -> dict[str, str]:
    settings, dictionary = result.provenance.get("settings", {}), result.dictionary
    dropped = settings.get("dropped") or ()
    seed = settings.get("shuffle_seed")
    numbers = ", ".join(str(one) for one in dropped[:6]) + (", …" if len(dropped) > 6 else "")
    filters = f"{len(dropped)} filter{'s' if len(dropped) > 1 else ''}"
    return {
        MADE_BY: OURS,
        "maps": _maps(str(settings.get("maps", "not known"))),
        "strength": f"× {settings.get('strength', 1.0):g}",
        "dictionary": Path(str(settings.get("dictionary", dictionary.name))).name,
        "order": "original" if seed is None else f"shuffled, seed {seed}",
        "left out": f"{filters} (number {numbers})" if dropped else "no filter",
        "solver": str(settings.get("solver", "not known")).upper(),
        "iterations": str(settings.get("iterations", "not known")),
        "norm": str(settings.get("norm", "not known")),
        "image from": str(settings.get("rule", "shrunk")) + " codes",
        "smooth part": str(settings.get("smooth", "not known")),
        "noise σ": f"{result.noise_std:.3g}",
        "device": str(result.provenance.get("device", "not known")),
    }


def _maps(name: str) -> str:
    scalar = ReconstructionSettings(maps=name).scalar_maps()
    if scalar is not None:
        return f"one level, {scalar[0]:g}" + (" σ" if scalar[1] else "")
    kind, _, dictionary = name.partition(":")
    if len(kind) == 2:
        return kind.upper() + (f" for {dictionary}" if dictionary else "")
    return Path(name).name
