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
from napari_csc.core.reconstruction.settings import CompleteSettings


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
            "warnings": _warnings(settings, dictionary, maps.trained_for),
        },
        "versions": {
            "napari-csc": _version(),
            "torch": torch.__version__,
            "numpy": numpy.__version__,
        },
        "device": str(device),
        "hardware": describe_device(device),
    }


def input_provenance(acquisition: Acquisition) -> dict[str, Any]:
    """Return a JSON-ready record of what was reconstructed."""
    return {
        "digest": acquisition.digest,
        "shape": list(acquisition.kspace.shape),
        "noise_std": acquisition.noise_std,
        "noise_is_estimated": acquisition.noise_is_estimated,
        "source": str(acquisition.metadata.get("path", "")),
    }


def _warnings(
    used: CompleteSettings, dictionary: Dictionary, trained: WeightMetadata | None
) -> list[str]:
    """Say where the settings differ from what the weights were trained for."""
    if trained is None:
        return []
    names = ("solver", "iterations", "step_rule", "norm", "rule", "smooth")
    warnings = [
        f"{trained.name} was trained with {name.replace('_', ' ')} {getattr(trained, name)}, "
        f"but {getattr(used, name)} is used."
        for name in (*names, *SMOOTH_MODES[used.smooth].own_settings)
        if getattr(trained, name) != getattr(used, name)
    ]
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
