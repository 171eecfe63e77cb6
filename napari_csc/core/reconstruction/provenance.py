"""Where a result comes from: enough to repeat it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy
import torch

from napari_csc.core.maps.base import MapNetwork
from napari_csc.core.reconstruction.devices import describe_device

if TYPE_CHECKING:
    from napari_csc.core.acquisition.cartesian import Acquisition
    from napari_csc.core.reconstruction.reconstructor import Reconstructor


def provenance_of(reconstructor: Reconstructor, acquisition: Acquisition) -> dict[str, Any]:
    """Return a JSON-ready record of input, dictionary, weights, settings, versions and device."""
    dictionary, maps = reconstructor.dictionary, reconstructor.maps
    network = maps if isinstance(maps, MapNetwork) else None
    return {
        "settings": reconstructor.settings.model_dump(mode="json"),
        "input": input_provenance(acquisition),
        "dictionary": {
            "name": dictionary.name,
            "digest": dictionary.digest,
            "order": list(dictionary.order),
            "shuffle_seed": dictionary.seed,
        },
        "maps": {
            "name": reconstructor.settings.maps,
            "digest": network.digest if network else None,
            "warnings": _warnings(reconstructor),
        },
        "versions": {
            "napari-csc": _version(),
            "torch": torch.__version__,
            "numpy": numpy.__version__,
        },
        "device": str(reconstructor.device),
        "hardware": describe_device(reconstructor.device),
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


def _warnings(reconstructor: Reconstructor) -> list[str]:
    """Say where the settings differ from what the weights were trained for."""
    if not isinstance(reconstructor.maps, MapNetwork):
        return []
    trained, used = reconstructor.maps.metadata, reconstructor.settings
    warnings = [
        f"{trained.name} was trained with {name.replace('_', ' ')} {getattr(trained, name)}, "
        f"but {getattr(used, name)} is used."
        for name in (
            "solver",
            "iterations",
            "step_rule",
            "norm",
            "smooth",
            *_of_the_mode(used.smooth),
        )
        if getattr(trained, name) != getattr(used, name)
    ]
    digest = trained.dictionary_digest
    if digest is not None and digest != reconstructor.dictionary.digest:
        warnings.append(
            f"{trained.name} was trained for the dictionary {trained.dictionary_name} only."
        )
    return warnings


def _of_the_mode(smooth: str) -> tuple[str, ...]:
    """Return the settings that matter in one smooth mode only."""
    return ("low_pass_weight",) if smooth == "low-pass" else ("smooth_widths",)


def _version() -> str:
    try:
        return version("napari-csc")
    except PackageNotFoundError:
        return "unknown"
