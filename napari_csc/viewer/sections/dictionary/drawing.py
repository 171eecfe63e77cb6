"""A filter of one's own: painted or made by parameters, and joined to the dictionary. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.drawn import cosine_filter, gabor_filter, joined, prepared
from napari_csc.errors import CscError
from napari_csc.viewer.background.lane import Handlers
from napari_csc.viewer.sections.dictionary.learning import learned_folder
from napari_csc.viewer.words import marked, tr
from napari_csc.viewer.workbench import Workbench

Array = npt.NDArray[np.float64]

SIZES = tuple(range(3, 16, 2))
"""Pixels that the grid may have along either side."""
_NO_DICTIONARY = marked("There is no dictionary yet; choose one first.")


@dataclass(frozen=True)
class Gabor:
    """The parameters of `napari_csc.core.dictionary.drawn.gabor_filter`."""

    orientation: float = 0.0
    frequency: float = 0.15
    width: float = 2.0
    phase: float = 0.0

    def filter(self, size: int) -> Array:
        """Return the filter (size, size)."""
        return gabor_filter(size, self.orientation, self.frequency, self.width, self.phase)


@dataclass(frozen=True)
class Cosine:
    """The indices of `napari_csc.core.dictionary.drawn.cosine_filter`.

    Those beyond the last of a size stand for the last.
    """

    vertical: int = 1
    horizontal: int = 1

    def filter(self, size: int) -> Array:
        """Return the filter (size, size)."""
        return cosine_filter(size, min(self.vertical, size - 1), min(self.horizontal, size - 1))


class DrawingModel:
    """Draws one filter, joins it to the dictionary in use, and saves that dictionary.

    Parameters
    ----------
    workbench
        Session, lanes and messages.

    Attributes
    ----------
    pixels : array
        What the grid shows (y, x), -1 black, 0 grey, 1 white.
    recipe : Gabor, Cosine or None
        What made the pixels; None where somebody painted.
    answer : str
        What became of adding or saving, until something else is drawn.
    """

    changed = Signal()
    """Pixels, recipe or answer are others than before."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self.session = workbench, workbench.session
        self.pixels: Array = np.zeros((9, 9))
        self.recipe: Gabor | Cosine | None = None
        self.answer = ""

    @property
    def size(self) -> int:
        """Pixels along either side."""
        return len(self.pixels)

    def filter(self) -> Array:
        """Return the filter as it would join the dictionary.

        Raises
        ------
        CscError
            If it is none.
        """
        return prepared(self.pixels) if self.recipe is None else self.recipe.filter(self.size)

    def problem(self) -> str:
        """Return why what is drawn is no filter yet, or nothing."""
        try:
            self.filter()
        except CscError as error:
            return str(error)
        return ""

    def paint(self, row: int, column: int, amount: float) -> None:
        """Make a pixel brighter, or darker by a negative amount."""
        if 0 <= row < self.size and 0 <= column < self.size:
            self.pixels[row, column] = np.clip(self.pixels[row, column] + amount, -1, 1)
            self.recipe = None
            self._draw_anew()

    def make(self, recipe: Gabor | Cosine | None) -> None:
        """Make the pixels by parameters; none leaves them as they are, to be painted on."""
        self.recipe = recipe
        self._follow_recipe()

    def clear(self) -> None:
        """Make all pixels zero."""
        self.recipe, self.pixels = None, np.zeros_like(self.pixels)
        self._draw_anew()

    def resize(self, size: int) -> None:
        """Take another grid; what was painted keeps its middle.

        Raises
        ------
        CscError
            If it is not one of `SIZES`.
        """
        if size not in SIZES:
            raise CscError(f"The grid must be odd, {SIZES[0]} to {SIZES[-1]} pixels wide.")
        before, self.pixels = self.pixels, np.zeros((size, size))
        kept = min(size, len(before))
        there, here = (len(before) - kept) // 2, (size - kept) // 2
        self.pixels[here : here + kept, here : here + kept] = before[
            there : there + kept, there : there + kept
        ]
        self._follow_recipe()

    def _follow_recipe(self) -> None:
        if self.recipe is not None:
            try:
                made = self.recipe.filter(self.size)
                self.pixels = made / np.abs(made).max()
            except CscError:
                # The sentence is told by `problem`, as long as it is so.
                self.pixels = np.zeros((self.size, self.size))
        self._draw_anew()

    def _draw_anew(self) -> None:
        self.answer = ""
        self.changed.emit()

    def _tell(self, sentence: str) -> None:
        self._workbench.tell(sentence)
        self._answered(sentence)

    def _fail(self, sentence: str) -> None:
        self._workbench.fail(sentence)
        self._answered(sentence)

    def _answered(self, sentence: str) -> None:
        self.answer = sentence
        self.changed.emit()

    def add(self) -> None:
        """Join the filter to the dictionary, in a file that settings and results can name."""
        session, before, folder = self.session, self.session.dictionary, learned_folder()
        try:
            if before is None:
                raise CscError(_NO_DICTIONARY)
            values = self.filter()
        except CscError as error:
            self._fail(str(error))
            return

        def done(found: Dictionary) -> None:
            dropped, seed = session.dropped, session.shuffle_seed
            session.use_dictionary(found.source, found, dropped, seed)
            session.selected = len(found) - 1
            self._tell(
                tr(
                    "Your filter is number {number} of the dictionary now. Press Run to use it."
                ).format(number=len(found) - 1)
            )

        # In the lane of other choices of filters: the latest counts.
        self._workbench.lane("dictionary", ("dictionary", "dictionary_name")).start(
            lambda ticket: _stored(joined(before, values), folder),
            Handlers(done, self._fail),
        )

    def save(self, path: str) -> None:
        """Write the filters in use, in their order and without those left out, to a file."""
        dictionary = self.session.ordered()
        if dictionary is None:
            self._fail(_NO_DICTIONARY)
            return
        target = Path(path) if Path(path).suffix else Path(f"{path}.safetensors")
        self._workbench.lane("save dictionary", ()).start(
            lambda ticket: dictionary.save(target),
            Handlers(
                lambda _: self._tell(
                    tr("Saved {count} filters as {name}.").format(
                        count=len(dictionary), name=target.name
                    )
                ),
                self._fail,
            ),
        )


def _stored(dictionary: Dictionary, folder: Path) -> Dictionary:
    """Return the same dictionary as a file of a folder gives it."""
    name = f"drawn-{len(dictionary)}-{max(dictionary.size)}-{dictionary.digest[:6]}.safetensors"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CscError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    dictionary.save(folder / name)
    return Dictionary.load(folder / name)
