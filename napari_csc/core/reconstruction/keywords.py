"""The settings as keywords of the ``Reconstructor``: their names and defaults are the model's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypedDict

import torch

from napari_csc.core.maps.edits import MapEdit
from napari_csc.core.options import Norm, Rule, Smooth, Solver, StepRule, Until
from napari_csc.core.reconstruction.settings import ReconstructionSettings

# What dictionary and maps tell themselves.
_NOT_GIVEN = ("dictionary", "shuffle_seed", "dropped", "maps")


class GivenSettings(TypedDict, total=False):
    """What type checkers know of the keywords; see `ReconstructionSettings`."""

    solver: Solver | None
    iterations: int | None
    until: Until
    smooth: Smooth | None
    norm: Norm | None
    rule: Rule | None
    step_rule: StepRule | None
    low_pass_weight: float | None
    smooth_widths: tuple[float, ...] | None
    strength: float
    map_edits: Sequence[MapEdit]
    device: str | torch.device
    memory_limit: float | None


def keyword_defaults() -> dict[str, Any]:
    """Return the settings that may be given as keywords, and their defaults."""
    fields = ReconstructionSettings.model_fields
    return {name: one.default for name, one in fields.items() if name not in _NOT_GIVEN}


def check_keywords(given: Iterable[str]) -> None:
    """Refuse keywords that no function would take.

    Raises
    ------
    TypeError
        If there is no such setting.
    """
    for name in given:
        if name not in keyword_defaults():
            raise TypeError(f"Reconstructor() got an unexpected keyword argument {name!r}")


def with_keywords(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a function with each setting in place of ``**settings``."""
    signature = inspect.signature(function)
    plain = [one for one in signature.parameters.values() if one.kind != one.VAR_KEYWORD]
    types = GivenSettings.__annotations__
    settings = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=_text(types[name])
        )
        for name, default in keyword_defaults().items()
    ]
    return signature.replace(parameters=[*plain, *settings])


def _text(annotation: Any) -> str:
    return str(getattr(annotation, "__forward_arg__", annotation))
