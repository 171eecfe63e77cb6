"""How a file is read where it does not say itself: looked at before it is taken. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from napari_csc.errors import CscError
from napari_csc.io.array_choices import ArrayChoice, array_choices
from napari_csc.io.lazy import is_large
from napari_csc.io.load import load
from napari_csc.viewer.background.lane import Handlers
from napari_csc.viewer.images.views import Array, image_window
from napari_csc.viewer.words import marked, tr
from napari_csc.viewer.workbench import Workbench


class ReadOptions(BaseModel):
    """How to read a file, as `napari_csc.load` takes it; what is None is found by content."""

    model_config = ConfigDict(frozen=True)

    key: str | None = Field(
        None,
        title=marked("Which image"),
        description=marked(
            "Which of several images to take: repetition=1,contrast=0 (ISMRMRD), TE=1 "
            "(BART), average (M4Raw), a number (volume of a NIfTI or NRRD file, series of a DICOM "
            "folder)."
        ),
    )
    kind: Literal["k-space", "image"] | None = Field(
        None,
        title=marked("Holds"),
        description=marked("Whether the numbers are k-space or an image."),
    )
    axes: str | None = None
    coil: int | None = None
    repeat: int | None = None
    matrix: float | None = Field(
        None,
        title=marked("Image matrix"),
        description=marked(
            "More pixels over the same field of view, by zero-filling. With 1.25 or 1.5 times what "
            "was acquired V5 makes better images of most scans, in twice the time."
        ),
    )

    def keywords(self) -> dict[str, Any]:
        """Return what was chosen, as keyword arguments of `napari_csc.load`."""
        return self.model_dump(exclude_none=True)


@dataclass(frozen=True)
class Preview:
    """How a file looks if it is read in some way: its middle slice in grey, and a sentence."""

    picture: Array
    """Shape (y, x), uint8."""
    sentence: str


def preview_of(path: Path, options: dict[str, Any], planes: int = 1) -> Preview:
    """Return how a file looks when it is read like this.

    Parameters
    ----------
    path
        The file.
    options
        Keyword arguments of `napari_csc.load`.
    planes
        1 for the slice in the middle, 4 for that many of all slices.

    Raises
    ------
    CscError
        If it cannot be read like this.
    """
    acquisition = load(path, lazy=is_large(path), **options)
    count, height, width = acquisition.shape
    shown = (count // 2,) if planes < 2 or count < planes else _spread(count, planes)
    magnitude = _side_by_side(np.abs(np.asarray(acquisition.select(shown).adjoint())))
    grey = np.clip(255 * magnitude / image_window(magnitude)[1], 0, 255).astype(np.uint8)
    held, coils = acquisition.metadata, acquisition.n_coils
    size = tr("{height} × {width} pixels").format(height=height, width=width)
    where = tr("slice {number} of {count}").format(number=count // 2, count=count)
    parts = [where if count > 1 else tr("1 slice"), size]
    if coils > 1:
        parts.append(tr("{count} coils").format(count=coils))
    kinds = [tr(str(held.get("kind", "k-space")))]
    if held.get("axes"):
        kinds.append(tr("axes {axes}").format(axes=str(held["axes"]).replace(",", ", ")))
    sentence = f"{', '.join(parts)}: {', '.join(kinds)}."
    return Preview(grey, sentence[:1].upper() + sentence[1:])


def _spread(count: int, planes: int) -> tuple[int, ...]:
    return tuple(np.linspace(0, count - 1, planes).round().astype(int).tolist())


def _side_by_side(images: Array) -> Array:
    """Return one image, or four of them in two rows."""
    if len(images) == 1:
        return images[0]
    return np.concatenate([np.concatenate(list(images[n : n + 2]), axis=1) for n in (0, 2)], axis=0)


class ReadAs:
    """Which file is in question, what it holds, and how it looks when read in some way.

    Parameters
    ----------
    workbench
        Session and lanes.
    """

    def __init__(self, workbench: Workbench) -> None:
        self._session = workbench.session
        # Both in a thread of their own: what is loaded waits for no preview.
        self._choices = workbench.lane("choices", (), thread="preview")
        self._preview = workbench.lane("preview", ())
        self.refused: Path | None = None
        """The file that was opened last, if it could not be read as it is."""

    def path(self) -> Path | None:
        """Return the file in question: the one that was refused, or else that of the scan."""
        acquisition = self._session.acquisition
        if self.refused is not None or acquisition is None:
            return self.refused
        told = acquisition.metadata.get("path")
        return None if told is None or not Path(str(told)).exists() else Path(str(told))

    def choices(self, path: Path, show: Callable[[list[ArrayChoice]], None]) -> None:
        """Find out in the background which arrays a file holds; none if it cannot be opened."""

        def work(_: object) -> list[ArrayChoice]:
            try:
                return array_choices(path)
            except CscError:
                return []

        self._choices.start(work, Handlers(show, lambda sentence: show([])))

    def preview(
        self,
        path: Path,
        options: dict[str, Any],
        show: Callable[[Preview | str], None],
        planes: int = 1,
    ) -> None:
        """Read a file in the background to show how it looks, or why it cannot be read."""
        self._preview.start(lambda ticket: preview_of(path, options, planes), Handlers(show, show))
