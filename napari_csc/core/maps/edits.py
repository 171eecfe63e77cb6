"""Maps that a person has changed: where, for which filters, by how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from napari_csc.core.maps.region import Region
from napari_csc.errors import CscError

Tensor = torch.Tensor

LARGEST_FACTOR = 8.0
FORBIDDEN_LEVEL = 1000.0
"""What a map shows where a filter is forbidden, in noise units."""

_MOST_EDITS = 1000


def _number_of(value: Any) -> Any:
    """Return a factor for the words that stand for one."""
    if isinstance(value, bool):
        raise ValueError("a number is needed")
    return 0.0 if value == "free" else value


_Factor = Annotated[
    Annotated[float, Field(ge=0, le=LARGEST_FACTOR, allow_inf_nan=False)] | Literal["forbid"],
    BeforeValidator(_number_of),
]
_Index = Annotated[int, Field(ge=0)]


class MapEdit(BaseModel):
    """One change of the sparsity level maps.

    Attributes
    ----------
    factor : float or ``"forbid"``
        What the maps are multiplied by, 0 to 8: above 1 a filter is held back more, below 1 less,
        and 0 (or ``"free"``) sets it free. ``"forbid"`` keeps its codes at zero.
    filters : tuple of int, ``"all"``, ``"dictionary"`` or ``"smooth"``
        Which ones, by their number in the dictionary before it is shuffled or cut down; all of the
        dictionary, all smooth ones, or both.
    region : Region or None
        The pixels; everywhere if None.
    slice : int or None
        Slice of what is reconstructed; all of them if None.

    Raises
    ------
    CscError
        If a value cannot be.

    Examples
    --------
    >>> import napari_csc as csc
    >>> edit = csc.MapEdit(factor=4, filters=(3, 5), region=csc.Region.rectangle((8, 8), (20, 30)))
    >>> edit.sentence
    'filters 3 and 5 held back 4 times as much in the rectangle from (8, 8) to (20, 30)'
    >>> csc.MapEdit(factor="forbid", filters="smooth").sentence
    'the smooth filters forbidden everywhere'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    factor: _Factor
    filters: tuple[_Index, ...] | Literal["all", "dictionary", "smooth"] = "all"
    region: Region | None = None
    slice: _Index | None = None

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else "edit"
            told = str(first["msg"]).removeprefix("Value error, ")
            raise CscError(
                f"An edit of the maps cannot be used, because of its {name}: {told}."
            ) from error

    @field_validator("filters")
    @classmethod
    def _some(cls, value: Any) -> Any:
        if value == ():
            raise ValueError("at least one filter must be named")
        return value

    @property
    def changes_nothing(self) -> bool:
        """Whether it leaves the maps as they are, bit for bit."""
        return self.factor == 1

    @property
    def sentence(self) -> str:
        """What it does, in a few words."""
        where = "everywhere" if self.region is None else f"in {self.region.sentence}"
        slices = "" if self.slice is None else f" of slice {self.slice}"
        return f"{self._named_filters()} {self._named_factor()} {where}{slices}"

    def _named_filters(self) -> str:
        if self.filters == "all":
            return "all filters"
        if isinstance(self.filters, str):
            return f"the {self.filters} filters" if self.filters == "smooth" else "the dictionary"
        if len(self.filters) == 1:
            return f"filter {self.filters[0]}"
        if len(self.filters) > 6:
            return f"{len(self.filters)} filters"
        first = ", ".join(map(str, self.filters[:-1]))
        return f"filters {first} and {self.filters[-1]}"

    def _named_factor(self) -> str:
        if self.factor == "forbid":
            return "forbidden"
        if self.factor == 0:
            return "set free"
        return f"held back {self.factor:g} times as much"


def _limited(value: Any) -> Any:
    if isinstance(value, Sequence) and len(value) > _MOST_EDITS:
        raise ValueError(f"there may be {_MOST_EDITS} at most")
    return value


MapEdits = Annotated[tuple[MapEdit, ...], BeforeValidator(_limited)]
"""Edits as settings keep them, applied one after the other."""


@dataclass(frozen=True)
class EditedFilters:
    """Which rows of the maps the filters have, for edits to find them.

    Attributes
    ----------
    order : tuple of int
        Number of each filter in the dictionary before it was shuffled or cut down.
    total : int
        How many filters that dictionary has.
    smooth : int
        How many smooth filters stand behind those of the dictionary.
    """

    order: tuple[int, ...]
    total: int
    smooth: int

    def rows(self, edit: MapEdit) -> list[int]:
        """Return the rows of an edit; none of filters that are left out."""
        count = len(self.order)
        every = {
            "all": range(count + self.smooth),
            "dictionary": range(count),
            "smooth": range(count, count + self.smooth),
        }
        if isinstance(edit.filters, str):
            return list(every[edit.filters])
        named = set(edit.filters)
        return [row for row, number in enumerate(self.order) if number in named]

    def check(self, edits: Sequence[MapEdit], slices: int, shape: tuple[int, int]) -> None:
        """Refuse edits of what is not there.

        Raises
        ------
        CscError
            If an edit names a filter or slice that does not exist, or its region has no pixel.
        """
        for edit in edits:
            if not isinstance(edit.filters, str) and max(edit.filters) >= self.total:
                raise CscError(
                    f"An edit of the maps names filter {max(edit.filters)}, but the dictionary has "
                    f"the filters 0 to {self.total - 1}."
                )
            if edit.filters == "smooth" and not self.smooth:
                raise CscError(
                    "An edit of the maps names the smooth filters, but there are none; choose the "
                    "smooth part of filters."
                )
            if edit.slice is not None and edit.slice >= slices:
                raise CscError(
                    f"An edit of the maps names slice {edit.slice}, but the slices are 0 to "
                    f"{slices - 1}."
                )
            if edit.region is not None:
                edit.region.mask(shape)


@dataclass(frozen=True, eq=False)
class EditedMaps:
    """Maps after all edits.

    Attributes
    ----------
    maps : Tensor
        Shape (K, y, x), in noise units; where a filter is forbidden, as they were.
    forbidden : Tensor or None
        Where codes must be zero (K, y, x), bool; None if nowhere.
    """

    maps: Tensor
    forbidden: Tensor | None = None

    @property
    def shown(self) -> Tensor:
        """The maps as a result keeps them."""
        if self.forbidden is None:
            return self.maps
        return self.maps.masked_fill(self.forbidden, FORBIDDEN_LEVEL)


def edited(
    maps: Tensor, edits: Sequence[MapEdit], filters: EditedFilters, number: int
) -> EditedMaps:
    """Return maps with the edits of a slice, one after the other: the last word counts.

    Parameters
    ----------
    maps
        Shape (K, y, x), smooth filters last; they are not changed.
    edits
        The edits; those that change nothing leave every bit.
    filters
        Which rows are which filters.
    number
        The slice.
    """
    here = [edit for edit in edits if edit.slice in (None, number) and not edit.changes_nothing]
    if not here:
        return EditedMaps(maps)
    shape = (int(maps.shape[-2]), int(maps.shape[-1]))
    changed, forbidden = maps.clone(), torch.zeros(maps.shape, dtype=torch.bool)
    forbidden = forbidden.to(maps.device)
    for edit in here:
        region = torch.ones(shape, dtype=torch.bool)
        if edit.region is not None:
            region = torch.from_numpy(edit.region.mask(shape))
        region = region.to(maps.device)
        for row in filters.rows(edit):
            if edit.factor == "forbid":
                forbidden[row] |= region
                continue
            if edit.factor == 0:
                forbidden[row] &= ~region
            changed[row] = torch.where(region, changed[row] * edit.factor, changed[row])
    return EditedMaps(changed, forbidden if bool(forbidden.any()) else None)


def edits_of_slice(edits: Sequence[MapEdit], number: int) -> tuple[MapEdit, ...]:
    """Return the edits that count for one slice, for a scan that has only this slice.

    Examples
    --------
    >>> import napari_csc as csc
    >>> from napari_csc.core.maps.edits import edits_of_slice
    >>> edits = [csc.MapEdit(factor=2, slice=0), csc.MapEdit(factor="free", slice=3)]
    >>> [one.sentence for one in edits_of_slice(edits, 3)]
    ['all filters set free everywhere']
    """
    return tuple(
        edit.model_copy(update={"slice": None}) for edit in edits if edit.slice in (None, number)
    )
