"""DICOM images: files, or the folders of series, read and written."""

from napari_csc.io.content_to_write import IMAGE_KINDS
from napari_csc.io.formats.dicom.reader import load_dicom, sniff, sniff_folder
from napari_csc.io.formats.dicom.writer import SUFFIX, write_dicom
from napari_csc.io.formats.format import Format, Writer

FORMAT = Format(
    "DICOM (file or folder)",
    (SUFFIX, ".ima"),
    sniff,
    load_dicom,
    sniff_folder=sniff_folder,
    writers=(
        Writer(
            "dicom",
            "DICOM",
            (SUFFIX,),
            (*IMAGE_KINDS, "maps"),
            write_dicom,
            is_folder=True,
            one_image_endings=(SUFFIX,),
        ),
    ),
)
