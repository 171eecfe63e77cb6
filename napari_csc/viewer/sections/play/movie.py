"""Pictures with a caption as an animated GIF or an MP4. No Qt, no napari."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.errors import CscError
from napari_csc.storage.atomic import replacing
from napari_csc.viewer.images.views import Array
from napari_csc.viewer.words import marked, tr

SUFFIXES = (".gif", ".mp4")
_LEAST = 400
"""Small pictures are enlarged until their longer side has so many pixels."""
_LINES = 2
_FONT = 15
_MARGIN = 6
_STRIP = _LINES * (_FONT + 5) + 2 * _MARGIN
_HOLD = 1.5
"""Seconds that the last picture stays."""

_NO_FFMPEG = marked(
    "To write MP4 files, install imageio-ffmpeg (pip install imageio-ffmpeg) or ffmpeg; GIF files "
    "need neither."
)


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a movie.

    Attributes
    ----------
    picture : array
        Colours (y, x, 3), uint8.
    caption : str
        Up to two lines that are printed below it.
    inset : array or None
        A filter that is shown beside the caption.
    """

    picture: Array
    caption: str
    inset: Array | None = None


@dataclass(frozen=True, eq=False)
class Movie:
    """What is to be written; the frames are made while it is.

    Attributes
    ----------
    frames : iterable of Frame
        The pictures, all of the same size.
    count : int
        How many they are.
    spacing : tuple of float
        Size of a pixel (y, x): it need not be square.
    """

    frames: Iterable[Frame]
    count: int
    spacing: tuple[float, float] = (1.0, 1.0)


def write_movie(
    movie: Movie,
    path: Path,
    speed: float,
    report: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Write a movie; an existing file is replaced, once the new one is complete.

    Parameters
    ----------
    movie
        The pictures.
    path
        File to write; its ending decides between GIF and MP4.
    speed
        Pictures per second.
    report
        Told how many pictures are done, and how many there are.
    should_stop
        Asked before every picture.

    Raises
    ------
    CscError
        If the ending is another one, the file cannot be written, or a program for MP4 is missing;
        `ReconstructionStopped` if it was cancelled.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise CscError(f"{path.name} is no name of a movie; end it in .gif or .mp4.")
    write = _write_gif
    if path.suffix.lower() == ".mp4":
        ffmpeg()  # before a long computation
        write = _write_mp4

    def pictures() -> Iterator[Image.Image]:
        for number, frame in enumerate(movie.frames):
            if should_stop():
                raise ReconstructionStopped("The movie was cancelled.")
            yield drawn(frame, movie.spacing)
            report(number + 1, movie.count)

    with replacing(path, overwrite=True) as temporary:
        write(pictures(), movie.count, temporary, speed)


def drawn(frame: Frame, spacing: tuple[float, float] = (1.0, 1.0)) -> Image.Image:
    """Return a frame with its caption, of an even number of pixels each way."""
    rows, columns = frame.picture.shape[:2]
    height, width = (rows * spacing[0] / min(spacing), columns * spacing[1] / min(spacing))
    factor = max(1, int(np.ceil(_LEAST / max(height, width))))
    size = (round(width * factor), round(height * factor))
    picture = Image.fromarray(frame.picture).resize(size, Image.Resampling.BILINEAR)
    canvas = Image.new("RGB", (_even(max(size[0], _LEAST // 2)), _even(size[1] + _STRIP)))
    canvas.paste(picture, ((canvas.width - size[0]) // 2, 0))
    room = canvas.width - 2 * _MARGIN
    if frame.inset is not None:
        side = _STRIP - 2 * _MARGIN
        canvas.paste(_grey(frame.inset, side), (canvas.width - side - _MARGIN, size[1] + _MARGIN))
        room -= side + _MARGIN
    _print(canvas, frame.caption, (_MARGIN, size[1] + _MARGIN), room)
    colours = np.asarray(canvas)
    is_grey = bool((colours == colours[..., :1]).all())
    # Grey pictures have exactly the 256 colours of a GIF.
    return canvas.convert("L") if is_grey else canvas


def _print(canvas: Image.Image, text: str, place: tuple[int, int], room: int) -> None:
    """Print a text so small that it fits."""
    draw = ImageDraw.Draw(canvas)
    for size in range(_FONT, 7, -1):
        font = ImageFont.load_default(size)
        if draw.multiline_textbbox((0, 0), text, font=font)[2] <= room:
            break
    draw.multiline_text(place, text, font=font, fill="white", spacing=5)


def _grey(values: Array, side: int) -> Image.Image:
    """Return a filter as a picture: grey is zero, white positive, black negative."""
    peak = float(np.abs(values).max()) or 1.0
    grey = np.clip(128 + 127 * values / peak, 0, 255).astype(np.uint8)
    return Image.fromarray(grey).resize((side, side), Image.Resampling.NEAREST)


def _even(size: int) -> int:
    return size + size % 2


def _write_gif(pictures: Iterator[Image.Image], count: int, path: Path, speed: float) -> None:
    step = round(1000 / speed)
    durations = [step] * (count - 1) + [step + round(1000 * _HOLD)]
    next(pictures).save(
        path, format="GIF", save_all=True, append_images=pictures, duration=durations, loop=0
    )


def _write_mp4(pictures: Iterator[Image.Image], count: int, path: Path, speed: float) -> None:
    first = next(pictures)
    command = [ffmpeg(), "-y", "-loglevel", "error"]
    command += ["-f", "rawvideo", "-pixel_format", "rgb24"]
    command += ["-video_size", f"{first.width}x{first.height}", "-framerate", f"{speed:g}"]
    command += ["-i", "-", "-pix_fmt", "yuv420p", "-f", "mp4", str(path)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stderr is not None
    try:
        for picture in chain([first], pictures):
            colours = picture.convert("RGB").tobytes()
            process.stdin.write(colours)
        for held in repeat(colours, round(_HOLD * speed)):
            process.stdin.write(held)
    except BrokenPipeError:
        pass  # It has ended, and says below why.
    except BaseException:
        process.kill()
        raise
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        told = process.stderr.read().decode(errors="replace").strip()
        process.wait()
    if process.returncode:
        reason = told.splitlines()[-1] if told else tr("it does not say why")
        raise CscError(f"ffmpeg could not write the movie: {reason.rstrip('.')}.")


def ffmpeg() -> str:
    """Return the program that writes MP4 files.

    Raises
    ------
    CscError
        If there is none.
    """
    try:
        from imageio_ffmpeg import get_ffmpeg_exe
    except ImportError:
        found = shutil.which("ffmpeg")
        if found is None:
            raise CscError(_NO_FFMPEG) from None
        return found
    return str(get_ffmpeg_exe())
