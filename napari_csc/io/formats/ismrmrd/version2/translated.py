"""MRD version 2 in the words of ISMRMRD: its header as XML, its readouts as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from napari_csc.io.formats.ismrmrd.readouts import Readouts

_NAMESPACE = "http://www.ismrm.org/ISMRMRD"
# Entries of the header that are read, by their names in ISMRMRD; nothing that says who it was.
_SCAN = {
    "measurementInformation/protocolName": "measurement_information.protocol_name",
    "acquisitionSystemInformation/systemVendor": "acquisition_system_information.system_vendor",
    "acquisitionSystemInformation/systemModel": "acquisition_system_information.system_model",
    "acquisitionSystemInformation/systemFieldStrength_T": (
        "acquisition_system_information.system_field_strength_t"
    ),
    "acquisitionSystemInformation/relativeReceiverNoiseBandwidth": (
        "acquisition_system_information.relative_receiver_noise_bandwidth"
    ),
    "experimentalConditions/H1resonanceFrequency_Hz": (
        "experimental_conditions.h1resonance_frequency_hz"
    ),
    "sequenceParameters/TR": "sequence_parameters.t_r",
    "sequenceParameters/TE": "sequence_parameters.t_e",
    "sequenceParameters/TI": "sequence_parameters.t_i",
    "sequenceParameters/flipAngle_deg": "sequence_parameters.flip_angle_deg",
    "sequenceParameters/sequence_type": "sequence_parameters.sequence_type",
    "sequenceParameters/echo_spacing": "sequence_parameters.echo_spacing",
}
_STEPS = ("kspace_encoding_step_1", "kspace_encoding_step_2")
_ENCODING = {
    **{
        f"{ours}/{part}/{axis}": f"{theirs}.{of_it}.{axis}"
        for ours, theirs in (("encodedSpace", "encoded_space"), ("reconSpace", "recon_space"))
        for part, of_it in (("matrixSize", "matrix_size"), ("fieldOfView_mm", "field_of_view_mm"))
        for axis in "xyz"
    },
    **{
        f"encodingLimits/{step}/{one}": f"encoding_limits.{step}.{one}"
        for step in _STEPS
        for one in ("minimum", "maximum", "center")
    },
    **{
        f"parallelImaging/accelerationFactor/{step}": (
            f"parallel_imaging.acceleration_factor.{step}"
        )
        for step in _STEPS
    },
    "echoTrainLength": "echo_train_length",
}

_COUNTERS = (
    *("kspace_encode_step_1", "kspace_encode_step_2", "average", "slice", "contrast", "phase"),
    *("repetition", "set", "segment"),
)
_USERS = 8
_PLACES = ("position", "read_dir", "phase_dir", "slice_dir")
_HEAD = np.dtype(
    [
        ("flags", "<u8"),
        *[(name, "<u4") for name in ("number_of_samples", "active_channels")],
        *[(name, "<u4") for name in ("discard_pre", "discard_post", "center_sample")],
        *[(name, "<u4") for name in ("encoding_space_ref", "trajectory_dimensions")],
        ("sample_time_us", "<f4"),
        *[(name, "<f4", 3) for name in _PLACES],
        ("idx", [*[(name, "<u4") for name in _COUNTERS], ("user", "<u4", _USERS)]),
    ]
)


def header_xml(header: Any) -> str:
    """Return the header of an MRD stream as ISMRMRD would tell it, as far as it is read.

    Parameters
    ----------
    header
        A ``mrd.Header``.
    """
    root = ElementTree.Element("ismrmrdHeader", xmlns=_NAMESPACE)
    _fill(root, header, _SCAN)
    for one in header.encoding:
        element = ElementTree.SubElement(root, "encoding")
        _fill(element, one, _ENCODING)
        # Named in the standard; a number that it does not know has no name.
        name = getattr(one.trajectory, "name", None) or "other"
        ElementTree.SubElement(element, "trajectory").text = name.lower()
    return ElementTree.tostring(root, encoding="unicode")


def _fill(root: ElementTree.Element, told: Any, entries: dict[str, str]) -> None:
    for ours, theirs in entries.items():
        value = told
        for name in theirs.split("."):
            value = getattr(value, name, None)
        values = value if isinstance(value, list) else [] if value is None else [value]
        *above, last = ours.split("/")
        for one in values:
            element = root
            for name in above:
                found = element.find(name)
                element = ElementTree.SubElement(element, name) if found is None else found
            # XML has no control characters.
            text = "".join(sign for sign in str(one) if sign >= " ")
            ElementTree.SubElement(element, last).text = text


@dataclass(frozen=True)
class HeldReadouts(Readouts):
    """Readouts in memory, as they came out of a stream.

    Attributes
    ----------
    lines : sequence
        All acquisitions of the stream, which ``rows`` count.
    """

    lines: Sequence[Any] = field(default=())

    @classmethod
    def holding(cls, acquisitions: Sequence[Any], path: Path) -> HeldReadouts:
        """Return acquisitions of the package as readouts.

        Parameters
        ----------
        acquisitions
            Of the type ``mrd.Acquisition``.
        path
            The file, or what to call the stream in messages.
        """
        heads = np.zeros(len(acquisitions), _HEAD)
        for row, one in zip(heads, acquisitions, strict=True):
            _enter(row, one)
        return cls(None, heads, np.arange(len(heads)), path, None, acquisitions)

    def _values(self, name: str) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """Give number and values of each as ISMRMRD files have them."""
        for number, row in enumerate(self.rows.tolist()):
            one = self.lines[row]
            if name == "data":
                values = np.ascontiguousarray(one.data, np.complex64)
                yield number, values.view(np.float32).reshape(-1)
            else:
                # (direction, sample) in version 2
                yield number, np.ascontiguousarray(one.trajectory.T, np.float32).reshape(-1)


def _enter(row: Any, one: Any) -> None:
    """Write the header of an acquisition into a row; what it leaves open is as usual."""
    head = one.head
    coils, samples = one.data.shape
    row["flags"] = int(head.flags)
    row["active_channels"], row["number_of_samples"] = coils, samples
    row["discard_pre"], row["discard_post"] = head.discard_pre or 0, head.discard_post or 0
    row["center_sample"] = samples // 2 if head.center_sample is None else head.center_sample
    row["encoding_space_ref"] = head.encoding_space_ref or 0
    row["trajectory_dimensions"] = one.trajectory.shape[0] if one.trajectory.size else 0
    row["sample_time_us"] = _dwell(head)
    for name in _PLACES:
        row[name] = getattr(head, name)
    for name in _COUNTERS:
        row["idx"][name] = getattr(head.idx, name) or 0
    users = head.idx.user[:_USERS]
    row["idx"]["user"][: len(users)] = users


def _dwell(head: Any) -> float:
    """Return the time between samples in microseconds; later versions tell nanoseconds."""
    told = getattr(head, "sample_time_us", None)
    if told is None:
        told = (getattr(head, "sample_time_ns", None) or 0) / 1000
    return float(told)
