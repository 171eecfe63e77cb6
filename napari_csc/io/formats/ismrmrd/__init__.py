"""ISMRMRD (MRD) files: raw data and images, read; images, written."""

from napari_csc.io.formats.format import COMPLEX_FIRST, Format, Writer
from napari_csc.io.formats.ismrmrd.reader import load_ismrmrd, sniff
from napari_csc.io.formats.ismrmrd.writer import write_ismrmrd

FORMAT = Format(
    "ISMRMRD (.h5, .mrd)",
    (".h5", ".mrd"),
    sniff,
    load_ismrmrd,
    reads_slices=True,
    writers=(
        Writer("ismrmrd", "ISMRMRD", (".mrd",), COMPLEX_FIRST, write_ismrmrd, may_end=(".h5",)),
    ),
)
