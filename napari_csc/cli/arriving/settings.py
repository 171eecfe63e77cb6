"""What is done with every scan that arrives: settings given one by one, or those of a result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_csc.core.reconstruction.reconstructor import Reconstructor


def given_of(**options: Any) -> dict[str, Any]:
    """Return the options that were given: those that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def reconstructor_of(
    given: dict[str, Any], threads: int | None, like: Path | None = None
) -> Reconstructor:
    """Return what reconstructs with the settings that are given, or with those of a result."""
    from napari_csc.core.reconstruction.devices import set_threads

    if threads is not None:
        set_threads(threads)
    if like is not None:
        from napari_csc.core.reconstruction.repeat import reconstructor_like
        from napari_csc.io.load import load_result

        return reconstructor_like(load_result(like))
    from napari_csc.core.reconstruction.reconstructor import Reconstructor
    from napari_csc.core.reconstruction.settings import ReconstructionSettings

    return Reconstructor.from_settings(ReconstructionSettings.checked(**given))
