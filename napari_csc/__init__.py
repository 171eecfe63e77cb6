"""napari-csc: see how an interpretable MR image reconstruction decides.

``x = x_low + sum_k d_k * s_k``: convolutional sparse coding with one sparsity level map per
dictionary filter, inferred by a neural network (Schulz et al., arXiv 2602.21707).

Names are loaded when they are first used, so that ``import napari_csc`` stays fast and needs
neither torch nor napari.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_csc.core import metrics as metrics
    from napari_csc.core.acquisition.cartesian import Acquisition as Acquisition
    from napari_csc.core.acquisition.noncartesian import (
        NonCartesianAcquisition as NonCartesianAcquisition,
    )
    from napari_csc.core.acquisition.simulate import simulate_low_field as simulate_low_field
    from napari_csc.core.dictionary.dictionary import Dictionary as Dictionary
    from napari_csc.core.maps import NoiseScalar as NoiseScalar
    from napari_csc.core.maps import load_map_network as load_map_network
    from napari_csc.core.maps import map_network_names as map_network_names
    from napari_csc.core.maps.cache import MapCache as MapCache
    from napari_csc.core.maps.edits import MapEdit as MapEdit
    from napari_csc.core.maps.region import Region as Region
    from napari_csc.core.reconstruction.devices import set_threads as set_threads
    from napari_csc.core.reconstruction.health import health as health
    from napari_csc.core.reconstruction.reconstructor import Reconstructor as Reconstructor
    from napari_csc.core.reconstruction.result import Reconstruction as Reconstruction
    from napari_csc.core.reconstruction.settings import (
        ReconstructionSettings as ReconstructionSettings,
    )
    from napari_csc.core.trust.lesion import Lesion as Lesion
    from napari_csc.core.trust.lesion_survey import lesion_curves as lesion_curves
    from napari_csc.core.trust.lesion_survey import lesion_map as lesion_map
    from napari_csc.core.trust.lesion_test import lesion_test as lesion_test
    from napari_csc.core.trust.noise_left import noise_left as noise_left
    from napari_csc.core.trust.point_response import point_response as point_response
    from napari_csc.core.trust.ranking import rank_dictionaries as rank_dictionaries
    from napari_csc.core.trust.ranking import strength_curve as strength_curve
    from napari_csc.core.trust.risk import estimate_risk as estimate_risk
    from napari_csc.core.trust.what_if import edit_maps as edit_maps
    from napari_csc.errors import CscError as CscError
    from napari_csc.errors import NeedsChoice as NeedsChoice
    from napari_csc.io.export import export as export
    from napari_csc.io.formats.csc_result import save as save
    from napari_csc.io.load import load as load
    from napari_csc.io.load import load_result as load_result
    from napari_csc.io.report.case import save_report as save_report
    from napari_csc.io.sample import sample_path as sample_path

_HOMES = {
    "Acquisition": "core.acquisition.cartesian",
    "CscError": "errors",
    "Dictionary": "core.dictionary.dictionary",
    "Lesion": "core.trust.lesion",
    "MapCache": "core.maps.cache",
    "MapEdit": "core.maps.edits",
    "NeedsChoice": "errors",
    "NoiseScalar": "core.maps",
    "NonCartesianAcquisition": "core.acquisition.noncartesian",
    "Reconstruction": "core.reconstruction.result",
    "ReconstructionSettings": "core.reconstruction.settings",
    "Reconstructor": "core.reconstruction.reconstructor",
    "Region": "core.maps.region",
    "edit_maps": "core.trust.what_if",
    "estimate_risk": "core.trust.risk",
    "export": "io.export",
    "health": "core.reconstruction.health",
    "lesion_curves": "core.trust.lesion_survey",
    "lesion_map": "core.trust.lesion_survey",
    "lesion_test": "core.trust.lesion_test",
    "load": "io.load",
    "load_map_network": "core.maps",
    "load_result": "io.load",
    "map_network_names": "core.maps",
    "metrics": "core",
    "noise_left": "core.trust.noise_left",
    "point_response": "core.trust.point_response",
    "rank_dictionaries": "core.trust.ranking",
    "sample_path": "io.sample",
    "save": "io.formats.csc_result",
    "save_report": "io.report.case",
    "strength_curve": "core.trust.ranking",
    "set_threads": "core.reconstruction.devices",
    "simulate_low_field": "core.acquisition.simulate",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'napari_csc' has no attribute {name!r}")
    if name == "metrics":
        return import_module("napari_csc.core.metrics")
    return getattr(import_module(f"napari_csc.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
