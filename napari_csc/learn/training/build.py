"""Build what a configuration trains: the only place that knows every kind of it."""

from __future__ import annotations

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import WeightMetadata, build_map_network
from napari_csc.learn.training.black_box import BlackBox
from napari_csc.learn.training.config import TrainingConfig
from napari_csc.learn.training.model import UnrolledReconstruction
from napari_csc.learn.training.trainable import Trainable


def build_model(config: TrainingConfig) -> Trainable:
    """Return what a configuration trains, with fresh weights."""
    if config.black_box is not None:
        return BlackBox(config.black_box)
    return UnrolledReconstruction(
        build_map_network(_metadata(config)), config.gradient_iterations, config.checkpoint_every
    )


def _metadata(config: TrainingConfig) -> WeightMetadata:
    assert config.architecture is not None
    dictionary = Dictionary.load(config.dictionary) if config.dictionary else None
    return WeightMetadata(
        name=config.name,
        architecture=config.architecture,
        solver=config.solver,
        iterations=config.iterations,
        step_rule=config.step_rule,
        norm=config.norm,
        smooth=config.smooth,
        low_pass_weight=config.low_pass_weight,
        smooth_widths=config.smooth_widths,
        dictionary_digest=dictionary.digest if dictionary else None,
        dictionary_name=dictionary.name if dictionary else None,
    )
