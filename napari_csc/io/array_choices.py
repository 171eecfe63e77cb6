"""What there is to choose in a file before it is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_csc.io.formats.table import format_of
from napari_csc.storage.open_file import OpenFile


@dataclass(frozen=True)
class ArrayChoice:
    """An array in a file: its name, shape as stored, and whether it is complex."""

    name: str
    shape: tuple[int, ...]
    is_complex: bool


def array_choices(path: Path) -> list[ArrayChoice]:
    """Return the arrays of numbers in a file that says nothing about them.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    list of ArrayChoice
        Those with two axes or more, the largest first; none for formats that state what they hold.

    Raises
    ------
    CscError
        If the file cannot be opened, or is of no known format.
    """
    with OpenFile(path) as file:
        found = format_of(file)
        if found.arrays is None:
            return []
        stored = found.arrays(file).arrays
    choices = [
        ArrayChoice(name, tuple(one.shape), one.dtype.kind == "c")
        for name, one in stored.items()
        if sum(size > 1 for size in one.shape) > 1 and one.dtype.kind in "biufc"
    ]
    return sorted(choices, key=lambda one: (-_pixels(one.shape), one.name))


def _pixels(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def spelled(shape: tuple[int, ...], chosen: tuple[str, ...]) -> str:
    """Return names for all axes, as `napari_csc.load` takes them, from those of the long ones.

    Parameters
    ----------
    shape
        Shape of the array.
    chosen
        A name for each axis longer than one.

    Returns
    -------
    str
        One name an axis; axes of length one get what is left.
    """
    from napari_csc.io.arrays.axes import AXES
    from napari_csc.io.arrays.parts import PARTS_AXIS

    # Not kz, which does not go with slices, nor the two parts of complex numbers.
    spare = iter([name for name in AXES if name not in (*chosen, "kz", PARTS_AXIS)])
    if "kz" in chosen:
        spare = (name for name in spare if name != "slice")
    long = iter(chosen)
    return ",".join(next(long) if size > 1 else next(spare, "") for size in shape)
