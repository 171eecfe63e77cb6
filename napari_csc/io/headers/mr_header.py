"""The XML header of MR raw data, read leniently, and a table of it to show to people."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

_LONGEST = 200

Sizes = tuple[float, float, float]


@dataclass(frozen=True)
class Space:
    """Matrix and field of view in mm along (x, y, z) of an encoded or reconstructed space."""

    matrix: tuple[int, int, int]
    field_of_view: Sizes | None


class MrHeader:
    """An ISMRMRD-like header; elements are found by name, whatever their namespace.

    Parameters
    ----------
    text
        The XML text. What is not well-formed, or declares entities, is a header that tells nothing.
    """

    def __init__(self, text: str) -> None:
        self.root = _parsed(text)

    def __bool__(self) -> bool:
        return self.root is not None

    @property
    def encodings(self) -> int:
        """How many encodings the header has."""
        return 0 if self.root is None else sum(_name(one) == "encoding" for one in self.root)

    @property
    def namespace(self) -> str:
        """What the header says that its elements are, empty if it does not say so."""
        return "" if self.root is None else str(self.root.tag).rpartition("}")[0].lstrip("{")

    def texts(self, path: str, encoding: int = 0) -> list[str]:
        """Return the texts of all elements at a path such as ``"sequenceParameters/TE"``."""
        if self.root is None:
            return []
        found = [self.root]
        for name in path.split("/"):
            found = [child for one in found for child in one if _name(child) == name]
            if name == "encoding":
                found = found[encoding : encoding + 1]
        return [" ".join(one.text.split())[:_LONGEST] for one in found if one.text]

    def text(self, path: str, encoding: int = 0) -> str:
        """Return the first text at a path, empty if there is none."""
        return next(iter(self.texts(path, encoding)), "")

    def numbers(self, path: str, encoding: int = 0) -> list[float]:
        """Return the finite numbers at a path."""
        found = (_number(text) for text in self.texts(path, encoding))
        return [one for one in found if one is not None]

    def space(
        self, which: Literal["encodedSpace", "reconSpace"], encoding: int = 0
    ) -> Space | None:
        """Return a space of an encoding; None if the header does not tell, or tells nonsense."""
        matrix, sizes = (
            [self.numbers(f"encoding/{which}/{part}/{axis}", encoding) for axis in "xyz"]
            for part in ("matrixSize", "fieldOfView_mm")
        )
        if not all(one and 1 <= one[0] <= 2**16 for one in matrix):
            return None
        x, y, z = (int(one[0]) for one in matrix)
        told = all(one and one[0] > 0 for one in sizes)
        return Space((x, y, z), (sizes[0][0], sizes[1][0], sizes[2][0]) if told else None)

    def table(self, encoding: int = 0) -> dict[str, str]:
        """Return what the header tells as label and text, for people."""
        encoded, recon = (self.space(name, encoding) for name in ("encodedSpace", "reconSpace"))
        shown = recon or encoded
        vendor, model = (
            self.text(f"acquisitionSystemInformation/system{part}") for part in ("Vendor", "Model")
        )
        trajectory = self.text("encoding/trajectory", encoding)
        rows = {
            "Protocol": self.text("measurementInformation/protocolName"),
            "Sequence": self.text("sequenceParameters/sequence_type"),
            "Encoded matrix": times(encoded.matrix) if encoded else "",
            "Reconstructed matrix": times(recon.matrix) if recon else "",
            "Field of view": _millimetres(shown.field_of_view if shown else None),
            "TE": self._listed("sequenceParameters/TE", "ms"),
            "TR": self._listed("sequenceParameters/TR", "ms"),
            "TI": self._listed("sequenceParameters/TI", "ms"),
            "Flip angle": self._listed("sequenceParameters/flipAngle_deg", "°"),
            "Echo spacing": self._listed("sequenceParameters/echo_spacing", "ms"),
            "Echo train length": self.text("encoding/echoTrainLength", encoding)
            or self.text("sequenceParameters/echo_train_length"),
            "Acceleration": self._acceleration(encoding),
            "Scanner": " ".join(one for one in (vendor, model) if one),
            "Field strength": self._listed(
                "acquisitionSystemInformation/systemFieldStrength_T", "T"
            ),
            "Trajectory": trajectory,
        }
        frequency = self.numbers("experimentalConditions/H1resonanceFrequency_Hz")
        if frequency and frequency[0] > 0:
            rows["Proton frequency"] = f"{frequency[0] / 1e6:.6g} MHz"
        return {label: text for label, text in rows.items() if text}

    def _listed(self, path: str, unit: str) -> str:
        # Zero stands for what a sequence does not have.
        values = [f"{one:g}" for one in self.numbers(path) if one > 0]
        values = [*values[:8], "..."] if len(values) > 8 else values
        gap = "" if unit == "°" else " "
        return f"{', '.join(values)}{gap}{unit}" if values else ""

    def _acceleration(self, encoding: int) -> str:
        path = "encoding/parallelImaging/accelerationFactor/kspace_encoding_step_"
        factors = [one for step in "12" for one in self.numbers(f"{path}{step}", encoding)]
        return times(factors) if any(one > 1 for one in factors) else ""


def times(sizes: tuple[float, ...] | list[float]) -> str:
    """Return sizes as people write them: 256 × 256 × 1."""
    return " × ".join(f"{size:g}" for size in sizes)


def _millimetres(sizes: Sizes | None) -> str:
    return "" if sizes is None else f"{times(sizes)} mm"


def _parsed(text: str) -> ElementTree.Element | None:
    if "<!" in text.replace("<!--", ""):
        # Entities could expand to gigabytes; no header has any.
        return None
    try:
        return ElementTree.fromstring(text.strip().strip("\0"))
    except (ElementTree.ParseError, ValueError):
        return None


def _name(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _number(text: str) -> float | None:
    """Return a number, also one that its unit follows ("8.9ms")."""
    try:
        value = float(text.rstrip("msHzT° "))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
