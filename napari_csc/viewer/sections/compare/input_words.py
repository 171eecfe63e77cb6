"""What a result was made of, in plain words: the scan as it was read and corrected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.viewer.words import marked

NOISE = marked("noise σ")
OF_INPUT = (
    marked("input"),
    marked("acquired matrix"),
    marked("coils"),
    marked("repeat"),
)
"""Names of the words that tell of the data."""


def input_words(result: Reconstruction) -> dict[str, str]:
    """Return what the data of a result were, by what it is; what is not known is left out.

    Parameters
    ----------
    result
        The reconstruction.

    Returns
    -------
    dict
        Some of `OF_INPUT`. In English: sessions keep them.
    """
    source, metadata = result.provenance.get("input", {}), result.metadata
    found = (
        Path(str(source.get("source", ""))).name,
        _matrix(source.get("acquired")),
        _coils(source.get("shape"), metadata),
        _repeat(metadata),
    )
    return {name: text for name, text in zip(OF_INPUT, found, strict=True) if text}


def _matrix(acquired: Any) -> str:
    if not isinstance(acquired, Mapping):
        return ""
    rows, columns = acquired["matrix"]
    share = acquired["positions"] / max(rows * columns, 1)
    if share > 0.995:
        return f"{rows} × {columns}"
    sampled = marked("{rows} × {columns}, {share:.0f} % sampled")
    return sampled.format(rows=rows, columns=columns, share=100 * share)


def _coils(shape: Any, metadata: Mapping[str, Any]) -> str:
    if "coil" in metadata:
        return marked("number {number} alone").format(number=metadata["coil"])
    is_told = isinstance(shape, list) and len(shape) > 1
    return str(shape[1]) if is_told else ""


def _repeat(metadata: Mapping[str, Any]) -> str:
    if "repeats_averaged" in metadata:
        return marked("mean of {count}").format(count=metadata["repeats_averaged"])
    if "repeat" in metadata:
        return marked("number {number}").format(number=metadata["repeat"])
    return ""
