"""What the callers of ``load`` and ``export`` ask for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.image_matrix import ImageMatrix, on_image_matrix
from napari_csc.errors import CscError

Kind = Literal["k-space", "image"]
SLICE_COUNT = "slices_in_file"
"""Entry of the metadata: readers that can read slices alone say how many there are."""

KINDS: tuple[Kind, ...] = ("k-space", "image")


@dataclass(frozen=True)
class LoadRequest:
    """The arguments of `napari_csc.load`; None leaves the choice to the reader."""

    slice: int | Sequence[int] | None = None
    coil: int | str | None = None
    key: str | None = None
    kind: Kind | None = None
    axes: str | None = None
    noise_std: float | None = None
    mask: Any = None
    coil_maps: Any = None
    noise_scan: Any = None
    acquired: int | tuple[int, int] | None = None
    repeat: int | None = None
    without_samples: Sequence[tuple[int, int]] | None = None
    matrix: ImageMatrix | None = None

    def __post_init__(self) -> None:
        """Refuse values that no reader can use."""
        if self.kind not in (None, *KINDS):
            raise CscError(f"The kind {self.kind!r} is unknown; use one of {', '.join(KINDS)}.")
        if isinstance(self.mask, str) and self.mask != "all":
            raise CscError("The mask must be an array, or 'all' for full sampling.")
        if not (self.coil is None or self.coil == "all" or _is_index(self.coil)):
            raise CscError(f"The coil must be a number or 'all', but is {self.coil!r}.")
        if not (self.repeat is None or _is_index(self.repeat)):
            raise CscError(f"The repeat must be a whole number, but is {self.repeat!r}.")
        if not (self.slice is None or _is_index(self.slice) or _are_indices(self.slice)):
            raise CscError(f"The slice must be a whole number or several, but is {self.slice!r}.")

    def finished(self, acquisition: Acquisition, has_chosen: bool = False) -> Acquisition:
        """Return the acquisition with the matrix and of the slices that were asked for.

        ``has_chosen`` says that the reader has left out the other slices already.
        """
        if self.repeat is not None and "repeat" not in acquisition.metadata:
            raise CscError("There are no repeats to choose from in this scan; leave repeat out.")
        if self.without_samples:
            acquisition = acquisition.without_samples(self.without_samples)
        if self.acquired is not None:
            acquisition = acquisition.with_acquired_matrix(self.acquired)
        if self.matrix is not None:
            acquisition = on_image_matrix(acquisition, self.matrix)
        return acquisition if self.slice is None or has_chosen else acquisition.select(self.slice)

    def slice_numbers(self, count: int) -> list[int]:
        """Return the numbers, 0 to ``count - 1``, of the slices that were asked for.

        Raises
        ------
        CscError
            If a slice does not exist.
        """
        if self.slice is None:
            return list(range(count))
        asked = self.slice if isinstance(self.slice, Sequence) else [self.slice]
        for number in asked:
            if not -count <= int(number) < count:
                raise CscError(
                    f"Slice {number} does not exist; this acquisition has the slices "
                    f"0 to {count - 1}."
                )
        return [int(number) % count for number in asked]

    def refuse_what_the_file_states(self, path: Path, *names: Literal["axes", "key"]) -> None:
        """Refuse arguments that would contradict a format that says what it holds."""
        for name in names:
            if getattr(self, name) is not None:
                raise CscError(f"{path.name} states its {name}; leave it out.")
        if self.kind == "image":
            raise CscError(f"{path.name} holds k-space and no image; leave the kind out.")


@dataclass(frozen=True)
class WriteRequest:
    """What a writer is asked for beside the values.

    Attributes
    ----------
    path : Path
        File or folder to write.
    overwrite : bool
        Whether an existing one may be replaced.
    bits : int
        Bits of a grey value of pictures, 8 or 16.
    window : tuple of float or None
        Percentiles of the values that become black and white in pictures; None for those that suit
        the kind.
    """

    path: Path
    overwrite: bool = False
    bits: int = 16
    window: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse what no picture can have."""
        if self.bits not in (8, 16):
            raise CscError(f"A picture has 8 or 16 bits, not {self.bits}.")
        if self.window is not None and not 0 <= self.window[0] < self.window[1] <= 100:
            low, high = self.window
            raise CscError(
                f"The window {low:g} to {high:g} cannot be used; give two rising percentiles "
                "between 0 and 100."
            )


def _is_index(value: object) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _are_indices(values: Any) -> bool:
    return isinstance(values, Sequence) and bool(values) and all(_is_index(v) for v in values)
