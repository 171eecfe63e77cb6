"""Parts of photographs as further training images, so that no anatomy is learned by heart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as Pictures

from napari_csc.errors import CscError
from napari_csc.learn.training.images.packed import SIZE

Image = npt.NDArray[np.float32]

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
PARTS = 22
"""Taken of each photograph."""
# The shortest side of a part, so that it is not blurred by enlarging.
_SHORTEST = 320
_SMALLEST_SHARE = 0.12
_NEGATIVE, _ON_BLACK = 0.35, 0.5
# Parts of so little contrast are mostly left out.
_NOTHING, _FLAT, _FLAT_KEPT = 1e-3, 0.05, 0.3
_MOST_TRIES = 100


def photograph_parts(
    folder: str | Path, seed: int, report: Callable[[str], None] = print
) -> Iterator[tuple[str, list[Image]]]:
    """Yield the name of each photograph of a folder and its parts.

    Parts are squares of random size, of one colour channel, some as negatives, half of them cut to
    a random round shape on black, as an object in its field of view is.

    Parameters
    ----------
    folder
        Folder with pictures, see `SUFFIXES`; all below it are taken.
    seed
        Of everything random; what is drawn of a picture does not depend on the others.
    report
        Told which pictures are left out.

    Yields
    ------
    str
        Path of the picture below the folder.
    list of ndarray
        Its parts (256, 256), float32, about one at most.

    Raises
    ------
    CscError
        If the folder holds no picture that is large enough.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CscError(f"The folder of photographs {folder} does not exist; give another one.")
    found = 0
    for path in sorted(one for one in folder.rglob("*") if one.suffix.lower() in SUFFIXES):
        name = path.relative_to(folder).as_posix()
        try:
            with Pictures.open(path) as picture:
                colours = _on_black(picture)
        except (OSError, ValueError, Pictures.DecompressionBombError) as error:
            report(f"{name} is left out: {error}")
            continue
        if min(colours.size) < _SHORTEST:
            report(f"{name} is left out: it has less than {_SHORTEST} pixels along a side.")
            continue
        rng = np.random.default_rng((seed, *name.encode()))
        if parts := _parts(colours, rng):
            found += 1
            yield name, parts
        else:
            report(f"{name} is left out: it shows nothing.")
    if not found:
        raise CscError(
            f"No picture in {folder} can be used; JPEG, PNG or WebP of at least {_SHORTEST} pixels "
            "are needed."
        )


def _on_black(picture: Pictures.Image) -> Pictures.Image:
    """Return the colours of a picture, black where it is transparent."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    seen = picture.convert("RGBA")
    return Pictures.composite(seen, Pictures.new("RGBA", seen.size, "black"), seen).convert("RGB")


def _parts(colours: Pictures.Image, rng: np.random.Generator) -> list[Image]:
    """Return parts of a picture; none if it is flat everywhere."""
    parts: list[Image] = []
    grey = colours.getchannel(int(rng.integers(3)))
    shorter = min(grey.size)
    lengths = np.log([max(_SHORTEST, _SMALLEST_SHARE * shorter), shorter])
    for _ in range(_MOST_TRIES):
        if len(parts) == PARTS:
            break
        side = float(np.exp(rng.uniform(*lengths)))
        left, top = (rng.uniform(0, length - side) for length in grey.size)
        box = (left, top, left + side, top + side)
        resized = grey.resize((SIZE, SIZE), Pictures.Resampling.LANCZOS, box=box)
        part = np.asarray(resized, np.float32) / 255
        if rng.random() < _NEGATIVE:
            part = 1 - part
        part = np.clip(part - np.quantile(part, 0.01) * rng.uniform(0.3, 1), 0, None)
        spread = float(part.std())
        if spread < _NOTHING or (spread < _FLAT and rng.random() > _FLAT_KEPT):
            continue
        part = part / max(float(np.quantile(part, 0.995)), 1e-3)
        if rng.random() < _ON_BLACK:
            part = part * _shape(rng)
        parts.append(part.astype(np.float32))
    return parts


def _shape(rng: np.random.Generator) -> Image:
    """Return one in a round shape with bumps and zero outside, with a soft edge."""
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]  # type: ignore[misc]
    turn, power = rng.uniform(0, np.pi), rng.uniform(1.6, 4)
    along = np.cos(turn) * x + np.sin(turn) * y - rng.uniform(-0.15, 0.15)
    across = np.cos(turn) * y - np.sin(turn) * x - rng.uniform(-0.15, 0.15)
    along, across = along / rng.uniform(0.5, 1), across / rng.uniform(0.5, 1)
    radius = (np.abs(along) ** power + np.abs(across) ** power) ** (1 / power)
    angle = np.arctan2(across, along)
    for bumps in range(2, 6):
        radius = radius * (
            1 + 0.04 * rng.normal() * np.cos(bumps * angle + rng.uniform(0, 2 * np.pi))
        )
    inside: Image = (1 / (1 + np.exp((radius - 1) * 120))).astype(np.float32)
    return inside
