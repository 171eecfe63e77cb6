"""Pixels of DICOM frames as numbers in physical units, and complex images of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_csc.errors import CscError
from napari_csc.io.formats.dicom.frames import Frame, quietly
from napari_csc.io.headers.table import one_line
from napari_csc.storage.content import check_size

_KEYWORDS = """
    ImageType SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows
    Columns BitsAllocated BitsStored HighBit PixelRepresentation PixelData FloatPixelData
    DoubleFloatPixelData ExtendedOffsetTable ExtendedOffsetTableLengths
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

Images = npt.NDArray[np.float32]


def stack(frames: Sequence[Frame]) -> Images:
    """Return the rescaled pixels (frame, y, x); each file is decoded once."""
    images = np.empty((len(frames), *frames[0].shape), dtype=np.float32)
    check_size(images.shape, np.dtype(np.complex64), frames[0].path)
    places: dict[Path, list[int]] = {}
    for index, frame in enumerate(frames):
        places.setdefault(frame.path, []).append(index)
    for path, indices in places.items():
        pixels = stored_pixels(path)
        for index in indices:
            frame = frames[index]
            values = pixels[frame.number]
            if values.shape != frame.shape:
                raise CscError(f"The pixels in {path.name} do not fit its header; export it again.")
            slope, intercept = _rescale(frame)
            images[index] = slope * values.astype(np.float32) + intercept
    return images


def stored_pixels(path: Path) -> npt.NDArray[Any]:
    """Return the stored values (frame, y, x) of a file; bright is large.

    Raises
    ------
    CscError
        If there are none, they are colours or a mosaic, or cannot be decoded.
    """
    import pydicom

    with quietly():
        dataset = pydicom.dcmread(path, specific_tags=_KEYWORDS.split())
        _refuse(path, dataset)
        try:
            pixels = dataset.pixel_array
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
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1" and pixels.dtype.kind in "iu":
        bits = int(dataset.get("BitsStored") or dataset.BitsAllocated)
        top = -1 if pixels.dtype.kind == "i" else 2**bits - 1
        pixels = top - pixels.astype(np.int64)
    return pixels


def _refuse(path: Path, dataset: Any) -> None:
    kind = dataset.get("ImageType") or []
    if "MOSAIC" in ([kind] if isinstance(kind, str) else list(kind)):
        raise CscError(
            f"{path.name} is a mosaic, all slices in one picture; export it as one image for each "
            "slice, or convert it to NIfTI (with dcm2niix, say)."
        )
    if not any(name in dataset for name in _PIXELS):
        raise CscError(f"{path.name} holds no pixels (PixelData); choose an image.")
    photometric = str(dataset.get("PhotometricInterpretation", ""))
    if int(dataset.get("SamplesPerPixel") or 1) != 1 or not photometric.startswith("MONOCHROME"):
        raise CscError(
            f"{path.name} holds colours ({one_line(photometric, 20) or 'unknown'}) and no plain "
            "grey values, as screenshots do; choose the original images."
        )


def _rescale(frame: Frame) -> tuple[float, float]:
    slope, intercept = frame.measure("RescaleSlope"), frame.measure("RescaleIntercept")
    return slope or 1.0, intercept or 0.0


def complex_stack(parts: dict[str, list[Frame]]) -> tuple[npt.NDArray[Any], str]:
    """Return complex images of a pair, and what they were made from."""
    if "R" in parts:
        real, imaginary = stack(parts["R"]), stack(parts["I"])
        return real + np.complex64(1j) * imaginary, "real and imaginary part"
    magnitude, phase = stack(parts["M"]), stack(parts["P"])
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
