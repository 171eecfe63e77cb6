"""The sample scan that comes with napari-csc."""

from __future__ import annotations

from pathlib import Path

import napari_csc
from napari_csc.errors import CscError

SAMPLE = "head_phantom_lowfield.h5"


def sample_path() -> Path:
    """Return the file of the sample scan: a synthetic head at low field, four slices, one coil.

    It is computed, not measured, and holds the true image as ``reference``.

    Raises
    ------
    CscError
        If the installation lacks it.

    Examples
    --------
    >>> import napari_csc as csc
    >>> scan = csc.load(csc.sample_path())
    >>> scan.shape, scan.reference is None
    ((4, 256, 256), False)
    """
    # Inside the installed package, or beside it in a checkout.
    package = Path(napari_csc.__file__).parent
    for folder in (package / "sample_data", package.parent / "sample_data"):
        if (folder / SAMPLE).is_file():
            return folder / SAMPLE
    raise CscError(f"The sample scan {SAMPLE} is missing; install napari-csc again.")
