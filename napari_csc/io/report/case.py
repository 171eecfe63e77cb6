"""The report on a result: what it shows, what made it, and how far it can be believed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from napari_csc.core.analysis.filter_figures import check_slice, filter_figures, removed
from napari_csc.core.reconstruction.health import health_line, recorded_health
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.trust.lesion_test import LesionTest
from napari_csc.core.trust.noise_left import NoiseLeft
from napari_csc.core.trust.object_mask import object_mask
from napari_csc.core.trust.point_response import PointResponse
from napari_csc.core.trust.ranking import Ranking
from napari_csc.core.trust.risk import Risk
from napari_csc.errors import CscError
from napari_csc.io.report import html_parts as parts
from napari_csc.io.report.pictures import coloured, grey, window_of
from napari_csc.storage.atomic import replacing
from napari_csc.storage.targets import check_target

_SIDE = 230
"""Pixels of the screen that the longer side of a picture takes."""
_SMALL = 110
_MOST_FILTERS = 8
# What makes the same result on another machine as well is told in the command that repeats it.
_NOT_IN_COMMAND = ("device", "memory_limit", "map_edits", "dropped", "smooth_widths")


@dataclass(frozen=True)
class TrustFindings:
    """What was found out about a result, for its report.

    Attributes
    ----------
    lesions : sequence of LesionTest
        Lesion tests that were made.
    points : sequence of PointResponse
        Local resolution.
    noise : NoiseLeft or None
        Noise left.
    risk : Risk or None
        Risk without a truth.
    ranking : Ranking or None
        Table of dictionaries.
    measurements : sequence of (name, value)
        Whatever else was measured.
    """

    lesions: Sequence[LesionTest] = ()
    points: Sequence[PointResponse] = ()
    noise: NoiseLeft | None = None
    risk: Risk | None = None
    ranking: Ranking | None = None
    measurements: Sequence[tuple[str, object]] = ()


def save_report(
    result: Reconstruction,
    path: str | Path,
    *,
    slice_number: int = 0,
    findings: TrustFindings | None = None,
    identifiers: bool = False,
    overwrite: bool = False,
) -> Path:
    """Write a result as one HTML file: images, maps, health, settings, and how to repeat it.

    The file needs no network and no other file. It tells no name of a person and no path, unless
    asked to: what the headers of the scan say is left out as a whole.

    Parameters
    ----------
    result
        The reconstruction.
    path
        File to write, .html.
    slice_number
        Slice that is shown.
    findings
        What else was found out: lesion tests, noise left, risk.
    identifiers
        Whether to tell the file and what its headers say, names included.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    CscError
        If there is no such slice, or the file cannot be written.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_csc as csc
    >>> scan = csc.simulate_low_field(np.eye(32), 32)
    >>> result = csc.Reconstructor(csc.Dictionary.dct(4, 5), csc.NoiseScalar(2.0), iterations=2)(
    ...     scan
    ... )
    >>> csc.save_report(result, "case.html").name
    'case.html'
    """
    target = check_target(path, overwrite)
    if target.suffix.lower() not in (".html", ".htm"):
        raise CscError(f"A report cannot be written as {target.name}; use .html.")
    text = report_page(result, slice_number, findings or TrustFindings(), identifiers)
    with replacing(target, overwrite) as part:
        part.write_text(text, encoding="utf-8")
    return target


def report_page(
    result: Reconstruction,
    slice_number: int = 0,
    findings: TrustFindings | None = None,
    identifiers: bool = False,
) -> str:
    """Return the page as text; see `save_report`."""
    check_slice(result, slice_number)
    found = findings or TrustFindings()
    slices, height, width = result.image.shape
    title = "Reconstruction report"
    # As the viewer and the options count them.
    counted = f" of 0 to {slices - 1}" if slices > 1 else ""
    body = [
        f"<h1>{title}</h1>",
        parts.paragraph(
            f"napari-csc {_told(result, 'versions').get('napari-csc', 'unknown')}. Slice "
            f"{slice_number}{counted}, {height} x {width} pixels{_pixel_size(result)}. "
            "Research software, not for diagnosis.",
            "quiet",
        ),
        _edited(result),
        parts.section("Images", _images(result, slice_number)),
        parts.section("Health", _health(result)),
        parts.section("Can it be trusted?", *_trust(result, found)),
        parts.section("Strongest filters", _filters(result, slice_number)),
        parts.section("Measurements", parts.table(list(found.measurements))),
        parts.section("What made it", parts.table(_facts(result, identifiers))),
        parts.section("To repeat it", *_repeat(result, identifiers)),
    ]
    if identifiers:
        body.append(parts.section("What the file says", parts.table(_headers(result))))
    return parts.page(title, "".join(body))


def _edited(result: Reconstruction) -> str:
    if not result.edits:
        return ""
    told = f"The maps of this result were edited by hand: {'; '.join(result.edits)}."
    return f'<div class="banner">{parts.paragraph(told)}</div>'


def _images(result: Reconstruction, number: int) -> str:
    shown: dict[str, Any] = {
        "Initial image": result.initial[number],
        "Reconstruction": result.image[number],
        "Smooth part": result.low_pass[number],
    }
    if result.reference is not None and result.reference.shape == result.image.shape:
        shown = {"Reference": result.reference[number], **shown}
    magnitudes = {name: np.abs(np.asarray(image)) for name, image in shown.items()}
    top = window_of([magnitudes["Reconstruction"]])
    size = _size(result, _SIDE)
    figures = [
        parts.figure(grey(image, 0, top), f"{name}, 0 to {top:.3g}", size)
        for name, image in magnitudes.items()
    ]
    taken = np.asarray(removed(result)[number])
    # Of several coils it takes the samples to tell what was taken away; a result has none.
    samples = result.provenance.get("input", {}).get("shape", [])
    is_of_coils = len(samples) > 1 and samples[1] > 1
    name = "Initial image minus reconstruction" if is_of_coils else "Taken away"
    figures.append(
        parts.figure(grey(taken, -4, 4), f"{name}, -4 to 4 times the noise (black to white)", size)
    )
    note = (
        "The initial image of several coils may be brighter or folded, which the difference shows, "
        "too."
        if is_of_coils
        else "What was taken away should look like noise: outlines of the object in it are lost "
        "detail."
    )
    return parts.row_of(figures) + parts.paragraph(note, "quiet")


def _health(result: Reconstruction) -> str:
    found = recorded_health(result.provenance)
    if not found:
        return parts.paragraph("The result tells nothing of its health.")
    rows = [(one.level, one.name, one.sentence) for one in found]
    line = health_line(found)
    return (parts.paragraph(line) if line.startswith("green") else "") + parts.findings(rows)


def _trust(result: Reconstruction, found: TrustFindings) -> list[str]:
    told: list[str] = []
    for test in found.lesions:
        where = _where(test.lesion.at)
        told += [parts.paragraph(where + test.sentence), _lesion_pictures(result, test)]
    told += [parts.paragraph(_where(point.at) + point.sentence) for point in found.points]
    if found.noise is not None:
        told.append(parts.paragraph(found.noise.sentence))
        image = np.asarray(found.noise.in_sigma[0])
        top = window_of([image])
        caption = f"Noise left, 0 to {top:.2g} sigma"
        told.append(
            parts.row_of(
                [parts.figure(coloured(image, 0, top, "inferno"), caption, _size(result, _SIDE))]
            )
        )
    if found.risk is not None:
        told.append(parts.paragraph(found.risk.sentence))
    if found.ranking is not None:
        told += [parts.paragraph(found.ranking.sentence), _ranking(found.ranking)]
    return told


def _where(at: tuple[float, float] | None) -> str:
    """Return which place the sentence after it calls here; nothing for a region of its own."""
    return "" if at is None else f"At y {at[0]:g}, x {at[1]:g}: "


def _lesion_pictures(result: Reconstruction, test: LesionTest) -> str:
    before, after = (np.abs(np.asarray(one)) for one in (test.without, test.with_lesion))
    turn = np.exp(-1j * np.angle(np.asarray(test.without)))
    change, ideal = (np.real(np.asarray(one) * turn) for one in (test.difference, test.ideal))
    top, most = window_of([before]), float(np.abs(ideal).max()) or 1.0
    size, scale = _size(result, _SIDE), f"-{most:.3g} to {most:.3g}"
    return parts.row_of(
        [
            parts.figure(grey(before, 0, top), f"Without the lesion, 0 to {top:.3g}", size),
            parts.figure(grey(after, 0, top), f"With the lesion, 0 to {top:.3g}", size),
            parts.figure(grey(change, -most, most), f"What the lesion changed, {scale}", size),
            parts.figure(grey(ideal, -most, most), f"As an ideal scanner shows it, {scale}", size),
        ]
    )


def _ranking(ranking: Ranking) -> str:
    rows: list[list[object]] = []
    for row in ranking.rows:
        if row.risk is None:
            rows.append([row.name, row.reason, "", ""])
            continue
        place = "best" if row is ranking.best else "tie" if row.is_tie else ""
        rows.append(
            [
                row.name,
                f"{row.risk.value:.3f} ± {row.risk.error:.3f}",
                place,
                f"{row.seconds:.1f} s",
            ]
        )
    return parts.table(rows, ("dictionary", "risk, sigma²", "", "one slice"))


def _filters(result: Reconstruction, number: int) -> str:
    figures = filter_figures(result)
    order = figures.energy.argsort(descending=True, stable=True).tolist()[:_MOST_FILTERS]
    total = float(figures.energy.sum()) or 1.0
    levels = np.log10(np.asarray(result.sparsity_maps[number]) / result.noise_std + 1e-3)
    # The background, where nothing is measured, does not decide the colours.
    inside = object_mask(np.asarray(result.image[number]))
    inside = inside if inside.any() else np.ones_like(inside)
    low, high = (float(np.quantile(levels[order][:, inside], share)) for share in (0.01, 0.99))
    high = max(high, low + 0.1)
    others = levels - levels.mean(0)
    most = float(np.quantile(np.abs(others[order][:, inside]), 0.99)) or 1.0
    size, shown = _size(result, _SMALL), []
    for index in order:
        own = np.asarray(result.dictionary.filters[index])
        largest = float(np.abs(own).max()) or 1.0
        part = np.abs(np.asarray(result.contributions(index, number)))
        share = 100 * float(figures.energy[index]) / total
        shown += [
            parts.figure(
                grey(own, -largest, largest),
                f"Filter {index}, {share:.0f} % energy",
                (_SMALL, _SMALL),
            ),
            parts.figure(coloured(levels[index], low, high, "inferno"), "Map", size),
            parts.figure(
                coloured(others[index], -most, most, "RdBu_r"), "Against the others", size
            ),
            parts.figure(grey(part, 0, window_of([part])), "Contribution", size),
        ]
    note = (
        f"Maps say how strongly a filter was held back: {10**low:.2g} (black) to {10**high:.2g} "
        "(yellow) times the noise, logarithmic. Against the others: the map over the mean of all "
        f"filters, 1/{10**most:.2g} (blue: held back less) to {10**most:.2g} (red)."
    )
    return f'<div class="filters">{"".join(shown)}</div>' + parts.paragraph(note, "quiet")


def _facts(result: Reconstruction, identifiers: bool) -> list[tuple[str, object]]:
    scan, maps = _told(result, "input"), _told(result, "maps")
    rows: list[tuple[str, object]] = [
        (
            "dictionary",
            f"{_plain(result.dictionary.name, identifiers)}, {len(result.dictionary)} filters",
        ),
        ("maps", _plain(maps.get("name", "given"), identifiers)),
        ("noise", _plain(scan.get("noise", f"{result.noise_std:.4g}"), True)),
        ("samples", " x ".join(map(str, scan.get("shape", [])))),
        *(("warning", str(one)) for one in maps.get("warnings") or []),
    ]
    rows += [
        (name.replace("_", " "), _plain(value, identifiers))
        for name, value in _told(result, "settings").items()
        if name not in ("dictionary", "maps", "map_edits") and value not in (None, [], ())
    ]
    rows += [("edit of the maps", one) for one in result.edits]
    rows += [
        (f"version of {name}", str(value)) for name, value in _told(result, "versions").items()
    ]
    rows.append(("computed on", str(result.provenance.get("hardware", "unknown"))))
    rows += [
        ("digest of the scan", str(scan.get("digest", "unknown"))),
        ("digest of the weights", str(maps.get("digest"))),
    ]
    return rows


def _repeat(result: Reconstruction, identifiers: bool) -> list[str]:
    source = str(_told(result, "input").get("source") or "SCAN") if identifiers else "SCAN"
    words = ["napari-csc", "reconstruct", source, "-o", "again.h5"]
    settings = _told(result, "settings")
    for name, value in settings.items():
        if name not in _NOT_IN_COMMAND and value is not None:
            words += [f"--{name.replace('_', '-')}", _plain(value, identifiers)]
    for name, option in (("dropped", "--drop"), ("smooth_widths", "--smooth-widths")):
        for one in settings.get(name) or ():
            words += [option, str(one)]
    if settings.get("map_edits"):
        import json

        words += ["--map-edits", json.dumps(settings["map_edits"])]
    words += ["--noise-std", repr(result.noise_std)]
    return [
        parts.paragraph("Bit for bit on the same machine, from the result file:"),
        "<pre>napari-csc reconstruct --like RESULT.h5 -o again.h5</pre>",
        parts.paragraph("The same settings on a scan:"),
        f"<pre>{escape(shlex.join(words))}</pre>",
    ]


def _headers(result: Reconstruction) -> list[tuple[str, object]]:
    metadata = dict(result.metadata)
    header = metadata.pop("header", None)
    rows = [(name, _short(value)) for name, value in sorted(metadata.items())]
    if isinstance(header, dict):
        rows += [(str(name), _short(value)) for name, value in header.items()]
    return [("file", str(_told(result, "input").get("source", ""))), *rows]


def _short(value: object) -> str:
    text = " ".join(str(value.tolist() if isinstance(value, np.ndarray) else value).split())
    return text if len(text) <= 300 else f"{text[:300]}..."


def _plain(value: object, identifiers: bool) -> str:
    """Return a text; of a path only the name of the file, where folders might name somebody."""
    text = str(value)
    is_path = ("/" in text or "\\" in text) and " " not in text.strip()
    return Path(text.replace("\\", "/")).name if is_path and not identifiers else text


def _told(result: Reconstruction, name: str) -> dict[str, Any]:
    found = result.provenance.get(name)
    return found if isinstance(found, dict) else {}


def _size(result: Reconstruction, side: int) -> tuple[int, int]:
    """Return (height, width) on the screen, in the proportions of the body."""
    _, height, width = result.image.shape
    tall, wide = height * result.spacing[1], width * result.spacing[2]
    factor = side / max(tall, wide)
    return max(1, round(tall * factor)), max(1, round(wide * factor))


def _pixel_size(result: Reconstruction) -> str:
    if result.unit != "mm":
        return ""
    return f" of {result.spacing[1]:.3g} x {result.spacing[2]:.3g} mm"
