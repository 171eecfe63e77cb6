"""MATLAB .mat files of bare arrays."""

from napari_csc.io.formats.format import Format, of_arrays
from napari_csc.storage import matlab_arrays
from napari_csc.storage.open_file import OpenFile


def _holds_arrays(file: OpenFile) -> bool:
    # Whether a .mat is complex shows only when it is read; nothing else opens these anyway.
    return bool(matlab_arrays.read(file).arrays)


FORMAT = Format(
    "MATLAB (.mat)",
    (".mat",),
    matlab_arrays.sniff,
    of_arrays(matlab_arrays.read),
    arrays=matlab_arrays.read,
    is_offered=_holds_arrays,
)
