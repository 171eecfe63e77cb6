"""Write the result that is shown to files, in the background. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_csc.io.export import export
from napari_csc.io.formats.csc_result import save
from napari_csc.io.map_figure import save_map_figure
from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.background.workers import Lanes
from napari_csc.viewer.layers import LayerBoard
from napari_csc.viewer.sections.reconstruct.job import Outcome
from napari_csc.viewer.session import Session


class Exporting:
    """Writes results, images and figures.

    ``overwrite`` says whether the user has agreed to replace an existing file.

    Parameters
    ----------
    session, board, lanes
        Those of the controller.
    outcome
        Returns the last finished run, if there is one.
    tell, fail
        Say something to the user, or a problem.
    """

    def __init__(
        self,
        session: Session,
        board: LayerBoard,
        lanes: Lanes,
        outcome: Callable[[], Outcome | None],
        tell: Callable[[str], None],
        fail: Callable[[str], None],
    ) -> None:
        self._session, self._board, self._lanes, self._outcome = session, board, lanes, outcome
        self._tell, self._fail = tell, fail

    def result(self, path: Path, overwrite: bool = False) -> None:
        """Write the result with maps, codes, provenance, and its input, as HDF5."""
        result, outcome = self._session.result, self._outcome()
        if result is None:
            self._fail("There is no result to save yet; press Run first.")
            return
        is_its_run = outcome is not None and outcome.result is result
        acquisition = outcome.acquisition if outcome is not None and is_its_run else None
        self._write(path, lambda: save(result, path, acquisition=acquisition, overwrite=overwrite))

    def figure(self, path: Path, overwrite: bool = False) -> None:
        """Write the figure of images, codes and maps of the slice that is looked at."""
        result, number = self._session.result, self._board.slice_of_result()
        if result is None:
            self._fail("There is no result to draw yet; press Run first.")
            return
        shown = number + self._board.place().first_slice
        self._write(
            path,
            lambda: save_map_figure(
                result, path, slice_number=number, shown_as=shown, overwrite=overwrite
            ),
        )

    def images(
        self,
        path: Path,
        kind: str,
        part: str = "image",
        form: str | None = None,
        overwrite: bool = False,
    ) -> None:
        """Write images or maps in any format.

        Parameters
        ----------
        path
            File, or folder of DICOM files.
        kind, part, form, overwrite
            As `napari_csc.export` takes them.
        """
        result = self._session.result
        if result is None:
            self._fail("There is no result to save yet; press Run first.")
            return
        self._write(
            path, lambda: export(result, path, kind, part=part, format=form, overwrite=overwrite)
        )

    def _write(self, path: Path, work: Callable[[], Any]) -> None:
        def written(ticket: Ticket) -> None:
            work()

        self._tell(f"Writing {path.name}…")
        self._lanes.export.start(
            written, Handlers(lambda _: self._tell(f"Written {path.name}."), self._fail)
        )
