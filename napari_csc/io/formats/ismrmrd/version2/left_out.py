"""What is in an MRD stream beside readouts and images, and is not read."""

from __future__ import annotations

from collections import Counter
from typing import Any

from napari_csc.io.formats.ismrmrd.version2.incoming import kind_of

_WORDS = {
    "ReconData": "buffers of k-space",
    "ImageArray": "arrays of images",
    "ArrayComplexFloat": "arrays",
    "AcquisitionBucket": "buckets of readouts",
    # Since version 2.2: what is going to be measured, before anything is.
    "AcquisitionPrototype": "headers of readouts without data",
}
_FAMILIES = {"Pulseq": "parts of a Pulseq sequence", "Image": "images"}
"""By how the names of their kinds begin."""


class LeftOut:
    """Counts what is left out, by what it is.

    Waveforms, such as an ECG, are not counted: nobody misses them in an image.
    """

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()

    def add(self, item: Any) -> None:
        """Count an item of a stream that is neither a readout nor an image."""
        kind = kind_of(item)
        if kind.startswith("Waveform"):
            return
        for begin, words in _FAMILIES.items():
            if kind.startswith(begin):
                self._count[_WORDS.get(kind, words)] += 1
                return
        self._count[_WORDS.get(kind, f"items of the kind {kind}")] += 1

    def notes(self) -> list[str]:
        """Return a sentence for each kind."""
        return [
            f"{count} {what} in the stream were left out." for what, count in self._count.items()
        ]
