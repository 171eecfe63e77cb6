"""What the dock remembers from one day to the next. No Qt."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from platformdirs import user_config_path

from napari_csc.errors import CscError
from napari_csc.storage.atomic import replacing

log = logging.getLogger(__name__)


class Remembered:
    """Small facts by name, in a file of the user's.

    Parameters
    ----------
    path
        The file; in the user's configuration folder if None.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or user_config_path("napari-csc") / "dock.json"
        self._known: dict[str, object] | None = None

    def beside(self, name: str) -> Path:
        """Return the path of another file in the same folder."""
        return self.path.with_name(name)

    def get(self, name: str) -> bool:
        """Return a fact; False if nothing is known of it."""
        if self._known is None:
            try:
                found = json.loads(self.path.read_text("utf-8"))
            except (OSError, ValueError):
                # Never needed: without it the dock is as it is at first.
                found = {}
            self._known = found if isinstance(found, dict) else {}
        return self._known.get(name) is True

    def put(self, name: str, value: bool) -> None:
        """Keep a fact, if the folder can be written."""
        # Other docks may have kept something meanwhile.
        self._known = None
        try:
            known = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            known = {}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self.path, overwrite=True) as part:
                facts = {**(known if isinstance(known, dict) else {}), name: value}
                part.write_text(json.dumps(facts), encoding="utf-8")
        except (OSError, CscError):
            log.warning("%s cannot be written", self.path, exc_info=True)
