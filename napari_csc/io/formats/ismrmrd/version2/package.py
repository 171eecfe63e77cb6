"""The package that reads and writes MRD version 2, which not everybody has."""

from __future__ import annotations

from typing import Any

from napari_csc.errors import CscError

INSTALL = "pip install 'napari-csc[mrd]'"


def mrd_package(what: str) -> Any:
    """Return the module ``mrd`` of the package mrd-python.

    Parameters
    ----------
    what
        Begin of the sentence if it is missing, such as ``"a.mrd is an MRD stream of version 2"``.

    Raises
    ------
    CscError
        If it is not installed, or another package of that name is.
    """
    try:
        import mrd
    except ImportError as error:
        raise CscError(f"{what}, which the package mrd-python reads; {INSTALL}.") from error
    if not hasattr(mrd, "BinaryMrdReader"):
        raise CscError(
            f"{what}, but the package 'mrd' that is installed is another one; remove it "
            f"(pip uninstall mrd), then {INSTALL}."
        )
    return mrd
