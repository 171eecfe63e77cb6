"""Where a result comes from: enough to repeat it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.smooth_modes import SMOOTH_MODES
from napari_csc.core.maps.config import WeightMetadata
from napari_csc.core.maps.source import MapSource
from napari_csc.core.reconstruction.devices import describe_device
from napari_csc.core.reconstruction.settings import CompleteSettings, ReconstructionSettings

Tensor = torch.Tensor


def provenance_of(
    settings: CompleteSettings,
    dictionary: Dictionary,
    maps: MapSource,
    device: torch.device,
    acquisition: Acquisition,
) -> dict[str, Any]:
    """Return a JSON-ready record of input, dictionary, weights, settings, versions and device."""
    return {
        "settings": settings.model_dump(mode="json"),
        "start": "zero codes",
        "input": input_provenance(acquisition),
        "dictionary": {
            "name": dictionary.name,
            "digest": dictionary.digest,
            "order": list(dictionary.order),
            "shuffle_seed": dictionary.seed,
        },
        "maps": {
            "name": settings.maps,
            "digest": maps.digest,
            "usual_misfit": None if maps.trained_for is None else maps.trained_for.usual_misfit,
            "trained_noise": _trained_noise(maps.trained_for),
            "warnings": _warnings(settings, dictionary, maps.trained_for),
            "edits": told_edits(settings),
        },
        "versions": {
            "napari-csc": _version(),
            "torch": torch.__version__,
            "numpy": numpy.__version__,
        },
        "device": str(device),
        "hardware": describe_device(device),
    }


def _trained_noise(trained: WeightMetadata | None) -> list[float] | None:
    """Return the least and the largest noise power over signal power that weights have seen."""
    config = None if trained is None else trained.training.get("config")
    if not isinstance(config, dict):
        return None
    images = config.get("images")
    told = images.get("noise_variances") if isinstance(images, dict) else None
    found = config.get("noise_variances") if told is None else told
    if not isinstance(found, (list, tuple)) or len(found) != 2:
        return None
    return [float(one) for one in found]


def told_edits(settings: ReconstructionSettings) -> list[str]:
    """Return what was changed in the maps, a few words for each edit that changes something."""
    return [edit.sentence for edit in settings.map_edits if not edit.changes_nothing]


def input_provenance(acquisition: Acquisition) -> dict[str, Any]:
    """Return a JSON-ready record of what was reconstructed."""
    return {
        "digest": acquisition.digest,
        "shape": list(acquisition.kspace.shape),
        "acquired": _acquired(acquisition),
        "noise_std": acquisition.noise_std,
        "noise_is_estimated": acquisition.noise_is_estimated,
        "noise_method": acquisition.noise.method,
        "noise_known": acquisition.noise.known,
        "noise": acquisition.noise.sentence,
        "noise_profile": recorded_profile(acquisition.relative_noise),
        "notes": list(acquisition.notes),
        "source": str(acquisition.metadata.get("path", "")),
    }


def _acquired(acquisition: Acquisition) -> dict[str, Any] | None:
    """Return the acquired matrix (ky, kx) and how many positions of it; None of a trajectory."""
    if not acquisition.is_cartesian:
        return None
    mask = acquisition.mask
    matrix = [int(mask.any(axis).sum()) for axis in (1, 0)]
    return {"matrix": matrix, "positions": int(mask.sum())}


def recorded_profile(relative: Tensor | None) -> dict[str, Any] | None:
    """Return how the noise varies, if along one axis only; a map over both is in the scan."""
    if relative is None:
        return None
    for axis in (0, 1):
        along = relative.select(1 - axis, 0)
        if torch.equal(along.unsqueeze(1 - axis).expand_as(relative), relative):
            return {"axis": axis, "levels": along.tolist()}
    return {"axis": None, "levels": []}


def _warnings(
    used: CompleteSettings, dictionary: Dictionary, trained: WeightMetadata | None
) -> list[str]:
    """Say where the settings differ from what the weights were trained for."""
    edits = told_edits(used)
    warnings = [f"The maps were edited: {'; '.join(edits)}."] if edits else []
    if trained is None:
        return warnings
    names = ("solver", "iterations", "step_rule", "norm", "rule", "smooth")
    warnings += [
        f"{trained.name} was trained with {name.replace('_', ' ')} {getattr(trained, name)}, "
        f"but {getattr(used, name)} is used."
        for name in (*names, *SMOOTH_MODES[used.smooth].own_settings)
        if getattr(trained, name) != getattr(used, name)
    ]
    if used.until != "iterations":
        warnings.append(
            f"{trained.name} was trained with {trained.iterations} iterations, but the solver went "
            f"on to {used.until}."
        )
    digest = trained.dictionary_digest
    if digest is not None and digest != dictionary.digest:
        warnings.append(
            f"{trained.name} was trained for the dictionary {trained.dictionary_name} only."
        )
    return warnings


def _version() -> str:
    try:
        return version("napari-csc")
    except PackageNotFoundError:
        return "unknown"
