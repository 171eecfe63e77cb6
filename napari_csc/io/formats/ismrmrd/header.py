"""What the XML header of an ISMRMRD file says about the encodings, checked."""

from __future__ import annotations

import logging
import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_csc.errors import CscError
from napari_csc.io.headers.mr_header import MrHeader, Sizes
from napari_csc.io.headers.oversampling import kept_samples

_LARGEST_MATRIX = 2**15


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
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of the images, (slice, y, x), one slice for 2-D scans.

        The image is the wanted part of the encoded field of view along the readout and, of 3-D
        scans, along the slices; along y lines may be missing, so that a Cartesian scan keeps all.
        """
        x, y, z = self.matrix
        if self.field_of_view is None or self.recon_field_of_view is None:
            return (z, y, x)
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
            If it does not follow the ISMRMRD schema, or holds absurd sizes.
        """
        told = MrHeader(text)
        try:
            header = _from_xml(text) if told else None
        except Exception:
            # The parser raises what it likes.
            header = None
        if header is None:
            raise CscError(
                f"The XML header of {path.name} is damaged or does not follow the ISMRMRD schema; "
                "convert the scan again."
            )
        encodings = tuple(_encoding(one, path) for one in header.encoding)
        if not encodings:
            raise CscError(f"The header of {path.name} has no encoding; convert the scan again.")
        system = header.acquisitionSystemInformation
        share = getattr(system, "relativeReceiverNoiseBandwidth", None)
        known = share if isinstance(share, float) and 0 < share <= 1 else 1.0
        return cls(encodings, known, told)


def _from_xml(text: str) -> Any:
    from ismrmrd.xsd import ismrmrdHeader
    from xsdata.formats.dataclass.parsers import XmlParser
    from xsdata.formats.dataclass.parsers.config import ParserConfig

    # Elements that newer converters add do no harm.
    parser = XmlParser(config=ParserConfig(fail_on_unknown_properties=False))
    logging.getLogger("xsdata").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # Values of a wrong type stay text, which is checked where they are used.
        warnings.simplefilter("ignore")
        return parser.from_string(text.strip().strip("\0"), ismrmrdHeader)


def _encoding(found: Any, path: Path) -> Encoding:
    matrices = []
    for space in (found.encodedSpace, found.reconSpace):
        sizes = [getattr(space.matrixSize, axis) for axis in "xyz"]
        if not all(isinstance(one, int) and 1 <= one <= _LARGEST_MATRIX for one in sizes):
            shown = " x ".join(str(one)[:20] for one in sizes)
            raise CscError(
                f"The header of {path.name} claims a matrix of {shown}, which no scan has; convert "
                "the scan again."
            )
        matrices.append((sizes[0], sizes[1], sizes[2]))
    limits = found.encodingLimits
    steps = (limits.kspace_encoding_step_1, limits.kspace_encoding_step_2)
    centres = [
        matrices[0][axis] // 2 if step is None or not isinstance(step.center, int) else step.center
        for axis, step in ((1, steps[0]), (2, steps[1]))
    ]
    return Encoding(
        matrices[0],
        matrices[1],
        _field_of_view(found.encodedSpace.fieldOfView_mm),
        _field_of_view(found.reconSpace.fieldOfView_mm),
        str(getattr(found.trajectory, "value", found.trajectory) or "cartesian").lower(),
        (centres[0], centres[1]),
    )


def _field_of_view(found: Any) -> Sizes | None:
    sizes = [getattr(found, axis, None) for axis in "xyz"]
    values = [float(one) for one in sizes if isinstance(one, (int, float))]
    if len(values) < 3 or not all(math.isfinite(one) and one > 0 for one in values):
        return None
    return (values[0], values[1], values[2])
