"""What the XML header of an ISMRMRD file says about the encodings, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_csc.errors import CscError
from napari_csc.io.headers.lengths import LARGEST_MM, SMALLEST_MM
from napari_csc.io.headers.mr_header import MrHeader, Sizes
from napari_csc.io.headers.oversampling import kept_samples

_LARGEST_MATRIX = 2**15
_MOST_ENCODINGS = 128
_LIMITS = "encoding/encodingLimits/kspace_encoding_step"


@dataclass(frozen=True)
class Encoding:
    """One encoding of a scan.

    Attributes
    ----------
    matrix, recon_matrix : tuple of int
        Encoded and reconstructed matrix along (x, y, z).
    field_of_view, recon_field_of_view : tuple of float or None
        In mm along (x, y, z); None if the file does not tell.
    trajectory : str
        ``"cartesian"``, ``"radial"``, ...
    centres : tuple of int
        Counters of the lines through the middle of k-space, ``kspace_encode_step_1`` and ``_2``.
    """

    matrix: tuple[int, int, int]
    recon_matrix: tuple[int, int, int]
    field_of_view: Sizes | None
    recon_field_of_view: Sizes | None
    trajectory: str
    centres: tuple[int, int]

    @property
    def is_cartesian(self) -> bool:
        """Whether the counters of a readout say where it lies in k-space."""
        return self.trajectory in ("cartesian", "epi")

    @property
    def is_in_another_unit(self) -> bool:
        """Whether the field of view is told in other units than mm, most likely in metres."""
        if self.field_of_view is None:
            return False
        return not SMALLEST_MM <= max(self.field_of_view[:2]) <= LARGEST_MM

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of the images, (slice, y, x), one slice for 2-D scans.

        The image is the wanted part of the encoded field of view along the readout and, of 3-D
        scans, along the slices; along y lines may be missing, so that a Cartesian scan keeps all.
        """
        x, y, z = self.matrix
        if self.field_of_view is None or self.recon_field_of_view is None:
            # Without lengths the matrices tell that the readout was oversampled.
            return (z, y, self.recon_matrix[0] if 2 * self.recon_matrix[0] == x else x)
        kept = [
            kept_samples(count, encoded, wanted)
            for count, encoded, wanted in zip(
                self.matrix, self.field_of_view, self.recon_field_of_view, strict=True
            )
        ]
        return (kept[2] if z > 1 else 1, y if self.is_cartesian else kept[1], kept[0])


@dataclass(frozen=True)
class ScanHeader:
    """The encodings of a file, and what else its header tells."""

    encodings: tuple[Encoding, ...]
    noise_bandwidth: float
    told: MrHeader

    @classmethod
    def of(cls, text: str, path: Path) -> ScanHeader:
        """Read the XML text.

        Raises
        ------
        CscError
            If it is no XML, has no encoding, or holds absurd sizes.
        """
        told = MrHeader(text)
        if not told or (told.namespace and "ISMRMRD" not in told.namespace.upper()):
            raise CscError(
                f"The XML header of {path.name} is damaged or does not follow the ISMRMRD schema; "
                "convert the scan again."
            )
        if told.encodings > _MOST_ENCODINGS:
            raise CscError(
                f"The header of {path.name} tells {told.encodings} encodings, which no scan has; "
                "convert the scan again."
            )
        encodings = tuple(_encoding(told, number, path) for number in range(told.encodings))
        if not encodings:
            raise _without_matrix(path)
        share = told.numbers("acquisitionSystemInformation/relativeReceiverNoiseBandwidth")
        known = share[0] if share and 0 < share[0] <= 1 else 1.0
        return cls(encodings, known, told)


def _encoding(told: MrHeader, number: int, path: Path) -> Encoding:
    """Return an encoding; only the encoded matrix is indispensable."""
    matrix = _matrix(told, number, "encodedSpace")
    path_of = "encoding/encodedSpace/matrixSize"
    if matrix is None and not any(told.texts(f"{path_of}/{axis}", number) for axis in "xyz"):
        raise _without_matrix(path)
    if matrix is None:
        shown = " x ".join(
            next(iter(told.texts(f"encoding/encodedSpace/matrixSize/{axis}", number)), "?")[:20]
            for axis in "xyz"
        )
        raise CscError(
            f"The header of {path.name} claims a matrix of {shown}, which no scan has; convert "
            "the scan again."
        )
    centres = [
        next((int(one) for one in told.numbers(f"{_LIMITS}_{step}/center", number)), default)
        for step, default in ((1, matrix[1] // 2), (2, matrix[2] // 2))
    ]
    return Encoding(
        matrix,
        _matrix(told, number, "reconSpace") or matrix,
        _field_of_view(told, number, "encodedSpace"),
        _field_of_view(told, number, "reconSpace"),
        (told.text("encoding/trajectory", number) or "cartesian").lower(),
        (centres[0], centres[1]),
    )


def _without_matrix(path: Path) -> CscError:
    return CscError(
        f"The header of {path.name} tells no matrix, without which nobody knows how its readouts "
        "belong together; with MaRGE open the .mat file beside it, or its images (kind='image'); "
        "with nexus-console export with the header of the sequence."
    )


def _matrix(told: MrHeader, number: int, space: str) -> tuple[int, int, int] | None:
    """Return a matrix, written as whole numbers or as ``1.0``; z may be left out."""
    path = f"encoding/{space}/matrixSize"
    sizes = [told.numbers(f"{path}/{axis}", number) for axis in "xyz"]
    if not told.texts(f"{path}/z", number):
        sizes[2] = [1.0]
    if not all(one and one[0].is_integer() and 1 <= one[0] <= _LARGEST_MATRIX for one in sizes):
        return None
    x, y, z = (int(one[0]) for one in sizes)
    return (x, y, z)


def _field_of_view(told: MrHeader, number: int, space: str) -> Sizes | None:
    path = f"encoding/{space}/fieldOfView_mm"
    sizes = [told.numbers(f"{path}/{axis}", number) for axis in "xyz"]
    if not all(one and one[0] > 0 for one in sizes):
        return None
    return (sizes[0][0], sizes[1][0], sizes[2][0])
