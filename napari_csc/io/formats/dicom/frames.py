"""The frames of DICOM files: what the headers tell of each image, before any pixel is read."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_csc.errors import CscError
from napari_csc.io.formats.dicom.files import dataset_of
from napari_csc.io.headers.table import one_line
from napari_csc.storage.content import check_size, n_bytes
from napari_csc.storage.open_file import OpenFile, held

# Everything else in a header stays unread: vendors' private elements can be large and broken.
_KEYWORDS = """
    SpecificCharacterSet ImageType SOPClassUID SOPInstanceUID Modality Manufacturer
    ManufacturerModelName SeriesDescription ProtocolName SequenceName PulseSequenceName
    ScanningSequence MRAcquisitionType BodyPartExamined PatientPosition ComplexImageComponent
    SliceThickness SpacingBetweenSlices RepetitionTime EchoTime InversionTime FlipAngle
    NumberOfAverages MagneticFieldStrength EchoTrainLength PixelBandwidth AcquisitionMatrix
    DiffusionBValue DiffusionGradientOrientation TemporalPositionIdentifier AcquisitionNumber
    AcquisitionTime AcquisitionDateTime EchoNumbers TriggerTime ASLContext SeriesInstanceUID
    SliceLocation FrameIncrementPointer PixelPaddingValue PixelPaddingRangeLimit
    FloatPixelPaddingValue ContentTime FrameTime CineRate
    SeriesNumber InstanceNumber ImagePositionPatient ImageOrientationPatient FrameType
    SamplesPerPixel PhotometricInterpretation NumberOfFrames Rows Columns PixelSpacing
    BitsAllocated BitsStored HighBit PixelRepresentation RescaleIntercept RescaleSlope RescaleType
    SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence
"""
_GE_COMPONENT = 0x0043102F
# Private b-values and gradient directions, and the creators of their blocks.
_CREATORS = (0x00190010, 0x00430010, 0x20010010, 0x20050010, 0x00650010)
_B_VALUES = {
    "SIEMENS": (0x0019100C,),
    "GEMS": (0x00431039,),
    "PHILIPS": (0x20011003,),
    "IMAGE PRIVATE HEADER": (0x00651009,),
}
_GRADIENTS = {
    "SIEMENS": (0x0019100E,),
    "GEMS": (0x001910BB, 0x001910BC, 0x001910BD),
    "PHILIPS": (0x200510B0, 0x200510B1, 0x200510B2),
    "IMAGE PRIVATE HEADER": (0x00651037,),
}
# GE scanners add this to a b-value.
_GE_OFFSET = 1e9
# Frames that follow each other in time, as FrameIncrementPointer names it.
_TIMES = (0x00181063, 0x00181065, 0x00181060)
_DICOMDIR = "1.2.840.10008.1.3.10"
_DEFLATED = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.8.1")
# Sequences in functional groups, such as that of diffusion directions.
_DEEPEST = 2
# No method of compression shrinks images of a scanner as much as this.
_LARGEST_RATIO = 2000
_COMPONENTS = {
    "M": ("M", "MAGNITUDE", "M_FFE", "M_SE", "M_IR"),
    "P": ("P", "PHASE", "PHASE MAP", "P_FFE", "P_SE", "P_IR"),
    "R": ("R", "REAL", "R_FFE", "R_SE", "R_IR"),
    "I": ("I", "IMAGINARY", "I_FFE", "I_SE", "I_IR"),
}

Vector = tuple[float, ...]


@contextmanager
def quietly() -> Iterator[None]:
    """Keep pydicom from warning about what it mends or what is of no use here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class Frame:
    """One image of a file.

    Attributes
    ----------
    path : Path
        The file.
    number : int
        Which of its frames, from zero.
    dataset : pydicom.Dataset
        Header of the file.
    position : tuple of float or None
        Centre of the first pixel in mm (left, posterior, superior).
    orientation : tuple of float or None
        Directions of rows and columns in the same coordinates, six numbers.
    component : str
        ``"M"``, ``"P"``, ``"R"`` or ``"I"``: magnitude, phase, real or imaginary part.
    note : str
        What was assumed about it, a sentence for people.
    """

    path: Path
    number: int
    dataset: Any
    position: Vector | None
    orientation: Vector | None
    component: str
    note: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.dataset.Rows), int(self.dataset.Columns)

    @property
    def series(self) -> str:
        """Identity of the series."""
        return str(self.dataset.get("SeriesInstanceUID", ""))

    def told(self, keyword: str) -> Any:
        """Return a value of the header, that of the frame first; None if there is none."""
        return _told(self.dataset, self.number, keyword)

    def text(self, keyword: str) -> str:
        """Return a value as one line, empty if there is none."""
        value = self.told(keyword)
        if value is None:
            return ""
        several = not isinstance(value, str) and hasattr(value, "__iter__")
        return one_line(", ".join(str(one) for one in value) if several else value)

    def measure(self, keyword: str) -> float | None:
        """Return a finite number, None if there is none."""
        found = _numbers(self.told(keyword))
        return found[0] if found else None

    def written(self, keyword: str) -> str:
        """Return a value of the header itself as it stands in the file, empty if there is none."""
        try:
            element = self.dataset.get_item(keyword)
        except Exception:
            return ""
        value = getattr(element, "value", None)
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value or "")
        return text.strip("\0 ")

    def measures(self, keyword: str) -> Vector | None:
        """Return several finite numbers, None if there are none."""
        return _numbers(self.told(keyword))

    @property
    def is_grey(self) -> bool:
        """Whether pixels are grey values and no colours."""
        photometric = str(self.dataset.get("PhotometricInterpretation") or "MONOCHROME2")
        samples = int(self.dataset.get("SamplesPerPixel") or 1)
        return samples == 1 and photometric.startswith("MONOCHROME")

    def b_value(self) -> float | None:
        """Return the b-value in s/mm², also from the private elements of some vendors."""
        found = self.measure("DiffusionBValue")
        if found is None:
            private = self._private(_B_VALUES)
            found = private[0] if private else None
        return None if found is None else found % _GE_OFFSET

    def gradient(self) -> Vector | None:
        """Return the direction of the diffusion gradient, also from private elements."""
        found = self.measures("DiffusionGradientOrientation") or self._private(_GRADIENTS)
        return tuple(round(one, 3) + 0.0 for one in found) if found and len(found) == 3 else None

    def _private(self, places: Mapping[str, tuple[int, ...]]) -> Vector | None:
        """Return numbers of private elements whose block a known vendor has created."""
        for vendor, tags in places.items():
            values: list[float] = []
            for tag in tags:
                creator = self.dataset.get(tag & 0xFFFF0000 | 0x0010)
                element = self.dataset.get(tag)
                if element is None or vendor not in str(getattr(creator, "value", "")).upper():
                    break
                values += _private_numbers(element.value) or ()
            if values:
                return tuple(values)
        return None

    def pixel_spacing(self) -> tuple[float, float] | None:
        """Return the distance of rows and of columns in mm."""
        found = _numbers(self.told("PixelSpacing"))
        return (found[0], found[1]) if found and len(found) == 2 and min(found) > 0 else None


def read_frames(source: Path | OpenFile) -> list[Frame]:
    """Return the frames of a file, none if it holds no image.

    Raises
    ------
    CscError
        If the file is an index of others, damaged, or claims more pixels than it can hold.
    """
    from pydicom.tag import Tag
    from pydicom.uid import UID

    with quietly(), held(source) as file:
        path = file.path
        try:
            syntax, kind = _meta(file)
            if kind == _DICOMDIR:
                raise CscError(
                    f"{path.name} is the index of a medium (DICOMDIR) and holds no images; choose "
                    "a file or the folder of a series."
                )
            if syntax in _DEFLATED:
                # It is expanded as a whole before anything can be checked.
                raise CscError(
                    f"{path.name} is compressed as a whole (deflated), which is not read; export "
                    "it without compression."
                )
            tags = [Tag(name) for name in _KEYWORDS.split()]
            private = (*_B_VALUES.values(), *_GRADIENTS.values(), _CREATORS, (_GE_COMPONENT,))
            tags += [Tag(one) for some in private for one in some]
            dataset = dataset_of(file.start(), tags, stop_before_pixels=True)
            kind = kind or str(dataset.get("SOPClassUID", ""))
            if "Rows" not in dataset or "Columns" not in dataset:
                if not kind or UID(kind).name.endswith("Image Storage"):
                    raise EOFError
                return []
            count = _checked_count(path, dataset)
            return _placed([_frame(path, dataset, number) for number in range(count)])
        except CscError:
            raise
        except Exception as error:
            raise CscError(
                f"The DICOM header of {path.name} is damaged or cut off; copy or export it again."
            ) from error


def _meta(file: OpenFile) -> tuple[str, str]:
    """Return transfer syntax and class of the object."""
    from pydicom.filereader import read_dataset, read_preamble

    raw = file.start()
    read_preamble(raw, force=True)
    start = raw.tell()

    def read(is_implicit: bool) -> tuple[str, str]:
        raw.seek(start)
        meta = read_dataset(raw, is_implicit, True, stop_when=lambda tag, *_: tag >> 16 != 2)
        return str(meta.get("TransferSyntaxUID", "")), str(meta.get("MediaStorageSOPClassUID", ""))

    try:
        return read(is_implicit=False)
    except NotImplementedError:
        # The standard wants types of values there, which some programs leave out.
        return read(is_implicit=True)


def _checked_count(path: Path, dataset: Any) -> int:
    """Return the number of frames, after comparing the claimed pixels with the file."""
    numbers = (dataset.get("NumberOfFrames") or 1, dataset.Rows, dataset.Columns)
    count, rows, columns = (int(one) for one in numbers)
    bits = int(dataset.get("BitsAllocated") or 16)
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if min(count, rows, columns) < 1:
        raise CscError(
            f"{path.name} claims {count} frames of {rows} x {columns} pixels; export it again."
        )
    if bits not in (1, 8, 16, 32, 64) or samples not in (1, 3, 4):
        raise CscError(
            f"{path.name} claims {samples} values of {bits} bits for a pixel; export it again."
        )
    shape = (count, rows, columns) if samples == 1 else (count, rows, columns, samples)
    dtype = np.dtype(f"u{max(1, bits // 8)}")
    check_size(shape, dtype, path)
    compressed = dataset.file_meta.TransferSyntaxUID.is_compressed
    least = n_bytes(shape, dtype) // (8 if bits == 1 else 1)
    if least > path.stat().st_size * (_LARGEST_RATIO if compressed else 1):
        raise CscError(
            f"{path.name} is cut off or without pixels: it claims {count} x {rows} x {columns}, "
            "more than the file holds; copy or export it again."
        )
    return count


def _frame(path: Path, dataset: Any, number: int) -> Frame:
    position = _numbers(_told(dataset, number, "ImagePositionPatient"))
    orientation = _numbers(_told(dataset, number, "ImageOrientationPatient"))
    if orientation is not None and not _is_orientation(orientation):
        orientation = None
    if position is None or len(position) != 3 or orientation is None:
        position = orientation = None
    return Frame(path, number, dataset, position, orientation, _component(dataset, number))


def _placed(frames: list[Frame]) -> list[Frame]:
    """Return frames at places of their own where a file tells one position for all of them."""
    first = frames[0]
    step = first.measure("SpacingBetweenSlices")
    if len(frames) < 2 or first.position is None or first.orientation is None or not step:
        return frames
    if len({frame.position for frame in frames}) > 1 or not _are_slices(frames):
        return frames
    numbers = [frame.measure("InStackPositionNumber") for frame in frames]
    known = [one for one in numbers if one is not None]
    if len(known) < len(frames) or len(set(known)) < 2:
        known = [float(frame.number) for frame in frames]
    across = np.cross(first.orientation[:3], first.orientation[3:])
    note = (
        f"{first.path.name} tells one position for {len(frames)} slices; they were placed "
        f"{abs(step):g} mm apart, the first one there."
    )
    return [
        replace(
            frame,
            position=tuple(np.add(first.position, (one - min(known)) * abs(step) * across)),
            note=note,
        )
        for frame, one in zip(frames, known, strict=True)
    ]


def _are_slices(frames: list[Frame]) -> bool:
    """Return whether nothing says that the frames of a file follow each other in time."""
    if any(frames[0].measure(keyword) for keyword in ("FrameTime", "CineRate")):
        return False
    pointer = frames[0].dataset.get("FrameIncrementPointer")
    several = isinstance(pointer, (list, tuple)) or hasattr(pointer, "append")
    pointed = list(pointer) if several else [pointer]  # type: ignore[arg-type]
    if any(one in _TIMES for one in pointed):
        return False
    changing = ("EffectiveEchoTime", "TemporalPositionIndex", "FrameAcquisitionNumber")
    return all(
        len({frame.measure(keyword) for frame in frames}) == 1 or _has_stack(frames)
        for keyword in changing
    )


def _has_stack(frames: list[Frame]) -> bool:
    return len({frame.measure("InStackPositionNumber") for frame in frames}) > 1


def _is_orientation(values: Vector) -> bool:
    """Return whether six numbers are two unit vectors at a right angle."""
    if len(values) != 6:
        return False
    row, column = np.array(values[:3]), np.array(values[3:])
    return bool(
        abs(np.linalg.norm(row) - 1) < 0.02
        and abs(np.linalg.norm(column) - 1) < 0.02
        and abs(row @ column) < 0.02
    )


def _component(dataset: Any, number: int) -> str:
    stated = str(_told(dataset, number, "ComplexImageComponent") or "")
    words = [stated]
    for keyword in ("FrameType", "ImageType"):
        value = _told(dataset, number, keyword)
        # The first two words tell whether an image is original and primary.
        if value is not None and not isinstance(value, str):
            words += [str(word) for word in list(value)[2:]]
    for word in words:
        for letter, names in _COMPONENTS.items():
            if word.strip().upper() in names:
                return letter
    private = dataset.get(_GE_COMPONENT)
    if "GE" in str(dataset.get("Manufacturer", "")).upper() and private is not None:
        found = _numbers(private.value)
        return {0: "M", 1: "P", 2: "R", 3: "I"}.get(int(found[0]) if found else 0, "M")
    return "M"


def _told(dataset: Any, number: int, keyword: str) -> Any:
    groups = []
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence")
    if per_frame and number < len(per_frame):
        groups.append(per_frame[number])
    shared = dataset.get("SharedFunctionalGroupsSequence")
    if shared:
        groups.append(shared[0])
    try:
        for group in groups:
            found = _within(group, keyword, _DEEPEST)
            if found is not None:
                return found
        value = dataset.get(keyword)
    except Exception:
        # A value that cannot be understood is one that is not told.
        return None
    return None if value == "" else value


def _within(group: Any, keyword: str, depth: int) -> Any:
    """Return a value of the first items of the sequences in a functional group."""
    for element in group:
        if element.VR != "SQ" or not element.value:
            continue
        item = element.value[0]
        found = item.get(keyword) if keyword in item else None
        if found is None and depth > 1:
            found = _within(item, keyword, depth - 1)
        if found is not None:
            return found
    return None


def _private_numbers(value: Any) -> Vector | None:
    """Return numbers of a private element, whose type an implicit transfer syntax leaves open."""
    if not isinstance(value, bytes):
        return _numbers(value)
    text = value.strip(b"\0 ")
    try:
        return _numbers(text.decode("ascii").split("\\"))
    except (UnicodeDecodeError, ValueError):
        kind = "<f8" if len(value) % 8 == 0 else "<f4"
        whole = len(value) % np.dtype(kind).itemsize == 0
        return _numbers(np.frombuffer(value, kind)) if whole and value else None


def _numbers(value: Any) -> Vector | None:
    """Return finite numbers, None if there are none, or not only such."""
    if value is None:
        return None
    several = hasattr(value, "__iter__") and not isinstance(value, (str, bytes))
    try:
        found = tuple(float(one) for one in (value if several else [value]))
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found and all(math.isfinite(one) for one in found) else None
