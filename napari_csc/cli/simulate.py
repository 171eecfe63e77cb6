"""Scans to try things with: ``napari-csc simulate``, of an image, and ``napari-csc sample``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_csc.cli.options import Axes, Coil, Key, Kind, Output, Overwrite, Quiet, Slices, lines
from napari_csc.cli.parts import load_scan, plain_errors


@plain_errors
def simulate(
    path: Annotated[Path, typer.Argument(metavar="IMAGE", help="image, or fully sampled scan")],
    output: Output,
    sampled: Annotated[
        str | None, typer.Option(help="central lines kept: 160, or 160,128 [default: half]")
    ] = None,
    noise_variance: Annotated[
        float, typer.Option(help="in units of the variance of the sampled k-space")
    ] = 0.2,
    seed: Annotated[
        int, typer.Option(help="seed of the noise", min=-(2**63), max=2**63 - 1, metavar="INTEGER")
    ] = 0,
    slices: Slices = None,
    coil: Coil = None,
    key: Key = None,
    kind: Kind = None,
    axes: Axes = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Simulate a low-field scan of an image; the image is kept as the reference."""
    import torch

    from napari_csc.core.acquisition.simulate import simulate_low_field
    from napari_csc.errors import CscError
    from napari_csc.io.content_to_write import KSPACE
    from napari_csc.io.export import export
    from napari_csc.io.formats.table import writer_for
    from napari_csc.io.load import files_read
    from napari_csc.storage.targets import check_target, protecting

    writer, inputs = writer_for(output), files_read(path)
    if KSPACE not in writer.kinds:
        raise CscError(f"A scan is k-space, which {writer.title} cannot hold; use .h5 or .mrd.")
    check_target(output, overwrite, inputs)
    source = load_scan(path, slices, coil, key, kind, axes)
    slice_count, height, width = source.shape
    kept_lines = (height // 2, width // 2) if sampled is None else lines(sampled)
    kept = ("affine", "orientation", "description", "sequence")
    metadata = {name: source.metadata[name] for name in kept if name in source.metadata}
    acquisition = simulate_low_field(
        source.adjoint(),
        sampled=kept_lines,
        noise_variance=noise_variance,
        generator=torch.Generator().manual_seed(seed),
        spacing=source.spacing,
        unit=source.unit,
        metadata={
            **metadata,
            "kind": "k-space",
            "simulated_from": path.name,
            "noise_variance": noise_variance,
            "seed": seed,
        },
    )
    with protecting(inputs):
        export(acquisition, output, KSPACE, overwrite=overwrite)
    if not quiet:
        typer.echo(
            f"sampled {kept_lines[0]} x {kept_lines[1]} of {height} x {width}, {slice_count} slices"
        )
        typer.echo(f"written {output}")


@plain_errors
def sample(
    output: Annotated[
        Path | None, typer.Argument(metavar="[OUT]", help="file to write [default: in this folder]")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write the sample scan, a synthetic head at low field, to try the other commands with."""
    from napari_csc.io.sample import SAMPLE, sample_path
    from napari_csc.storage.atomic import replacing
    from napari_csc.storage.targets import check_target

    target = check_target(output or Path(SAMPLE), overwrite, [sample_path()])
    with replacing(target, overwrite) as part:
        part.write_bytes(sample_path().read_bytes())
    typer.echo(f"written {target}")
