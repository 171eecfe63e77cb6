"""The sample scan that comes with napari-csc."""

from __future__ import annotations

from pathlib import Path

import napari_csc
from napari_csc.errors import CscError

SAMPLE = "head_phantom_lowfield.h5"


def sample_path() -> Path:
    """Return the sample scan: inside the installed package, or beside it in a checkout.

    Raises
    ------
    CscError
        If it is in neither place.
    """
    package = Path(napari_csc.__file__).parent
    for folder in (package / "sample_data", package.parent / "sample_data"):
        if (folder / SAMPLE).is_file():
            return folder / SAMPLE
    raise CscError(f"The sample scan {SAMPLE} is missing; install napari-csc again.")
