"""What ``napari-csc report`` does: a result as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_csc.cli import trust_parts as parts
from napari_csc.cli.options import Output, Overwrite, Quiet
from napari_csc.cli.parts import plain_errors


@plain_errors
def report(
    path: Annotated[Path, typer.Argument(metavar="RESULT", help="result file")],
    output: Output,
    slice_number: parts.OneSlice = None,
    at: parts.At = None,
    radius: parts.Radius = 3.0,
    contrast: parts.Contrast = 0.2,
    sigma: parts.Sigma = False,
    dark: parts.Dark = False,
    line: parts.Line = None,
    in_mm: parts.InMillimetres = False,
    noise: Annotated[
        int, typer.Option("--noise", help="noise left, from so many replicas; 0: not")
    ] = 0,
    risk: Annotated[
        bool, typer.Option("--risk", help="the error, estimated without a truth")
    ] = False,
    dictionaries: Annotated[
        str | None, typer.Option(help="rank these dictionaries, separated by commas; all")
    ] = None,
    identifiers: Annotated[
        bool, typer.Option("--identifiers", help="tell file and headers, names of persons included")
    ] = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Write a result as one HTML file that opens anywhere and prints well.

    It names nobody, unless asked to. Lesion tests, noise left, risk and ranking need the scan in
    the result.
    """
    from napari_csc.core.trust.lesion_test import lesion_test
    from napari_csc.core.trust.noise_left import noise_left
    from napari_csc.core.trust.ranking import rank_dictionaries
    from napari_csc.core.trust.risk import estimate_risk
    from napari_csc.io.load import load, load_result
    from napari_csc.io.report.case import TrustFindings, save_report
    from napari_csc.storage.targets import check_target, protecting

    path = path.expanduser()
    check_target(output, overwrite, [path])
    result = load_result(path)
    number = (result.image.shape[0] - 1) // 2 if slice_number is None else slice_number
    found: dict[str, Any] = {}
    if at is not None or noise or risk or dictionaries is not None:
        scan = load(path)
        with parts.progress("reconstructing", not quiet) as told:
            if at is not None:
                lesion = parts.lesion_of(at, radius, contrast, sigma, dark, line)
                lesion = parts.in_pixels(lesion, scan) if in_mm else lesion
                test = lesion_test(scan, result, lesion, slice_number=number, on_progress=told)
                found["lesions"] = [test]
            if noise:
                found["noise"] = noise_left(
                    scan, result, replicas=noise, slices=number, on_progress=told
                )
            if risk:
                found["risk"] = estimate_risk(scan, result, slices=number, on_progress=told)
            if dictionaries is not None:
                chosen = None if dictionaries == "all" else dictionaries.split(",")
                found["ranking"] = rank_dictionaries(
                    scan, result, chosen, slices=number, on_progress=told
                )
    with protecting([path]):
        save_report(
            result,
            output,
            slice_number=number,
            findings=TrustFindings(**found),
            identifiers=identifiers,
            overwrite=overwrite,
        )
    if not quiet:
        typer.echo(f"written {output}")
