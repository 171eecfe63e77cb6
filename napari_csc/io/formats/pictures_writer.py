"""Write pictures: PNG, one a slice, and TIFF, one page a slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_csc.errors import CscError
from napari_csc.io.content_to_write import NOTICE, Exported
from napari_csc.io.requests import WriteRequest
from napari_csc.storage.atomic import replacing, replacing_all

# Share of the values, in percent, that is not brighter than white; a bright pixel decides nothing.
_WHITE = 99.8
_INCH = 25.4
# Places in ImageJ's stacks have 32 bits.
_LARGEST_TIFF = 2**32 - 2**20


def write_png(content: Exported, request: WriteRequest) -> list[Path]:
    """Write each slice as a picture of grey values, all with the same window.

    Several slices make files with numbers before the suffix, ``out_00.png`` and so on. Phases go
    from black (-π) to white (π), real and imaginary parts have zero in the middle, magnitudes at
    black, unless the request has percentiles.

    Raises
    ------
    CscError
        If a file exists and may not be overwritten, there are others of a longer series, or values
        that are not finite.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    content.check_finite()
    low, high = _window(content, request.window)
    top = 2**request.bits - 1
    scaled = (content.values.astype(np.float64) - low) * (top / ((high - low) or 1.0))
    planes = np.clip(np.rint(scaled), 0, top).astype(f"u{request.bits // 8}")
    told = PngInfo()
    told.add_text("Description", f"{content.described}; {low:.6g} to {high:.6g}; {NOTICE}")
    told.add_text("Software", "napari-csc")
    more = {}
    if content.unit == "mm":
        # Pixels that are no squares are shown so by programs that heed the resolution.
        more["dpi"] = (_INCH / content.spacing[2], _INCH / content.spacing[1])
    paths = _numbered(request.path, len(planes))
    _refuse_leftovers(request.path, paths)
    with replacing_all(paths, request.overwrite) as parts:
        for part, plane in zip(parts, planes, strict=True):
            Image.fromarray(plane).save(part, format="PNG", pnginfo=told, **more)
    return paths


def write_tiff(content: Exported, request: WriteRequest) -> list[Path]:
    """Write the values in single precision, with the voxel size as ImageJ reads it.

    Maps are channels of each slice.

    Raises
    ------
    CscError
        If there are more values than a TIFF file of ImageJ can hold.
    """
    import tifffile

    if content.values.nbytes > _LARGEST_TIFF:
        raise CscError(
            f"{request.path.name} would be larger than a TIFF file can be; choose slices, or write "
            "NIfTI."
        )
    is_known = content.unit == "mm"
    z, y, x = content.spacing
    told = {
        "axes": "ZCYX" if content.kind == "maps" else "ZYX",
        "spacing": z,
        "unit": "mm" if is_known else "pixel",
        "Info": f"{content.described}; {NOTICE}",
    }
    with replacing(request.path, request.overwrite) as part, part.open("wb") as file:
        tifffile.imwrite(
            file,
            content.values,
            imagej=True,
            photometric="minisblack",
            resolution=(1 / x, 1 / y) if is_known else None,
            metadata=told,
        )
    return [request.path]


def _window(content: Exported, percentiles: tuple[float, float] | None) -> tuple[float, float]:
    """Return the values that become black and white."""
    if percentiles is not None:
        low, high = np.percentile(content.values, percentiles)
        return float(low), float(high)
    if content.kind == "phase":
        return -np.pi, np.pi
    top = float(np.percentile(np.abs(content.values), _WHITE))
    return (0.0 if content.kind == "magnitude" else -top), top


def _numbered(path: Path, count: int) -> list[Path]:
    if count == 1:
        return [path]
    digits = max(2, len(str(count - 1)))
    return [path.with_stem(f"{path.stem}_{number:0{digits}d}") for number in range(count)]


def _refuse_leftovers(path: Path, paths: list[Path]) -> None:
    """Refuse to mix the files of one series with those of a longer one before."""
    if len(paths) == 1 or not path.parent.is_dir():
        return
    here = {one.name for one in paths}
    start, ending = f"{path.stem}_", path.suffix
    for other in path.parent.iterdir():
        number = other.name.removeprefix(start).removesuffix(ending)
        belongs = (
            other.name.startswith(start) and other.name.endswith(ending) and number.isdecimal()
        )
        if belongs and other.name not in here:
            raise CscError(
                f"{other.name} beside it belongs to another series; remove it, or choose another "
                "name."
            )
