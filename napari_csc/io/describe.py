"""What there is to say about a file, as rows of name and text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from napari_csc.core.acquisition import cartesian as core
from napari_csc.core.reconstruction.health import health, health_line, recorded_health
from napari_csc.io.formats.csc_result import is_result as is_result
from napari_csc.io.load import load_result
from napari_csc.storage.open_file import OpenFile

Rows = list[tuple[str, str]]


def essentials(acquisition: core.Acquisition) -> Rows:
    """Return shape, sampled extent and noise of an acquisition."""
    slices, height, width = acquisition.shape
    mask = acquisition.mask
    rows, columns = (int(mask.any(axis).sum()) for axis in (1, 0))
    share = float(mask.to(torch.float32).mean())
    noise = acquisition.noise
    origin = f"{noise.method}" if noise.known else "unknown, a guess"
    return [
        ("slices", str(slices)),
        ("matrix", f"{height} x {width}"),
        ("sampled", f"{rows} x {columns} lines, {100 * share:.1f} % of the matrix"),
        ("sigma", f"{acquisition.noise_std:.6g} ({origin})"),
    ]


def acquisition(found: core.Acquisition) -> Rows:
    """Return all that is known of an acquisition."""
    spacing = " x ".join(f"{size:g}" for size in found.spacing)
    rows = [
        *essentials(found),
        ("coils", _coils(found)),
        *_trajectory(found),
        ("noise", found.noise.sentence),
        *_profile(found),
        ("health", health_line(health(None, found))),
        *(("note", sentence) for sentence in found.notes),
        ("spacing", f"{spacing} {found.unit} (slice, y, x)"),
        ("reference", "no" if found.reference is None else "yes"),
    ]
    metadata = {name: value for name, value in found.metadata.items() if name != "notes"}
    header = metadata.pop("header", None)
    rows += [(name, _text(value)) for name, value in sorted(metadata.items())]
    return rows + [(name, _text(value)) for name, value in (header or {}).items()]


def _coils(found: core.Acquisition) -> str:
    if found.coil_maps is None:
        return str(found.n_coils)
    return f"{found.n_coils}, maps {found.metadata.get('coil_maps', 'given')}"


def _profile(found: core.Acquisition) -> Rows:
    uneven = found.relative_noise
    if uneven is None:
        return []
    low, high = float(uneven.min()), float(uneven.max())
    return [("noise varies", f"{low:.2f} to {high:.2f} of its mean over the image")]


def _trajectory(found: core.Acquisition) -> Rows:
    if found.is_cartesian:
        return []
    return [("trajectory", f"{found.kspace.shape[-1]} positions, not on the grid")]


def result(source: Path | OpenFile) -> Rows:
    """Return shape and provenance of a result file."""
    found = load_result(source)
    slices, height, width = found.image.shape
    rows = [
        ("result", f"{slices} slices of {height} x {width}"),
        ("filters", f"{len(found.dictionary)} of {found.dictionary.name}"),
        ("sigma", f"{found.noise_std:.6g}"),
        ("iterations", str(len(found.history))),
        ("health", health_line(recorded_health(found.provenance))),
    ]
    for part, facts in found.provenance.items():
        if isinstance(facts, dict):
            rows += [(f"{part} {name}", _text(value)) for name, value in facts.items()]
        else:
            rows.append((part, _text(facts)))
    return rows


def _text(value: object) -> str:
    """Return one line, cut where it is too long to read."""
    text = str(value.tolist()) if isinstance(value, np.ndarray) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= 200 else f"{text[:200]}..."
