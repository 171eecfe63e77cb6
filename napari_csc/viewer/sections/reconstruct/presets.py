"""Presets: settings under a name, kept on this machine. No Qt."""

from __future__ import annotations

import json
import re
from pathlib import Path

from platformdirs import user_config_path
from pydantic import ValidationError

from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.storage.atomic import replacing
from napari_csc.viewer.words import marked

_NAME = re.compile(r"[\w][\w .,()+-]{0,59}")
BUILT_IN = {
    marked("Best: V5"): ReconstructionSettings(),
    marked("Quick: V5, half the filters"): ReconstructionSettings(dictionary="brain-32-unrolled"),
    marked("As before V5: V4, DCT"): ReconstructionSettings(dictionary="dct-32-9", maps="v4"),
    marked("As published: V3, low-pass, FISTA 64"): ReconstructionSettings(
        dictionary="dct-32-9",
        maps="v3",
        solver="fista-published",
        iterations=64,
        norm="real-imaginary",
        rule="shrunk",
        smooth="low-pass-cg",
    ),
    marked("Classical: one level, 2 σ"): ReconstructionSettings(
        maps="2sigma", solver="admm", iterations=24
    ),
}
"""Presets that are always there and cannot be changed."""


class Presets:
    """Settings by name: those that are always there, then the user's.

    Parameters
    ----------
    folder
        Where the user's lie, one JSON file each; the user's configuration folder if None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or user_config_path("napari-csc") / "presets"

    def names(self) -> list[str]:
        """Return all names, the user's in alphabetical order."""
        own = sorted(path.stem for path in self.folder.glob("*.json"))
        return [*BUILT_IN, *(name for name in own if name not in BUILT_IN)]

    def load(self, name: str) -> ReconstructionSettings:
        """Return the settings of a name.

        Raises
        ------
        CscError
            If there are none, or their file is damaged.
        """
        if name in BUILT_IN:
            return BUILT_IN[name]
        path = self._path(name)
        try:
            return ReconstructionSettings.model_validate(json.loads(path.read_text("utf-8")))
        except FileNotFoundError as error:
            raise CscError(f"There is no preset {name!r} any more; choose another.") from error
        except (OSError, ValueError, ValidationError) as error:
            raise CscError(
                f"The preset {name!r} cannot be read; delete it and save it again."
            ) from error

    def save(self, name: str, settings: ReconstructionSettings) -> None:
        """Keep settings under a name; those of the same name are replaced.

        Raises
        ------
        CscError
            If the name cannot be used, or the file cannot be written.
        """
        if name in BUILT_IN:
            raise CscError(f"{name!r} is always there and stays as it is; choose another name.")
        path = self._path(name)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CscError(f"Presets cannot be kept in {self.folder}: {error.strerror}.") from error
        with replacing(path, overwrite=True) as part:
            part.write_text(settings.model_dump_json(indent=1), encoding="utf-8")

    def delete(self, name: str) -> None:
        """Delete one of the user's.

        Raises
        ------
        CscError
            If it is one that is always there.
        """
        if name in BUILT_IN:
            raise CscError(f"{name!r} is always there and cannot be deleted.")
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise CscError(
                f"A preset cannot be called {name!r}; use letters, digits, spaces and - . , ( ) +, "
                "60 at most."
            )
        return self.folder / f"{name}.json"
