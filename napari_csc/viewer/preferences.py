"""What the user has set in napari's preferences."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from napari.settings import get_plugin_settings

from napari_csc.core.options import DEFAULT_DICTIONARY, DEFAULT_NETWORK

log = logging.getLogger(__name__)
_PLUGIN = "napari-csc"


@dataclass(frozen=True)
class Preferences:
    """What a dock begins with; see ``contributions.configurations`` in the manifest."""

    dictionary: str = DEFAULT_DICTIONARY
    maps: str = DEFAULT_NETWORK
    device: str = "auto"
    live: bool = False

    @classmethod
    def read(cls) -> Preferences:
        """Return the preferences; those of the manifest where napari knows of none."""
        try:
            start = get_plugin_settings(_PLUGIN).start
            return cls(start.dictionary, str(start.maps), str(start.device), start.live)
        except (KeyError, AttributeError, ValueError):
            # Never needed: a damaged file of settings must not keep the dock from opening.
            log.exception("the preferences cannot be read")
            return cls()
