"""Presets at the viewer: taken over, kept, deleted. No Qt."""

from __future__ import annotations

from collections.abc import Callable

from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.sections.reconstruct.presets import Presets
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench


class PresetsModel:
    """Takes settings over, keeps and deletes them.

    Parameters
    ----------
    workbench
        Session and messages, and the model of the section, which takes settings over.
    """

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self._presets = workbench, Presets()
        self._runs = workbench.model(ReconstructModel)

    def names(self) -> list[str]:
        """Return all names."""
        return self._presets.names()

    def use(self, name: str) -> bool:
        """Take the settings of a name over; return whether there are any."""
        return self._try(lambda: self._runs.use_settings(self._presets.load(name), name))

    def save(self, name: str) -> bool:
        """Keep the present settings under a name; return whether that was possible."""
        return self._try(
            lambda: self._presets.save(name, self._settings()),
            tr("The settings are kept as {name}.").format(name=name),
        )

    def _settings(self) -> ReconstructionSettings:
        """Return the present settings but for edits of maps, which belong to a scan."""
        settings = self._workbench.session.settings()
        return settings.model_copy(update={"map_edits": ()})

    def delete(self, name: str) -> bool:
        """Delete one of the user's; return whether that was possible."""
        return self._try(
            lambda: self._presets.delete(name),
            tr("The preset {name} is deleted.").format(name=name),
        )

    def _try(self, work: Callable[[], None], done: str = "") -> bool:
        try:
            work()
        except CscError as error:
            self._workbench.fail(str(error))
            return False
        if done:
            self._workbench.tell(done)
        return True
