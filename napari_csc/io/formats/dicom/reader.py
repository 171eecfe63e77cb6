"""DICOM images: a file, or a folder with the files of a series."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.notes import add_note
from napari_csc.errors import CscError
from napari_csc.io.arrays.meaning import image_acquisition
from napari_csc.io.formats.dicom.files import is_dicom
from napari_csc.io.formats.dicom.frames import Frame, quietly, read_frames
from napari_csc.io.formats.dicom.pixels import complex_stack, stack
from napari_csc.io.formats.dicom.series import Series, chosen_volume, scans_of, series_of
from napari_csc.io.formats.dicom.volumes import Volume, heights_of, normal
from napari_csc.io.headers.table import geometry_rows, product
from napari_csc.io.requests import LoadRequest
from napari_csc.storage.open_file import OpenFile

_INDEX = "DICOMDIR"
# A folder of more folders is an archive rather than a scan; media have patients, studies, series.
_MOST_FOLDERS, _DEEPEST = 200, 4
_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
# Slices whose distance varies by a larger share do not lie on a grid.
_UNEVEN = 0.02
_PARTS = {"P": "phase", "R": "real part", "I": "imaginary part"}


def sniff(file: OpenFile) -> bool:
    """Return whether this is a DICOM file."""
    return is_dicom(file.head)


def sniff_folder(folder: OpenFile) -> bool:
    """Return whether a folder holds a DICOM file, or one of the folders below it does."""
    for level in _levels(folder.path):
        for each in level:
            with _listing(each) as paths:
                for path in paths:
                    file = OpenFile(path)
                    if sniff(file):
                        # It will be read next.
                        folder.keep(file)
                        return True
                    file.close()
    return False


def is_dicom_folder(path: Path) -> bool:
    """Return whether this is a folder with a DICOM file."""
    with OpenFile(path) as folder:
        return path.is_dir() and sniff_folder(folder)


@quietly()
def dicom_choices(path: Path) -> list[str]:
    """Return the keys of the series of a file or folder, one where all belong together.

    Two series that make complex images are one. Where series cannot be told apart by their numbers,
    or one holds several volumes, nobody can choose by these keys, and loading says so.

    Raises
    ------
    CscError
        If the files are damaged.
    """
    with OpenFile(path) as source:
        return scans_of(series_of(_frames(source)))


def dicom_paths(folder: Path) -> list[Path]:
    """Return the DICOM files of a folder, without the index of a medium."""
    with OpenFile(folder) as source:
        return [file.path for file in _files(source)]


def _frames(source: OpenFile) -> list[Frame]:
    """Return the frames of a file, or of those in a folder."""
    files = _files(source) if source.path.is_dir() else [source]
    return [frame for file in files for frame in read_frames(file)]


def _files(folder: OpenFile) -> Iterator[OpenFile]:
    """Give the DICOM files of a folder one after the other, each open for a while.

    Those of the folders below it count where it holds none itself, of the first level that has any.
    """
    for level in _levels(folder.path):
        has_some = False
        for each in level:
            with _listing(each) as paths:
                for path in paths:
                    with folder.visit(path) as file:
                        if sniff(file):
                            has_some = True
                            yield file
        if has_some:
            return


def _levels(folder: Path) -> Iterator[list[Path]]:
    """Give a folder, then the folders in it, then those in these."""
    level, seen = [folder], 1
    for _ in range(_DEEPEST):
        yield level
        below: list[Path] = []
        for each in level:
            with _listing(each, of_folders=True) as paths:
                below += [path for path in paths if not path.is_symlink()]
        level = below[: _MOST_FOLDERS - seen]
        seen += len(level)
        if not level:
            return


@contextmanager
def _listing(folder: Path, of_folders: bool = False) -> Iterator[list[Path]]:
    """Give the files in a folder that may be DICOM, or the folders.

    Say plainly if one cannot be opened.
    """
    try:
        yield [
            path
            for path in sorted(folder.iterdir())
            if not path.name.startswith(".")
            and path.name != _INDEX
            and (path.is_dir() if of_folders else path.is_file())
        ]
    except OSError as error:
        raise CscError(
            f"The folder {folder} cannot be read ({error.strerror}); check its rights."
        ) from error


@quietly()
def load_dicom(source: OpenFile, request: LoadRequest) -> Acquisition:
    """Return the images of a series as an acquisition, slices sorted by their places.

    Rows and columns stay as stored. ``metadata["affine"]`` maps (slice, y, x) indices to
    millimetres (right, anterior, superior).
    """
    path = source.path
    if request.kind == "k-space":
        raise CscError(f"{path.name} holds images and no k-space; leave the kind out.")
    if request.axes is not None:
        raise CscError("DICOM files state their axes; leave them out.")
    frames = _frames(source)
    if not frames:
        raise CscError(
            f"{path.name} holds no DICOM image, but a report or raw data; choose another."
        )
    series, volume = chosen_volume(path.name, series_of(frames), request.key)
    metadata: dict[str, Any] = {"path": str(path), "format": "DICOM", "kind": "image"}
    notes = [*series.notes, *(one.note for part in volume.parts.values() for one in part)]
    if volume.is_complex:
        images, metadata["complex"] = complex_stack(volume.parts, notes)
    else:
        images = stack(volume.frames, notes)
    spacing, unit, affine = geometry(volume.frames)
    if affine is not None:
        metadata["affine"] = affine
    elif len(volume.frames) > 1 and not _are_even(volume.frames):
        metadata["slices"] = "unevenly spaced; one may be missing"
        notes.append("Slices are unevenly spaced; one may be missing.")
    add_note(metadata, *notes)
    metadata |= {} if request.key is None else {"key": request.key}
    metadata["header"] = _header(series, volume, images.shape, spacing, unit, affine)
    extra = {"spacing": spacing, "unit": unit, "metadata": metadata}
    return image_acquisition(images[:, None, None], request, extra)


def geometry(
    frames: list[Frame],
) -> tuple[tuple[float, float, float], str, npt.NDArray[np.float64] | None]:
    """Return spacing, unit and affine of (slice, y, x) of frames in their order.

    The affine is None where the file does not tell, or slices are unevenly spaced.
    """
    first = frames[0]
    pixels = first.pixel_spacing()
    thickness = first.measure("SpacingBetweenSlices") or first.measure("SliceThickness")
    step = abs(thickness) if thickness else 1.0
    if first.position is None or first.orientation is None or pixels is None:
        heights = heights_of(frames)
        if heights is not None and len(frames) > 1:
            step = float(np.median(np.diff(heights))) or step
        spacing = (float(f"{step:.6g}"), *(pixels or (1.0, 1.0)))
        return (spacing, "mm", None) if pixels is not None else ((1.0, 1.0, 1.0), "pixel", None)
    positions = np.array([frame.position for frame in frames])
    across = step * normal(first)
    is_even = _are_even(frames)
    if len(frames) > 1:
        across = (positions[-1] - positions[0]) / (len(frames) - 1)
        if not is_even:
            steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
            across = float(np.median(steps)) * normal(first)
    spacing = (float(f"{np.linalg.norm(across):.6g}"), *pixels)
    if not is_even:
        return spacing, "mm", None
    affine = np.eye(4)
    affine[:3, 0] = across
    affine[:3, 1] = pixels[0] * np.array(first.orientation[3:])
    affine[:3, 2] = pixels[1] * np.array(first.orientation[:3])
    affine[:3, 3] = positions[0]
    return spacing, "mm", _TO_RAS @ affine


def _are_even(frames: list[Frame]) -> bool:
    """Return whether slices lie on a grid, as far as the file tells their places."""
    places: npt.NDArray[np.float64] | None
    if frames[0].position is not None:
        places = np.array([frame.position for frame in frames])
    else:
        heights = heights_of(frames)
        places = None if heights is None else heights[:, None]
    if places is None or len(frames) < 2:
        return True
    across = (places[-1] - places[0]) / (len(frames) - 1)
    expected = places[0] + np.arange(len(frames))[:, None] * across
    return bool(np.abs(places - expected).max() < _UNEVEN * np.linalg.norm(across))


def _header(
    series: Series,
    volume: Volume,
    shape: tuple[int, ...],
    spacing: tuple[float, float, float],
    unit: str,
    affine: npt.NDArray[np.float64] | None,
) -> dict[str, str]:
    """Return the header table; nothing in it says who the patient is."""
    frame = volume.frames[0]

    def measured(unit: str, *keywords: str) -> str:
        found = next((value for one in keywords if (value := frame.measure(one))), None)
        return "" if found is None else f"{found:.4g}{unit}"

    acquired = frame.told("AcquisitionMatrix")
    sizes = [int(one) for one in acquired if one] if hasattr(acquired, "__iter__") else []
    vendor = [frame.text(name) for name in ("Manufacturer", "ManufacturerModelName")]
    parts = "complex" if volume.is_complex else _PARTS.get(next(iter(volume.parts)), "")
    rows = {
        "Series": f"{series.name}: {series.description}".removesuffix(": "),
        "Protocol": frame.text("ProtocolName"),
        "Sequence": frame.text("SequenceName")
        or frame.text("PulseSequenceName")
        or frame.text("ScanningSequence"),
        "Image": parts,
        **geometry_rows((shape[0], shape[1], shape[2]), spacing, unit, affine),
        "Acquired matrix": product(sizes) if len(sizes) == 2 else "",
        "TE": measured(" ms", "EffectiveEchoTime", "EchoTime"),
        "TR": measured(" ms", "RepetitionTime"),
        "TI": measured(" ms", "InversionTimes", "InversionTime"),
        "Flip angle": measured("°", "FlipAngle"),
        "b-value": measured(" s/mm²", "DiffusionBValue"),
        "Averages": measured("", "NumberOfAverages"),
        "Echo train length": measured("", "EchoTrainLength"),
        "Bandwidth": measured(" Hz/pixel", "PixelBandwidth"),
        "Slice thickness": measured(" mm", "SliceThickness"),
        "Field strength": measured(" T", "MagneticFieldStrength"),
        "Patient position": frame.text("PatientPosition"),
        "Body part": frame.text("BodyPartExamined"),
        "Scanner": " ".join(one for one in vendor if one),
    }
    return {label: text for label, text in rows.items() if text}
