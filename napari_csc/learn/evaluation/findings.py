"""Figures of an evaluation that are not those of an image against its truth, kept in a file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from napari_csc.errors import CscError
from napari_csc.storage.atomic import replacing

_DIGITS = 6


@dataclass(frozen=True)
class Case:
    """What was measured: the key of its figures.

    Attributes
    ----------
    experiment, condition : str
        What was done, and how.
    method, version, dictionary : str
        With what; see `napari_csc.learn.evaluation.methods.Method`.
    subject : str
        Of what.
    slice : int
        Which of its slices.
    """

    experiment: str
    condition: str
    method: str
    version: str
    dictionary: str
    subject: str
    slice: int


_COLUMNS = (*(one.name for one in fields(Case)), "figure", "value")


class Findings:
    """Figures by case, in a CSV file with one line for each figure.

    Parameters
    ----------
    path
        The file; what it holds already is known.

    Raises
    ------
    CscError
        If the file holds something else.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from napari_csc.learn.evaluation.findings import Case, Findings
    >>> case = Case("risk", "", "v5", "", "", "scan", 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = Findings(Path(folder) / "findings.csv")
    ...     _ = first.of(case, lambda: {"risk": 0.25})
    ...     again = Findings(Path(folder) / "findings.csv")
    ...     again.of(case, dict)
    {'risk': 0.25}
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[Case, dict[str, float]] = {}
        if path.is_file():
            self._read()

    def of(self, case: Case, measure: Callable[[], Mapping[str, float]]) -> dict[str, float]:
        """Return the figures of a case; measured, and written, unless they are known."""
        if case not in self._known:
            measured = {name: round(float(one), _DIGITS) for name, one in measure().items()}
            self._known[case] = measured
            self._write()
        return self._known[case]

    def _read(self) -> None:
        try:
            with self._path.open(newline="", encoding="utf-8") as file:
                for line in csv.DictReader(file):
                    words: dict[str, Any] = {name: line[name] for name in _COLUMNS[:6]}
                    case = Case(**words, slice=int(line["slice"]))
                    self._known.setdefault(case, {})[line["figure"]] = float(line["value"])
        except (KeyError, ValueError, TypeError, UnicodeDecodeError) as error:
            raise CscError(
                f"{self._path} was not written by this evaluation; give another output folder."
            ) from error

    def _write(self) -> None:
        with (
            replacing(self._path, overwrite=True) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            for case, figures in self._known.items():
                writer.writerows([*astuple(case), name, one] for name, one in figures.items())
