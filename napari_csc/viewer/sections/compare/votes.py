"""Blinded reading: which of two results is better, asked without saying which is which."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from napari_csc.errors import CscError
from napari_csc.storage.atomic import replacing
from napari_csc.viewer.sections.compare.pins import OTHER, Name
from napari_csc.viewer.words import counted, tr

Vote = Literal["left", "right", "equal"]
VOTES: tuple[Vote, ...] = get_args(Vote)
COLUMNS = (
    "time",
    "reader",
    "input",
    "slice",
    "settings A",
    "settings B",
    "seed",
    "shown order",
    "vote",
    "preferred",
    "note",
)


@dataclass(frozen=True)
class Study:
    """What stays the same through a reading.

    Attributes
    ----------
    path : Path
        CSV file that votes are added to.
    reader : str
        Name of the reader.
    input_name : str
        What was reconstructed.
    settings_a, settings_b : str
        How, in JSON.
    seed : int
        Start of the random order.
    """

    path: Path
    reader: str
    input_name: str
    settings_a: str
    settings_b: str
    seed: int


class Trials:
    """Trials of a blinded reading in random order, each vote written at once.

    Parameters
    ----------
    study
        What is read by whom, and where the votes go.

    Raises
    ------
    CscError
        If the votes could not be written to that file.
    """

    def __init__(self, study: Study) -> None:
        if not study.reader.strip():
            raise CscError("Enter the name of the reader first; it stands beside each vote.")
        append_row(study.path, None)
        self.study = study
        self.votes = {"A": 0, "B": 0, "equal": 0}
        self._generator = np.random.default_rng(study.seed)
        self.left: Name = "A"
        self._shuffle()

    @property
    def order(self) -> tuple[Name, Name]:
        """Which result is shown left, and which right."""
        return self.left, OTHER[self.left]

    @property
    def trial(self) -> int:
        """Number of the trial that is shown, from 1."""
        return sum(self.votes.values()) + 1

    def vote(self, vote: Vote, slice_number: int, note: str = "") -> None:
        """Write a vote on the present trial and shuffle for the next.

        Raises
        ------
        CscError
            If it could not be written: then the trial stays.
        """
        left, right = self.order
        preferred = {"left": left, "right": right, "equal": "equal"}[vote]
        study = self.study
        row = (
            datetime.now(UTC).isoformat(timespec="seconds"),
            study.reader.strip(),
            study.input_name,
            str(slice_number),
            study.settings_a,
            study.settings_b,
            str(study.seed),
            f"{left} left, {right} right",
            vote,
            preferred,
            note.strip(),
        )
        append_row(study.path, row)
        self.votes[preferred] += 1
        self._shuffle()

    def summary(self) -> str:
        """Return how the votes fell, in one sentence."""
        count = sum(self.votes.values())
        if not count:
            return tr("The blinded reading ended without a vote.")
        return counted(
            "{count} vote in {file}: A better {a}, B better {b}, equal {equal}.",
            "{count} votes in {file}: A better {a}, B better {b}, equal {equal}.",
            count,
            file=self.study.path.name,
            a=self.votes["A"],
            b=self.votes["B"],
            equal=self.votes["equal"],
        )

    def _shuffle(self) -> None:
        self.left = "A" if self._generator.integers(2) == 0 else "B"


def append_row(path: Path, row: tuple[str, ...] | None) -> None:
    """Add a row to a file of votes, or only make sure that it could be; never lose what is there.

    Raises
    ------
    CscError
        If the file holds something else, or cannot be written.
    """
    held = _read(path)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    if not held:
        writer.writerow(COLUMNS)
    elif not held.endswith("\n"):
        text.write("\n")
    if row is not None:
        writer.writerow(row)
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(held + text.getvalue(), encoding="utf-8", newline="")


def _read(path: Path) -> str:
    if not path.is_file():
        return ""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            held = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise CscError(f"{path} could not be read; choose another file for the votes.") from error
    if held and tuple(next(csv.reader(io.StringIO(held)), ())) != COLUMNS:
        raise CscError(
            f"{path.name} holds something else than votes of a blinded reading; choose another "
            "file."
        )
    return held
