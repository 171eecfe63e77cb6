"""Pixels of DICOM frames as numbers in physical units, and complex images of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_csc.errors import CscError
from napari_csc.io.formats.dicom.files import dataset_of
from napari_csc.io.formats.dicom.frames import Frame, quietly
from napari_csc.io.formats.dicom.mosaic import PRIVATE, is_tiled, tiles_told
from napari_csc.io.headers.table import one_line
from napari_csc.storage.content import check_size

_KEYWORDS = """
    ImageType SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows
    Columns BitsAllocated BitsStored HighBit PixelRepresentation PixelData FloatPixelData
    DoubleFloatPixelData ExtendedOffsetTable ExtendedOffsetTableLengths SOPClassUID
"""
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
# Extent of the values that stands for a turn, and how it is told to people.
_TURNS = (
    (2 * np.pi, "radians"),
    (2000 * np.pi, "thousandths of a radian"),
    (360.0, "degrees"),
    (4096.0, "4096 steps a turn"),
    (8192.0, "8192 steps a turn, as Siemens scanners rescale it"),
)

# Neighbours in the right reading of the bits differ by less than this share of what they do in a
# wrong one.
_SMOOTHER = 0.8

Images = npt.NDArray[np.float32]


def stack(frames: Sequence[Frame], notes: list[str] | None = None) -> Images:
    """Return the rescaled pixels (frame, y, x); each file is decoded once.

    Padding, which is no measurement, is zero. To ``notes`` sentences are added for people.
    """
    padded = 0
    notes = [] if notes is None else notes
    images = np.empty((len(frames), *frames[0].shape), dtype=np.float32)
    check_size(images.shape, np.dtype(np.complex64), frames[0].path)
    places: dict[Path, list[int]] = {}
    for index, frame in enumerate(frames):
        places.setdefault(frame.path, []).append(index)
    for path, indices in places.items():
        pixels = stored_pixels(path, notes)
        for index in indices:
            frame = frames[index]
            values = pixels[frame.number]
            if values.shape != frame.shape:
                raise CscError(f"The pixels in {path.name} do not fit its header; export it again.")
            slope, intercept = _rescale(frame)
            images[index] = slope * values.astype(np.float32) + intercept
            padding = _padding(frame, values)
            if padding is not None and padding.any():
                images[index][padding] = 0
                padded += 1
    if padded:
        notes.append(f"Padding in {padded} image{'s' * (padded > 1)} was set to zero.")
    return images


def _padding(frame: Frame, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_] | None:
    """Return which pixels the file marks as no measurement, None if it marks none.

    Zeros that stay zero are left alone.
    """
    names = ("PixelPaddingValue", "FloatPixelPaddingValue")
    first = next((one for name in names if (one := frame.measure(name)) is not None), None)
    _, intercept = _rescale(frame)
    inverted = frame.text("PhotometricInterpretation") == "MONOCHROME1"
    if first is None or (first == 0 == intercept and not inverted):
        return None
    limit = frame.measure("PixelPaddingRangeLimit")
    ends = [first, first if limit is None else limit]
    if inverted and values.dtype.kind in "iu":
        ends = [_top(frame.dataset) - one for one in ends]
    return (values >= min(ends)) & (values <= max(ends))


def _top(dataset: Any) -> int:
    """Return the sum of a stored value and of its inverse."""
    bits = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    return -1 if dataset.get("PixelRepresentation") else 2**bits - 1


def stored_pixels(path: Path, notes: list[str] | None = None) -> npt.NDArray[Any]:
    """Return the stored values (frame, y, x) of a file; bright is large.

    Raises
    ------
    CscError
        If there are none, they are colours or a mosaic, or cannot be decoded.
    """
    notes = [] if notes is None else notes
    with quietly():
        dataset = with_usual_entries(dataset_of(path, [*_KEYWORDS.split(), *PRIVATE]))
        _refuse(path, dataset, notes)
        try:
            pixels = _decoded(path, dataset, notes)
        except CscError:
            raise
        except (RuntimeError, NotImplementedError) as error:
            # So pydicom says that no decoder is installed, or a decoder failed.
            syntax = one_line(dataset.file_meta.TransferSyntaxUID.name, 60)
            raise CscError(
                f"The compression of {path.name} ({syntax}) cannot be decoded here, or is damaged; "
                "export it without compression."
            ) from error
        except Exception as error:
            raise CscError(
                f"The pixels of {path.name} are damaged or cut off; copy or export it again."
            ) from error
    if pixels.ndim == 2:
        pixels = pixels[None]
    if len(pixels) == 1 and is_tiled(pixels[0]):
        raise _mosaic(path)
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1" and pixels.dtype.kind in "iu":
        pixels = _top(dataset) - pixels.astype(np.int64)
    return pixels


def _decoded(path: Path, dataset: Any, notes: list[str]) -> npt.NDArray[Any]:
    """Return the values; those that stand at the upper end of their bits are moved down."""
    allocated = int(dataset.get("BitsAllocated") or 16)
    stored = int(dataset.get("BitsStored") or allocated)
    shift = int(dataset.get("HighBit") or stored - 1) + 1 - stored
    if shift <= 0 or "PixelData" not in dataset or stored + shift > allocated:
        return _as_content_tells(dataset, np.asarray(dataset.pixel_array), notes)
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        raise CscError(
            f"The values in {path.name} stand at the upper end of their bits and are compressed, "
            "which is not read; export it without compression."
        )
    dataset.BitsStored, dataset.HighBit = allocated, allocated - 1
    whole = np.asarray(dataset.pixel_array)
    dataset.BitsStored = stored
    # The header may be wrong about it: the data then use the lower bits, and only these.
    if not (whole & (2**shift - 1)).any() or whole.max() >= 2**stored:
        notes.append(f"Values stand {shift} bits too high (HighBit) and were moved down.")
        whole = whole >> shift
    else:
        notes.append("The header tells a wrong HighBit; values were taken as they are.")
    if whole.dtype.kind == "u":
        return whole & (2**stored - 1)
    # The sign stands in the highest of the stored bits.
    free = allocated - stored
    return (whole << free) >> free


def with_usual_entries(dataset: Any) -> Any:
    """Return a header with the usual values of entries about the pixels that are missing."""
    usual = {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "PixelRepresentation": 0,
    }
    for name, value in usual.items():
        if dataset.get(name) in (None, ""):
            setattr(dataset, name, value)
    if not dataset.get("BitsStored"):
        dataset.BitsStored = dataset.BitsAllocated
    if dataset.get("HighBit") is None:
        dataset.HighBit = int(dataset.BitsStored) - 1
    return dataset


def _as_content_tells(dataset: Any, values: npt.NDArray[Any], notes: list[str]) -> npt.NDArray[Any]:
    """Return values in another reading of their bits where that is clearly an image, this not.

    Headers may say fewer bits than were written, or no sign: values then jump from end to end.
    """
    is_plain = values.ndim in (2, 3) and values.dtype.kind in "iu" and "PixelData" in dataset
    if not is_plain or dataset.file_meta.TransferSyntaxUID.is_compressed:
        return values
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if allocated != 16 or values.dtype.itemsize != 2:
        return values
    jumps = _jumps(values)
    if values.dtype.kind == "u" and values.max(initial=0) >= 2**15:
        signed = values.view(np.int16)
        if _jumps(signed) < _SMOOTHER * jumps:
            notes.append("Values are signed, though the header says that they are not.")
            return signed
    if stored == allocated or values.dtype.kind != "u":
        return values
    order = "<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">"
    whole = np.frombuffer(bytes(dataset.PixelData), f"{order}u2")[: values.size]
    whole = whole.astype(np.uint16).reshape(values.shape)
    # Graphics in the upper bits make an image less smooth, cut values the one without these bits.
    relative = _SMOOTHER * jumps / max(float(values.std()), 1e-300)
    if whole.max(initial=0) >= 2**stored and _jumps(whole) < relative * float(whole.std()):
        notes.append(f"Values use more than the {stored} bits that the header tells.")
        return whole
    return values


def _jumps(values: npt.NDArray[Any]) -> float:
    """Return the mean difference of neighbouring pixels."""
    values = values.astype(np.float64)
    return float(np.abs(np.diff(values, axis=-1)).mean() + np.abs(np.diff(values, axis=-2)).mean())


def _refuse(path: Path, dataset: Any, notes: list[str]) -> None:
    kind = dataset.get("ImageType") or []
    is_single = int(dataset.get("NumberOfFrames") or 1) < 2
    # Programs that remove names from headers remove this word, too.
    if is_single and tiles_told(dataset):
        raise _mosaic(path)
    if "MOSAIC" in ([kind] if isinstance(kind, str) else list(kind)):
        if is_single:
            raise _mosaic(path)
        notes.append("The header says mosaic, but slices are stored one by one; taken as these.")
    if not any(name in dataset for name in _PIXELS):
        raise CscError(f"{path.name} holds no pixels (PixelData); choose an image.")
    photometric = str(dataset.get("PhotometricInterpretation", ""))
    if int(dataset.get("SamplesPerPixel") or 1) != 1 or not photometric.startswith("MONOCHROME"):
        raise CscError(
            f"{path.name} holds colours ({one_line(photometric, 20) or 'unknown'}) and no plain "
            "grey values, as screenshots do; choose the original images."
        )


def _mosaic(path: Path) -> CscError:
    return CscError(
        f"{path.name} is a mosaic, all slices in one picture; export it as one image for "
        "each slice, or convert it to NIfTI (with dcm2niix, say)."
    )


def _rescale(frame: Frame) -> tuple[float, float]:
    slope, intercept = (_scale(frame, name) for name in ("RescaleSlope", "RescaleIntercept"))
    return slope or 1.0, intercept or 0.0


def _scale(frame: Frame, name: str) -> float | None:
    """Return a number that scales the pixels; one that cannot be read is no number to leave out.

    Raises
    ------
    CscError
        If it is there, and no number.
    """
    found = frame.measure(name)
    raw = frame.written(name) if found is None else ""
    if not raw:
        return found
    try:
        # A comma for the point, as programs in some languages write it.
        return float(raw.replace(",", "."))
    except ValueError:
        raise CscError(
            f"The {name} of {frame.path.name} is {one_line(raw, 20)!r} and no number, so that its "
            "values have no scale; export it again."
        ) from None


def complex_stack(
    parts: dict[str, list[Frame]], notes: list[str] | None = None
) -> tuple[npt.NDArray[Any], str]:
    """Return complex images of a pair, and what they were made from; notes as of `stack`."""
    if "R" in parts:
        real, imaginary = stack(parts["R"], notes), stack(parts["I"], notes)
        return real + np.complex64(1j) * imaginary, "real and imaginary part"
    magnitude, phase = stack(parts["M"], notes), stack(parts["P"], notes)
    turn, offset, meaning = _phase_scale(parts["P"], phase)
    angle = (phase - np.float32(offset)) * np.float32(2 * np.pi / turn)
    images = (magnitude * np.exp(1j * angle)).astype(np.complex64)
    return images, f"magnitude and phase, the phase in {meaning}"


def _phase_scale(frames: list[Frame], phase: Images) -> tuple[float, float, str]:
    """Return how many units of phase are a turn, which value is zero phase, and its name.

    No standard says so. The range that the stored bits span after rescaling tells it on scanners
    that rescale; without, the values themselves do.
    """
    frame = frames[0]
    slope, _ = _rescale(frame)
    bits = int(frame.measure("BitsStored") or 16)
    signed = bool(frame.measure("PixelRepresentation"))
    span = abs(slope) * 2**bits
    low, high = float(phase.min()), float(phase.max())
    if slope != 1.0:
        for turn, meaning in _TURNS:
            if abs(span - turn) < 0.01 * turn:
                return turn, 0.0, meaning
    if not signed and low >= 0 and high <= 4095 and slope == 1.0:
        return 4096.0, 2048.0, "4096 steps a turn, zero at 2048"
    for turn, meaning in _TURNS:
        # Signed values around zero that reach half a turn, and no more.
        if low < 0 and 0.45 * turn < max(-low, high) < 0.505 * turn:
            return turn, 0.0, meaning
    raise CscError(
        f"The scale of the phase in {frame.path.name} is unknown (values {low:g} to {high:g}); "
        "choose the series of the magnitude alone by its number as the key."
    )
