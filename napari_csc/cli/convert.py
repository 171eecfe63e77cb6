"""What ``napari-csc convert`` does: any file that can be read, into any that can be written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_csc.cli.parts import plain_errors

if TYPE_CHECKING:
    from napari_csc.core.acquisition.cartesian import Acquisition
    from napari_csc.core.reconstruction.result import Reconstruction


@plain_errors
def convert(
    path: Annotated[Path, typer.Argument(metavar="IN", help="scan, image or result")],
    output: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="file to write; without a suffix, a folder of DICOM"),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            help="magnitude, phase, real, imaginary, complex, maps, k-space or result "
            "[default: what OUT holds best]"
        ),
    ] = None,
    part: Annotated[
        str, typer.Option(help="images of a result: image, initial, smooth or reference")
    ] = "image",
    form: Annotated[
        str | None,
        typer.Option(
            "--format", help="format, where the suffix does not tell: dicom, ismrmrd, ..."
        ),
    ] = None,
    slices: Annotated[
        list[int] | None, typer.Option("--slice", help="slice to keep, repeatable")
    ] = None,
    coil: Annotated[int | None, typer.Option(help="coil to keep")] = None,
    key: Annotated[str | None, typer.Option(help="what to read of a file with several")] = None,
    input_kind: Annotated[
        str | None, typer.Option(help="k-space or image: what IN holds; found by content")
    ] = None,
    axes: Annotated[str | None, typer.Option(help="order of the axes, such as y,x,slice")] = None,
    bits: Annotated[int, typer.Option(help="of PNG: bits of a grey value, 8 or 16")] = 16,
    window: Annotated[
        str | None, typer.Option(help="of PNG: percentiles of black and white, such as 1,99")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace existing files")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="print nothing but errors")] = False,
) -> None:
    """Write a scan, an image or a result as another format.

    Of a scan the coil-combined images are written, or its k-space where OUT can hold it; of a
    result its images or maps.
    """
    from napari_csc.io.export import export
    from napari_csc.io.formats.table import writer_for
    from napari_csc.io.load import files_read
    from napari_csc.storage.targets import check_target, protecting

    # What cannot be written is said before anything is read.
    writer = writer_for(output, form)
    inputs = files_read(path)
    if not output.expanduser().is_dir():
        check_target(output, overwrite, inputs)
    percentiles = None if window is None else _percentiles(window)
    asked = {"coil": coil, "key": key, "kind": input_kind, "axes": axes}
    options = {name: value for name, value in asked.items() if value is not None}
    read = _read(path, kind, options)
    kind = kind or writer.kind_for(read.source)
    with protecting(inputs):
        files = export(
            read.source,
            output,
            kind,
            part=part,
            slices=slices or None,
            format=form,
            overwrite=overwrite,
            acquisition=read.acquisition,
            bits=bits,
            window=percentiles,
        )
    if not quiet:
        count = len(slices) if slices else read.count
        plural = "s" if count > 1 else ""
        typer.echo(f"written {_named(files)}: {kind} of {count} slice{plural}, {writer.title}")


@dataclass(frozen=True)
class _Read:
    """A result, with its input where the file has it, or a scan."""

    source: Reconstruction | Acquisition
    acquisition: Acquisition | None = None

    @property
    def count(self) -> int:
        """Number of slices."""
        images: Any = getattr(self.source, "image", self.source)
        return int(images.shape[0])


def _read(path: Path, kind: str | None, options: dict[str, Any]) -> _Read:
    """Read a result as one, unless k-space is asked for: that is its input's."""
    from napari_csc.errors import CscError
    from napari_csc.io.formats.csc_result import is_result
    from napari_csc.io.load import load, load_any

    if options and kind != "k-space" and is_result(path):
        raise CscError(
            f"{path.name} is a result, which states what it holds; leave coil, key, axes and the "
            "kind of the input out."
        )
    if options or kind == "k-space":
        return _Read(load(path, **options))
    result, acquisition = load_any(path)
    if result is not None:
        return _Read(result, acquisition)
    assert acquisition is not None
    return _Read(acquisition)


def _percentiles(text: str) -> tuple[float, float]:
    from napari_csc.errors import CscError

    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError as error:
        raise CscError(
            f"The window {text!r} cannot be used; give two percentiles, such as 1,99."
        ) from error
    return low, high


def _named(files: list[Path]) -> str:
    if len(files) < 3:
        return " and ".join(str(one) for one in files)
    return f"{files[0]} to {files[-1].name} ({len(files)} files)"
