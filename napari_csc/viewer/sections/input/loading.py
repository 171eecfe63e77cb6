"""What a worker does to get an input ready: load, simulate, correct. No Qt, no napari layers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pydantic.dataclasses
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.corrections import corrected
from napari_csc.core.acquisition.lazy import LazyImages, initial_images, middle_image
from napari_csc.core.acquisition.simulate import simulate_low_field
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError
from napari_csc.io.lazy import is_large
from napari_csc.io.load import load, load_any
from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.images.views import Array, Window, Windows, image_window
from napari_csc.viewer.sections.input.layer_input import LayerInput


@pydantic.dataclasses.dataclass(frozen=True)
class Simulation:
    """How to make a low-field scan of a plain image; ``sampled`` None takes the image as it is."""

    sampled: int | None = pydantic.Field(
        default=80,
        title="Sampled matrix",
        description="Central lines of k-space that are kept, along both directions.",
        ge=1,
    )
    noise_variance: float = pydantic.Field(
        default=0.2,
        title="Noise variance",
        description="Variance of the added complex noise, in units of the variance of the sampled "
        "k-space.",
        ge=0,
        le=10,
    )
    seed: int = pydantic.Field(
        default=0,
        title="Seed",
        description="Start of the random noise: the same seed gives the same noise.",
        ge=0,
        le=999_999,
    )


@dataclass(frozen=True, eq=False)
class InputFacts:
    """What is shown about the input in use."""

    name: str
    sampled: tuple[int, int]
    noise_std: float
    is_estimated: bool
    noise_question: str
    """Why the noise level cannot be believed; nothing if it can."""
    notes: tuple[str, ...]
    """What the reader assumed, left out or corrected."""
    initial: Array | LazyImages
    filled_from: tuple[int, int] | None = None
    """Lines that the spectrum of the image shows as acquired, where the rest was zero-filled."""

    @classmethod
    def of(
        cls,
        name: str,
        acquisition: Acquisition,
        sampled: tuple[int, int] | None = None,
        noise_std: float | None = None,
    ) -> InputFacts:
        """Return the facts of an acquisition with the corrections of the user."""
        changed = corrected(acquisition, sampled, noise_std)
        extent = (int(changed.mask.any(1).sum()), int(changed.mask.any(0).sum()))
        return cls(
            name=name,
            sampled=extent,
            noise_std=changed.noise_std,
            is_estimated=changed.noise_is_estimated,
            noise_question="" if changed.noise.known else changed.noise.sentence,
            notes=acquisition.notes,
            initial=initial_images(changed),
            filled_from=_clearly_smaller(changed.noise.extent, extent),
        )


def _clearly_smaller(
    found: tuple[int, int] | None, sampled: tuple[int, int]
) -> tuple[int, int] | None:
    """Return what the spectrum shows, unless it is the sampled matrix but for a line or two."""
    if found is None or found[0] * found[1] > 0.9 * sampled[0] * sampled[1]:
        return None
    return found


@dataclass(frozen=True, eq=False)
class LoadedScan:
    """An input that is ready to be shown."""

    acquisition: Acquisition
    facts: InputFacts
    window: Window
    geometry: Geometry
    simulated: bool = False


@dataclass(frozen=True, eq=False)
class LoadedResult:
    """A finished result that is ready to be shown, with the whole dictionary it used a part of.

    If the file holds the scan, it comes with it, so that one can go on from here.
    """

    result: Reconstruction
    source: Reconstruction
    """The object that was loaded, which layers of napari's reader may hold."""
    windows: Windows
    geometry: Geometry
    name: str
    dictionary_name: str
    dictionary: Dictionary
    dropped: tuple[int, ...] = ()
    shuffle_seed: int | None = None
    acquisition: Acquisition | None = None
    facts: InputFacts | None = None


def load_file(path: Path, **options: Any) -> LoadedScan | LoadedResult:
    """Load a scan, an image or a result; options are those of `napari_csc.load`."""
    lazy = is_large(path)
    result, acquisition = (
        (None, load(path, lazy=lazy, **options)) if options else load_any(path, lazy=lazy)
    )
    if result is not None:
        geometry = Geometry(scale=result.spacing, units=(result.unit,) * 3)
        return loaded_result(result, geometry, path.name, acquisition)
    assert acquisition is not None
    return loaded_scan(acquisition, Geometry.of_acquisition(acquisition), path.name)


def loaded_scan(
    acquisition: Acquisition, geometry: Geometry, name: str, simulated: bool = False
) -> LoadedScan:
    """Return an acquisition with what is shown of it; estimates the noise, which takes a moment."""
    facts = InputFacts.of(name, acquisition)
    window = image_window(middle_image(facts.initial))
    return LoadedScan(acquisition, facts, window, geometry, simulated)


def loaded_result(
    result: Reconstruction, geometry: Geometry, name: str, acquisition: Acquisition | None = None
) -> LoadedResult:
    """Return a result with the windows to show it in, its dictionary, and its scan if given."""
    found = _with_dictionary(result, geometry, name)
    if acquisition is None:
        return found
    return replace(found, acquisition=acquisition, facts=InputFacts.of(name, acquisition))


def _with_dictionary(result: Reconstruction, geometry: Geometry, name: str) -> LoadedResult:
    settings = result.provenance.get("settings", {})
    used = str(settings.get("dictionary", result.dictionary.name))
    dropped, seed = tuple(settings.get("dropped", ())), settings.get("shuffle_seed")
    windows = Windows.of(result)
    try:
        whole = Dictionary.load(used)
        kept = whole.subset([k for k in range(len(whole)) if k not in dropped])
        again = kept if seed is None else kept.permuted(seed)
        if (again.order, again.digest) == (result.dictionary.order, result.dictionary.digest):
            return LoadedResult(result, result, windows, geometry, name, used, whole, dropped, seed)
    except CscError:
        pass
    # Made with filters that have no name here: they are taken as they stand in the result.
    alone = replace(result.dictionary, order=tuple(range(len(result.dictionary))), seed=None)
    shown = replace(
        result,
        dictionary=alone,
        provenance={**result.provenance, "settings": {**settings, "dictionary": used}},
    )
    return LoadedResult(shown, result, windows, geometry, name, used, alone)


def simulated_scan(chosen: LayerInput, wanted: Simulation) -> LoadedScan:
    """Return the scan simulated from a plain image layer."""
    image = np.asarray(chosen.image)
    extra: dict[str, Any] = {
        "spacing": tuple(abs(one) for one in chosen.geometry.scale),
        "unit": chosen.geometry.units[-1],
        "metadata": {"path": chosen.name, "kind": "image"},
    }
    if wanted.sampled is None:
        acquisition = Acquisition.from_image(image, mask=np.ones(image.shape[-2:]), **extra)
    else:
        generator = torch.Generator().manual_seed(wanted.seed)
        acquisition = simulate_low_field(
            image, wanted.sampled, wanted.noise_variance, generator, **extra
        )
    return loaded_scan(acquisition, chosen.geometry, chosen.name, simulated=True)
