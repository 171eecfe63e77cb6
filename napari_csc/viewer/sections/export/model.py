"""Write the result that is shown to files, in the background. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_csc.errors import CscError
from napari_csc.io.export import export
from napari_csc.io.formats.csc_result import save
from napari_csc.io.map_figure import save_map_figure
from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.sections.reconstruct.job import Job
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench


class ExportModel:
    """Writes results, images and figures; those of a run that goes on when it has ended.

    ``overwrite`` says whether the user has agreed to replace an existing file.

    Parameters
    ----------
    workbench
        Session, layers, lanes and messages, and the model of the runs.
    """

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self._layers = workbench, workbench.layers
        self.tell, self._fail = workbench.tell, workbench.fail
        self.session = workbench.session
        self._runs = workbench.model(ReconstructModel)

    def result(self, path: Path, overwrite: bool = False) -> None:
        """Write the result with maps, codes, provenance, and its input, as HDF5."""
        self._runs.when_finished(tr("saved"), lambda: self._result(path, overwrite))

    def _result(self, path: Path, overwrite: bool) -> None:
        result, outcome = self.session.result, self._runs.outcome
        if result is None:
            self._fail(tr("There is no result to save yet; press Run first."))
            return
        is_its_run = outcome is not None and outcome.result is result
        acquisition = outcome.acquisition if outcome is not None and is_its_run else None
        self._write(
            path,
            lambda: save(result, path, acquisition=acquisition, overwrite=overwrite),
            then=lambda: setattr(self._workbench, "in_file", result),
        )

    def figure(self, path: Path, overwrite: bool = False) -> None:
        """Write the figure of images, codes and maps of the slice that is looked at."""
        self._runs.when_finished(tr("saved"), lambda: self._figure(path, overwrite))

    def _figure(self, path: Path, overwrite: bool) -> None:
        result, number = self.session.result, self._layers.slice_of_result()
        if result is None:
            self._fail(tr("There is no result to draw yet; press Run first."))
            return
        shown = number + self._layers.place().first_slice
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
        self._runs.when_finished(
            tr("saved"), lambda: self._images(path, kind, part, form, overwrite)
        )

    def _images(self, path: Path, kind: str, part: str, form: str | None, overwrite: bool) -> None:
        result = self.session.result
        if result is None:
            self._fail(tr("There is no result to save yet; press Run first."))
            return
        self._write(
            path, lambda: export(result, path, kind, part=part, format=form, overwrite=overwrite)
        )

    def code(self, write: Callable[[Job], str]) -> str:
        """Return the run that is shown as code; nothing if there is none, and say so.

        Parameters
        ----------
        write
            `as_python` or `as_command`.
        """
        outcome = self._runs.outcome
        if outcome is None or outcome.result is not self.session.result:
            self._fail(tr("There is no run to copy yet; press Run first."))
            return ""
        try:
            return write(outcome.job)
        except CscError as error:
            self._fail(str(error))
            return ""

    def _write(
        self, path: Path, work: Callable[[], Any], then: Callable[[], None] = lambda: None
    ) -> None:
        def written(ticket: Ticket) -> None:
            work()

        def done(_: None) -> None:
            then()
            self.tell(tr("Written {name}.").format(name=path.name))

        self.tell(tr("Writing {name}…").format(name=path.name))
        self._workbench.lane("export", (), thread="movies").start(
            written,
            Handlers(done, self._fail),
        )
