"""What ``napari-csc trust`` and ``napari-csc risk`` do: what can be believed without a truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_csc.cli import trust_parts as parts
from napari_csc.cli.options import Coil, CoilMaps, Key, NoiseStd, Quiet, Repeat
from napari_csc.cli.parts import plain_errors

Scan = Annotated[Path, typer.Argument(metavar="SCAN", help="scan, or result that holds its scan")]


@plain_errors
def trust(
    path: Scan,
    at: parts.At = None,
    radius: parts.Radius = 3.0,
    contrast: parts.Contrast = 0.2,
    sigma: parts.Sigma = False,
    dark: parts.Dark = False,
    line: parts.Line = None,
    in_mm: parts.InMillimetres = False,
    curves: Annotated[
        bool, typer.Option("--curves", help="lesions of several radii and contrasts as well")
    ] = False,
    survey: Annotated[
        bool, typer.Option("--map", help="where such a lesion would be lost, over the slice")
    ] = False,
    point: Annotated[bool, typer.Option("--point", help="width of a weak point there")] = False,
    noise: Annotated[
        int, typer.Option("--noise", help="noise left, from so many replicas; 0: not")
    ] = 0,
    slice_number: parts.OneSlice = None,
    dictionary: parts.Dictionary = None,
    maps: parts.Maps = None,
    strength: parts.Strength = None,
    iterations: parts.Iterations = None,
    device: parts.Device = None,
    coil: Coil = None,
    coil_maps: CoilMaps = None,
    key: Key = None,
    repeat: Repeat = None,
    noise_std: NoiseStd = None,
    as_json: parts.AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Ask whether a lesion would have survived: insert it into the data and reconstruct again."""
    given = locals()  # Each argument by its name, before there is anything else.
    from napari_csc.core.trust.lesion_survey import lesion_curves, lesion_map
    from napari_csc.core.trust.lesion_test import lesion_test
    from napari_csc.core.trust.noise_left import noise_left
    from napari_csc.core.trust.point_response import point_response
    from napari_csc.errors import CscError

    if at is None and (noise == 0 or curves or survey or point):
        raise CscError("Say where, with --at y,x; only --noise needs no place.")
    lesion = None if at is None else parts.lesion_of(at, radius, contrast, sigma, dark, line)
    scan, made = parts.opened(path.expanduser(), given)
    if lesion is not None and in_mm:
        lesion = parts.in_pixels(lesion, scan)
    number = parts.slice_of(scan, slice_number)
    told: dict[str, Any] = {"slice": number}
    with parts.progress("reconstructing", not quiet) as report:
        common: dict[str, Any] = {"on_progress": report}
        if lesion is not None:
            test = lesion_test(scan, made, lesion, slice_number=number, **common)
            told["lesion"] = test.figures()
        if lesion is not None and curves:
            found = lesion_curves(scan, made, lesion, slice_number=number, **common)
            told["by_radius"] = [one.figures() for one in found.by_radius]
            told["by_contrast"] = [one.figures() for one in found.by_contrast]
        if lesion is not None and survey:
            where = lesion_map(scan, made, lesion, slice_number=number, **common)
            told["map"] = [
                {"y": y, "x": x, "recovered": share, "recovered_initial": initial}
                for (y, x), share, initial in zip(
                    where.places.tolist(),
                    where.recovered.tolist(),
                    where.recovered_initial.tolist(),
                    strict=True,
                )
            ]
        if point and lesion is not None and lesion.at is not None:
            y, x = (round(one) for one in lesion.at)
            answer = point_response(scan, made, (y, x), slice_number=number, **common)
            told["point"] = {
                "sentence": answer.sentence,
                "strength": answer.strength,
                "width": answer.width,
                "width_initial": answer.width_initial,
                "kept": answer.kept,
                "kept_initial": answer.kept_initial,
            }
        if noise:
            left = noise_left(scan, made, replicas=noise, slices=number, **common)
            told["noise"] = {
                "sentence": left.sentence,
                "sigma": left.sigma,
                "share": left.share(),
                "share_in_object": left.share_in_object,
                "mean_std": float(left.std.square().mean().sqrt()),
                "replicas": left.replicas,
            }
    if as_json:
        parts.print_json(told)
    else:
        _print(told)


def _print(told: dict[str, Any]) -> None:
    for name in ("lesion", "point", "noise"):
        if name in told:
            typer.echo(told[name]["sentence"])
    for name, column in (("by_radius", "radius"), ("by_contrast", "contrast")):
        if name in told:
            rows = [
                (one[column], one["recovered"], one["recovered_initial"], one["visibility"])
                for one in told[name]
            ]
            typer.echo("")
            parts.print_table(rows, (column, "kept", "initial image", "visibility"))
    if "map" in told:
        rows = [
            (one["y"], one["x"], one["recovered"], one["recovered_initial"]) for one in told["map"]
        ]
        typer.echo("")
        parts.print_table(rows, ("y", "x", "kept", "initial image"))


@plain_errors
def risk(
    path: Scan,
    dictionaries: Annotated[
        str | None,
        typer.Option(help="rank these, separated by commas; all: every one there is"),
    ] = None,
    strengths: Annotated[
        str | None, typer.Option(help="rank these strengths, such as 0.5,0.7,1,1.4,2")
    ] = None,
    probes: Annotated[int, typer.Option(help="perturbations; more make the error smaller")] = 1,
    slice_number: parts.OneSlice = None,
    dictionary: parts.Dictionary = None,
    maps: parts.Maps = None,
    strength: parts.Strength = None,
    iterations: parts.Iterations = None,
    device: parts.Device = None,
    coil: Coil = None,
    coil_maps: CoilMaps = None,
    key: Key = None,
    repeat: Repeat = None,
    noise_std: NoiseStd = None,
    as_json: parts.AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Estimate the error without a truth, or rank dictionaries or strengths by it."""
    given = locals()  # Each argument by its name, before there is anything else.
    from napari_csc.core.trust.ranking import rank_dictionaries, strength_curve
    from napari_csc.core.trust.risk import estimate_risk

    scan, made = parts.opened(path.expanduser(), given)
    number = parts.slice_of(scan, slice_number)
    told: dict[str, Any] = {"slice": number}
    with parts.progress("reconstructing", not quiet) as report:
        common: dict[str, Any] = {"slices": number, "probes": probes, "on_progress": report}
        if dictionaries is not None:
            chosen = None if dictionaries == "all" else dictionaries.split(",")
            table = rank_dictionaries(scan, made, chosen, **common)
            told["dictionaries"] = {"sentence": table.sentence, "rows": table.figures()}
        if strengths is not None:
            curve = strength_curve(scan, made, parts.numbers_in(strengths), **common)
            told["strengths"] = {
                "sentence": f"The risk is lowest at a strength of {curve.best:.2g}.",
                "best": curve.best,
                "rows": curve.ranking.figures(),
            }
        if dictionaries is None and strengths is None:
            found = estimate_risk(scan, made, **common)
            told["risk"] = {
                "sentence": found.sentence,
                "value": found.value,
                "error": found.error,
                "misfit": found.misfit,
                "freedom": found.freedom,
                "sigma": found.sigma,
            }
    if as_json:
        parts.print_json(told)
        return
    if "risk" in told:
        typer.echo(told["risk"]["sentence"])
    for name in ("dictionaries", "strengths"):
        if name in told:
            parts.print_table(
                [_row(one) for one in told[name]["rows"]],
                (
                    name[:-3] + "y" if name == "dictionaries" else "strength",
                    "risk",
                    "error",
                    "",
                    "s",
                ),
            )
            typer.echo(told[name]["sentence"])


def _row(row: dict[str, Any]) -> tuple[object, ...]:
    if row["risk"] is None:
        return row["name"], "-", "-", row["reason"], "-"
    is_best = row["more"] == 0
    note = "best" if is_best else "tie" if row["is_tie"] else f"+{row['more']:.3f}"
    return (
        row["name"],
        f"{row['risk']:.3f}",
        f"{row['error']:.3f}",
        note,
        f"{row['seconds']:.1f}",
    )
