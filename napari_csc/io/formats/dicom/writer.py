"""Write DICOM: derived series of secondary captures, one file a slice, without any patient."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_csc.core.acquisition.orientation import edge_letters
from napari_csc.errors import CscError
from napari_csc.io.content_to_write import NOTICE, Array, Exported
from napari_csc.io.requests import WriteRequest
from napari_csc.storage.atomic import replacing, replacing_folder

SUFFIX = ".dcm"
# Of this program, whatever its version; made once from a UUID, as DICOM allows.
_IMPLEMENTATION = "2.25.211873407215348627155013972905861480521"
_IMPLEMENTATION_NAME = "NAPARI_CSC"
_LEVELS = 2**16
_WHITE = 99.8
# Of a description in a list, and of a longer one.
_SHORT, _LONG = 64, 1024
_DIRECTIONS = {"S": "H", "I": "F"}


@dataclass(frozen=True, eq=False)
class _Part:
    """A series: values (slice, y, x), what they are, and how 16 bits stand for them."""

    values: Array
    name: str
    slope: float
    intercept: float
    window: tuple[float, float]
    series: str = field(default_factory=lambda: _new_uid())


def write_dicom(content: Exported, request: WriteRequest) -> list[Path]:
    """Write a folder with one file a slice; of one slice, a file if the name ends in ``.dcm``.

    Complex images are written as two series, real and imaginary part; maps as a series for each
    filter. Stored are 16 bits with slope and intercept, the same for all slices of a series; phases
    are in radians. Study, series, instances and frame of reference get new identities, patient and
    study stay empty.

    Returns
    -------
    list of Path
        The folder, or the file.

    Raises
    ------
    CscError
        If a file is asked for, but there are several slices; if the folder holds other files, or
        may not be overwritten; if there are values that are not finite.
    """
    content.check_finite()
    parts = _parts(content)
    count = len(parts) * len(content.values)
    datasets = _datasets(content, parts)
    if request.path.suffix.lower() == SUFFIX and not request.path.is_dir():
        if count > 1:
            raise CscError(
                f"{request.path.name} would be one DICOM file, but there are {count} images; give "
                "a folder (a name without .dcm), or choose one slice."
            )
        with replacing(request.path, request.overwrite) as part:
            next(datasets).save_as(part, enforce_file_format=True)
        return [request.path]
    with replacing_folder(request.path, request.overwrite, is_own_folder) as folder:
        for dataset in datasets:
            name = f"{int(dataset.SeriesNumber):03d}-{int(dataset.InstanceNumber):04d}{SUFFIX}"
            dataset.save_as(folder / name, enforce_file_format=True)
    return [request.path]


def is_own_folder(folder: Path) -> bool:
    """Return whether a folder holds nothing but DICOM files that this program wrote."""
    return all(_is_own(path) for path in folder.iterdir())


def _is_own(path: Path) -> bool:
    from pydicom.filereader import read_file_meta_info

    if not path.is_file() or path.is_symlink() or path.suffix.lower() != SUFFIX:
        return False
    try:
        meta = read_file_meta_info(path)
    except Exception:
        # The parser raises what it likes; what it cannot read is not ours.
        return False
    return str(meta.get("ImplementationClassUID", "")) == _IMPLEMENTATION


def _parts(content: Exported) -> list[_Part]:
    values, kind = content.values, content.kind
    if kind == "complex":
        return [_linear(values.real, "real"), _linear(values.imag, "imaginary")]
    if kind == "maps":
        count = values.shape[1]
        return [_linear(values[:, number], f"map of filter {number}") for number in range(count)]
    if kind == "phase":
        return [_Part(values, kind, 2 * np.pi / _LEVELS, -np.pi, (-np.pi, np.pi))]
    return [_linear(values, kind)]


def _linear(values: Array, name: str) -> _Part:
    """Return a series whose 16 bits reach from the lowest value, or zero, to the largest."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    top = float(np.percentile(np.abs(values), _WHITE)) or 1.0
    window = (0.0 if low == 0 else -top, top)
    return _Part(values, name, ((high - low) / (_LEVELS - 1)) or 1.0, low, window)


def _stored(part: _Part, number: int) -> npt.NDArray[np.uint16]:
    # What is rounded in the header is what readers multiply by.
    slope, intercept = float(str(_decimal(part.slope))), float(str(_decimal(part.intercept)))
    steps = np.rint((part.values[number].astype(np.float64) - intercept) / slope)
    # Half a turn is minus half a turn.
    steps = steps % _LEVELS if part.name == "phase" else np.clip(steps, 0, _LEVELS - 1)
    return steps.astype("<u2")


def _datasets(content: Exported, parts: list[_Part]) -> Any:
    """Give the data set of each image of each series."""
    study, frame_of_reference, now = _new_uid(), _new_uid(), datetime.now()
    for series_number, part in enumerate(parts, start=1):
        for number in range(len(part.values)):
            dataset = _empty(study, now)
            _describe(dataset, content, part, series_number, number)
            _place(dataset, content, number, frame_of_reference)
            _fill(dataset, part, number)
            yield dataset


def _empty(study: str, now: datetime) -> Any:
    """Return a data set with all that is the same in every file."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = _new_uid()
    dataset.StudyInstanceUID = study
    # Must be there, and may be empty: nothing of the patient is kept.
    for keyword in (
        *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
        *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
        "Laterality",
    ):
        setattr(dataset, keyword, "")
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "Written without patient and study by napari-csc"
    dataset.Modality = "MR"
    dataset.ConversionType = "WSD"
    dataset.Manufacturer = "napari-csc"
    dataset.ContentDate = dataset.InstanceCreationDate = now.strftime("%Y%m%d")
    dataset.ContentTime = dataset.InstanceCreationTime = now.strftime("%H%M%S")
    dataset.BurnedInAnnotation = "NO"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(_IMPLEMENTATION)
    meta.ImplementationVersionName = _IMPLEMENTATION_NAME
    dataset.file_meta = meta
    return dataset


def _describe(
    dataset: Any, content: Exported, part: _Part, series_number: int, number: int
) -> None:
    from importlib.metadata import version

    units = {"phase": "; values in radians", "maps": "; values in units of the noise"}
    method = f"convolutional sparse coding, {content.title}, " if content.title else ""
    dataset.SeriesInstanceUID = part.series
    dataset.SeriesNumber = series_number
    dataset.InstanceNumber = number + 1
    room = _SHORT - len(f", {NOTICE}")
    shown = f"napari-csc {part.name} {content.title}".strip()[:room]
    dataset.SeriesDescription = f"{shown}, {NOTICE}"
    dataset.DerivationDescription = (
        f"{NOTICE}: {method}{part.name}{units.get(content.kind, '')}; napari-csc "
        f"{version('napari-csc')}"
    )[:_LONG]
    dataset.SoftwareVersions = f"napari-csc {version('napari-csc')}"[:_SHORT]
    component = [part.name.upper()] if content.kind != "maps" else []
    dataset.ImageType = ["DERIVED", "SECONDARY", *component]


def _place(dataset: Any, content: Exported, number: int, frame_of_reference: str) -> None:
    """State pixel spacing, position and orientation, as far as they are known."""
    dataset.PatientOrientation = ""
    if content.unit == "mm":
        dataset.PixelSpacing = [_decimal(one) for one in content.spacing[1:]]
        dataset.SpacingBetweenSlices = _decimal(content.spacing[0])
    placed = content.lps()
    if placed is None or content.affine is None:
        return
    affine, directions = placed
    dataset.FrameOfReferenceUID = frame_of_reference
    dataset.PositionReferenceIndicator = ""
    # Must be there as well; that slices touch is not known.
    dataset.SliceThickness = None
    letters = edge_letters(content.affine)
    towards = [letters["right"], letters["bottom"]]
    dataset.PatientOrientation = [_DIRECTIONS.get(one, one) for one in towards]
    x, y = directions[:, 2], directions[:, 1]
    dataset.ImageOrientationPatient = [_decimal(one) for one in (*x, *y)]
    dataset.ImagePositionPatient = [_decimal(one) for one in (affine @ [number, 0, 0, 1])[:3]]


def _fill(dataset: Any, part: _Part, number: int) -> None:
    """Set pixels, and how they are rescaled and shown."""
    pixels = _stored(part, number)
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    dataset.RescaleSlope = _decimal(part.slope)
    dataset.RescaleIntercept = _decimal(part.intercept)
    dataset.RescaleType = "US"
    low, high = part.window
    dataset.WindowCenter = _decimal((low + high) / 2)
    dataset.WindowWidth = _decimal(high - low)
    # The plain linear function needs a width of one or more; images may be much smaller.
    dataset.VOILUTFunction = "LINEAR_EXACT"
    dataset.PixelData = pixels.tobytes()


def _decimal(value: float) -> Any:
    """Return a number as the 16 characters that DICOM has for it."""
    from pydicom.valuerep import DSfloat

    return DSfloat(float(value), auto_format=True)


def _new_uid() -> str:
    from pydicom.uid import generate_uid

    return str(generate_uid(prefix=None))
