"""Results that are pinned to be compared: their images, and what they were made with, in words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.repeat import of_other_versions
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.viewer.images.place import Place
from napari_csc.viewer.images.views import Array
from napari_csc.viewer.sections.compare.input_words import NOISE, OF_INPUT, input_words
from napari_csc.viewer.session import short_name
from napari_csc.viewer.words import marked, told, tr

Name = Literal["A", "B"]
NAMES: tuple[Name, ...] = get_args(Name)
OTHER: dict[Name, Name] = {"A": "B", "B": "A"}
MADE_BY, OURS = marked("made by"), "napari-csc"
NOT_TOLD = "–"
_SAME = 1e-4
"""Initial images that differ by less than this share of their maximum are of the same data."""


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
        return tr(
            "{name} has {rows} × {columns} pixels and this result {its_rows} × {its_columns}; "
            "only images of the same size can be compared."
        ).format(name=name, rows=here[0], columns=here[1], its_rows=there[0], its_columns=there[1])
    if not common(old, new):
        return tr(
            "{name} is of {old} and this result of {new}; reconstruct the same slices, "
            "or press Clear to begin anew."
        ).format(name=name, old=_slices(old), new=_slices(new))
    return ""


def common(one: Pin, other: Pin) -> range:
    """Return the slices that both have."""
    return range(max(one.slices.start, other.slices.start), min(one.slices.stop, other.slices.stop))


def differing(one: Pin, other: Pin) -> list[str]:
    """Return in what two pins differ; with a picture of another program, only the main things."""
    is_foreign = one.words.get(MADE_BY) != other.words.get(MADE_BY)
    # What only one of them tells is no difference: results of earlier versions tell less.
    both = [name for name in one.words if name in other.words]
    names = (MADE_BY, "maps", "dictionary") if is_foreign else both
    return [name for name in names if one.words.get(name) != other.words.get(name)]


def are_of_same_data(one: Pin, other: Pin, number: int) -> bool:
    """Return whether two pins were made of the same data in a slice that both have.

    That is told by their initial images, as one of them may be of more slices than the other. A
    picture of another program is one of the scan, whatever that program made it of.
    """
    if one.foreign or other.foreign:
        return True
    first, second = (pin.initial[number - pin.place.first_slice] for pin in (one, other))
    top = float(max(np.abs(first).max(), np.abs(second).max()))
    return first.shape == second.shape and bool(np.abs(first - second).max() <= _SAME * top)


def apart(a: Pin, b: Pin) -> str:
    """Return in what the data and the noise levels of two pins differ, in words, or nothing."""
    names = [name for name in differing(a, b) if name in (*OF_INPUT, NOISE)]
    return ", ".join(
        tr("{what} {a} and {b}").format(what=tr(name), a=told(a.words[name]), b=told(b.words[name]))
        for name in names
    )


def other_data(a: Pin, b: Pin, number: int) -> str:
    """Return that A and B were made of other data in a slice, and in what they differ; or nothing.

    Figures of the two are true, but which of them is better says nothing about their settings.
    """
    if are_of_same_data(a, b, number):
        return ""
    what = apart(a, b)
    what = f" ({what})" if what else ""
    return tr("A and B were made of other data{what}, so none is marked as the better one.").format(
        what=what
    )


def _slices(pin: Pin) -> str:
    first, last = pin.slices[0], pin.slices[-1]
    if first == last:
        return tr("slice {number}").format(number=first)
    return tr("slices {first} to {last}").format(first=first, last=last)


def _words(result: Reconstruction) -> dict[str, str]:
    # In English: sessions keep them, and `told` translates them where they are shown.
    settings, dictionary = result.provenance.get("settings", {}), result.dictionary
    dropped = settings.get("dropped") or ()
    seed = settings.get("shuffle_seed")
    numbers = ", ".join(str(one) for one in dropped[:6]) + (", …" if len(dropped) > 6 else "")
    few, many = marked("1 filter (number {numbers})"), marked("{count} filters (number {numbers})")
    order, left_out = marked("original"), marked("no filter")
    if seed is not None:
        order = marked("shuffled, seed {seed}").format(seed=seed)
    if dropped:
        left_out = (few if len(dropped) == 1 else many).format(count=len(dropped), numbers=numbers)
    unknown = marked("not known")
    maps = _maps(str(settings.get("maps", unknown)))
    filters = short_name(str(settings.get("dictionary", dictionary.name)))
    others, older = of_other_versions(result), marked("{name}, of another version")
    return {
        MADE_BY: OURS,
        **input_words(result),
        marked("maps"): older.format(name=maps) if "maps" in others else maps,
        marked("strength"): f"× {settings.get('strength', 1.0):g}",
        marked("dictionary"): older.format(name=filters) if "dictionary" in others else filters,
        marked("order"): order,
        marked("left out"): left_out,
        marked("solver"): str(settings.get("solver", unknown)).upper(),
        marked("iterations"): str(settings.get("iterations", unknown)),
        marked("norm"): str(settings.get("norm", unknown)),
        marked("image from"): marked("{rule} codes").format(rule=settings.get("rule", "shrunk")),
        marked("smooth part"): str(settings.get("smooth", unknown)),
        NOISE: f"{result.noise_std:.3g}",
        marked("device"): str(result.provenance.get("device", unknown)),
    }


def _maps(name: str) -> str:
    scalar = ReconstructionSettings(maps=name).scalar_maps()
    if scalar is not None:
        return marked("one level, {level:g}{unit}").format(
            level=scalar[0], unit=" σ" if scalar[1] else ""
        )
    kind, _, dictionary = name.partition(":")
    if len(kind) == 2:
        if not dictionary:
            return kind.upper()
        return marked("{network} for {filters}").format(network=kind.upper(), filters=dictionary)
    return short_name(name)
