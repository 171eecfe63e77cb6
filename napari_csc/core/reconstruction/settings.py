"""The settings of a reconstruction: one frozen object for viewer, command line and result file."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from napari_csc.core.maps.config import WeightMetadata
from napari_csc.core.maps.edits import MapEdits
from napari_csc.core.options import (
    DEFAULT_DICTIONARY,
    DEFAULT_NETWORK,
    GAUSSIAN_WIDTHS,
    Norm,
    Rule,
    Smooth,
    StepRule,
    Until,
)
from napari_csc.core.solvers.table import FIRST_SOLVER, SOLVERS, KnownSolver, solver_spec
from napari_csc.errors import CscError

MOST_ITERATIONS = 10_000
_SCALAR = re.compile(r"([0-9]*\.?[0-9]+(?:e[-+]?\d+)?)\s*(sigma|σ)?", re.IGNORECASE)


def _plain_integer(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is needed")
    return value


_Count = Annotated[int, BeforeValidator(_plain_integer), Field(ge=1, le=MOST_ITERATIONS)]
_NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
# What is said of a value beyond a limit, by pydantic's name of the error.
_REASONS = {
    "greater_than_equal": "must be {ge:g} or more",
    "less_than_equal": "must be {le:g} or less",
    "greater_than": "must be more than {gt:g}",
    "finite_number": "must be finite",
}


class ReconstructionSettings(BaseModel):
    """What decides a reconstruction, apart from the input.

    What is None is taken from the weight file of the map network, else from the defaults in
    `DEFAULTS`. Two reconstructions with equal settings and input are equal bit for bit on the CPU.

    Attributes
    ----------
    dictionary : str
        Name or file of the dictionary; see `napari_csc.Dictionary.load`.
    shuffle_seed : int or None
        Shuffle the filters with this seed.
    dropped : tuple of int
        Filters left out, by index in the unshuffled dictionary.
    maps : str
        Name or file of a map network, a scalar in units of the image (``"0.3"``), or one in units
        of the noise (``"1.5sigma"``).
    strength : float
        Factor on all sparsity level maps.
    map_edits : tuple of MapEdit
        What somebody changed in the maps, after the strength.
    solver, iterations, until, step_rule, norm, rule, smooth, low_pass_weight, smooth_widths
        See `napari_csc.Reconstructor`.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"mps"``, ...
    memory_limit : float or None
        Memory to stay within, in GB (1e9 bytes); what is free if None.

    Examples
    --------
    >>> import napari_csc as csc
    >>> settings = csc.ReconstructionSettings(dictionary="dct-8-5", maps="1.5sigma")
    >>> settings.solver is None, settings.scalar_maps()
    (True, (1.5, True))
    >>> csc.Reconstructor.from_settings(settings).settings.solver
    'fista'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dictionary: str = DEFAULT_DICTIONARY
    shuffle_seed: int | None = None
    dropped: tuple[int, ...] = ()
    maps: str = DEFAULT_NETWORK
    strength: _NotNegative = Field(
        1.0,
        title="Strength",
        description="Factor on all maps. Below 1: more detail and more noise. Above 1: smoother.",
    )
    map_edits: MapEdits = ()
    solver: KnownSolver | None = Field(
        None,
        title="Method",
        description="A network gives its best with the method it was trained with.",
    )
    iterations: _Count | None = Field(
        None,
        title="Iterations",
        description="A network gives its best near the number it was trained with.",
    )
    until: Until = Field(
        "iterations",
        title="Run until",
        description="A number of iterations, or convergence: until the image hardly changes any "
        "more, which takes about fifty times as long, and is not what networks were trained with.",
    )
    step_rule: StepRule | None = None
    norm: Norm | None = Field(
        None,
        title="Norm",
        description="What the maps weigh: the modulus of the complex codes, or real and imaginary "
        "part apart, as in the paper.",
    )
    rule: Rule | None = Field(
        None,
        title="Image from",
        description="Which codes make the image: those that fit the data, so that it is as bright "
        "as the data are, or those that were shrunk last, as in the paper.",
    )
    smooth: Smooth | None = Field(
        None,
        title="Smooth part",
        description="Wide Gaussian filters with maps of their own, or a fixed low-pass of the "
        "initial image, as in the paper.",
    )
    low_pass_weight: _NotNegative | None = None
    smooth_widths: tuple[float, ...] | None = None
    device: str = Field(
        "auto",
        title="Device",
        description="Where to compute; auto takes a graphics card if any.",
    )
    memory_limit: _Positive | None = None

    @field_validator("smooth_widths")
    @classmethod
    def _few_and_not_too_wide(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and not (0 < len(value) <= 8 and all(0.5 <= w <= 64 for w in value)):
            raise ValueError("must be one to eight widths between 0.5 and 64 pixels")
        return value

    @classmethod
    def checked(cls, **values: object) -> ReconstructionSettings:
        """Return settings, or say in one sentence which value is wrong.

        Raises
        ------
        CscError
            If a value is not valid.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else "value"
            reason = str(first["msg"]).removeprefix("Value error, ")
            if first["type"] in _REASONS:
                reason = _REASONS[first["type"]].format(**first.get("ctx", {}))
            told = repr(first["input"])
            told = told if len(told) <= 200 else f"{told[:200]}..."
            raise CscError(
                f"The setting {name.replace('_', ' ')!r} cannot be {told}: {reason}."
            ) from error

    def scalar_maps(self) -> tuple[float, bool] | None:
        """Return (level, whether in noise units) if ``maps`` is a number, else None."""
        match = _SCALAR.fullmatch(self.maps.strip())
        return (float(match.group(1)), bool(match.group(2))) if match else None


class CompleteSettings(ReconstructionSettings):
    """Settings in which nothing is left open: what a reconstruction runs with."""

    solver: KnownSolver
    iterations: _Count
    step_rule: StepRule
    norm: Norm
    rule: Rule
    smooth: Smooth
    low_pass_weight: _NotNegative
    smooth_widths: tuple[float, ...]

    @classmethod
    def of(
        cls, given: ReconstructionSettings, trained: WeightMetadata | None = None
    ) -> CompleteSettings:
        """Fill what is not given: as the network was trained, else from `DEFAULTS`.

        Parameters
        ----------
        given
            The settings.
        trained
            What the map network was trained for; None where nothing was trained.

        Examples
        --------
        >>> from napari_csc.core.reconstruction.settings import CompleteSettings
        >>> from napari_csc.core.reconstruction.settings import ReconstructionSettings
        >>> CompleteSettings.of(ReconstructionSettings(solver="admm")).iterations
        16
        """
        source = trained or DEFAULTS
        values = given.model_dump()
        solver = values["solver"] or source.solver
        # Another solver than the one of the training needs its own number.
        if values["iterations"] is None and solver != source.solver:
            values["iterations"] = solver_spec(solver).iterations
        for name in _LEFT_OPEN:
            if values[name] is None:
                values[name] = getattr(source, name)
        return cls(**values)


_LEFT_OPEN = (
    "solver",
    "iterations",
    "step_rule",
    "norm",
    "rule",
    "smooth",
    "low_pass_weight",
    "smooth_widths",
)

DEFAULTS = CompleteSettings(
    solver=FIRST_SOLVER,
    iterations=SOLVERS[FIRST_SOLVER].iterations,
    step_rule="per-filter",
    norm="modulus",
    rule="shrunk",
    smooth="filters",
    low_pass_weight=10.0,
    smooth_widths=GAUSSIAN_WIDTHS,
)
"""What counts where neither the user nor the weight file says anything."""
