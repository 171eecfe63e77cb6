"""Learn the dictionaries that are shipped, by their names."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.errors import CscError
from napari_csc.learn.dictionaries.image_sources import VolumeImages
from napari_csc.learn.dictionaries.learning import LearningSettings, LearningStep, learn_dictionary
from napari_csc.learn.training.data import filled_slices, read_volumes

_FILE = Path(__file__).with_name("dictionaries.toml")


def recipe_names() -> list[str]:
    """Return the names of the dictionaries that can be learned again."""
    return [name for name in _recipes() if name != "common"]


def learn_shipped(
    name: str,
    data: str | Path,
    on_step: Callable[[LearningStep], object] | None = None,
    **changes: Any,
) -> Dictionary:
    """Learn one of the shipped dictionaries from the volumes of a folder.

    Parameters
    ----------
    name
        One of `recipe_names`.
    data
        Folder with the volumes that the recipe names.
    on_step
        See `learn_dictionary`.
    **changes
        Settings that differ from the recipe.

    Raises
    ------
    CscError
        If there is no such recipe, or its volumes are not there.
    """
    if name not in recipe_names():
        raise CscError(
            f"There is no recipe for a dictionary {name!r}; use one of {', '.join(recipe_names())}."
        )
    recipes = _recipes()
    recipe = {**recipes["common"], **recipes[name], **changes}
    patterns = recipe.pop("train_files")
    settings = LearningSettings.model_validate(recipe)
    volumes = read_volumes(data, patterns)
    source = VolumeImages([filled_slices(volume) for volume in volumes])
    return learn_dictionary(
        source, settings, name, on_step, data=[volume.name for volume in volumes]
    )


def _recipes() -> dict[str, dict[str, Any]]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
