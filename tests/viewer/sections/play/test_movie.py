"""Movies: real files, read back; and what is said when one cannot be written."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence
from systems import program

from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.errors import CscError
from napari_csc.viewer.sections.play import movie as movie_module
from napari_csc.viewer.sections.play.movie import Frame, Movie, drawn, ffmpeg, write_movie

HEIGHT, WIDTH = 60, 50


def picture(number: int) -> np.ndarray:
    grey = np.full((HEIGHT, WIDTH), 40 * number, dtype=np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def movie(count: int = 4) -> Movie:
    inset = np.outer([-1.0, 1.0], [1.0, 1.0])
    frames = (
        Frame(picture(number), f"iteration {number}\nsecond line", inset) for number in range(count)
    )
    return Movie(frames, count)


def test_a_gif_holds_all_pictures_for_their_time(tmp_path: Path) -> None:
    path, told = tmp_path / "one.gif", []
    path.write_bytes(b"an older one")
    write_movie(movie(), path, 10, lambda *step: told.append(step))
    with Image.open(path) as found:
        assert found.n_frames == 4
        assert found.info["loop"] == 0
        pages = [
            (page.info["duration"], page.convert("L")) for page in ImageSequence.Iterator(found)
        ]
    assert [duration for duration, _ in pages] == [100, 100, 100, 1600]
    for number, (_, page) in enumerate(pages):
        assert page.getpixel((page.width // 2, 20)) == 40 * number
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert list(tmp_path.iterdir()) == [path]


def test_caption_and_filter_stand_below_the_picture() -> None:
    plain = drawn(Frame(picture(2), ""))
    told = drawn(Frame(picture(2), "iteration 7 of 16\nobjective 12", np.eye(3)))
    assert plain.mode == told.mode == "L"
    assert plain.size == told.size
    assert plain.width % 2 == plain.height % 2 == 0
    assert max(plain.size) >= 400
    before, after = (np.asarray(one, dtype=int) for one in (plain, told))
    strip = after.shape[0] - 52
    assert np.array_equal(before[:strip], after[:strip])
    left, right = np.split(after[strip:], 2, axis=1)
    assert before[strip:].max() == 0
    assert left.max() == 255
    assert 255 in right, "the filter"


def test_pixels_that_are_not_square_and_colours() -> None:
    tall = drawn(Frame(picture(1), ""), spacing=(2.0, 1.0))
    assert (tall.height - 52) / tall.width == pytest.approx(2 * HEIGHT / WIDTH, rel=0.01)
    coloured = picture(1)
    coloured[..., 0] = 200
    assert drawn(Frame(coloured, "")).mode == "RGB"


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_nothing_is_left_of_a_cancelled_movie(tmp_path: Path, suffix: str, fake_ffmpeg) -> None:
    path = tmp_path / f"one{suffix}"
    path.write_bytes(b"an older one")
    asked = iter([False, False, True])
    with pytest.raises(ReconstructionStopped):
        write_movie(movie(), path, 10, should_stop=lambda: next(asked))
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"an older one"


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CscError, match=r"one\.avi is no name of a movie; end it in \.gif or"):
        write_movie(movie(), tmp_path / "one.avi", 10)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(CscError, match="does not exist"):
        write_movie(movie(), tmp_path / "missing" / "one.gif", 10)


# ---------------------------------------------------------------- MP4


@pytest.fixture
def fake_ffmpeg(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that writes what it is given where ffmpeg would write a movie."""
    folder = tmp_path_factory.mktemp("bin")
    made = program(
        folder,
        "ffmpeg",
        "import pathlib, sys\n"
        f"pathlib.Path({str(folder)!r}, 'arguments').write_text('\\n'.join(sys.argv))\n"
        "pathlib.Path(sys.argv[-1]).write_bytes(sys.stdin.buffer.read())\n",
    )
    monkeypatch.setattr(movie_module, "ffmpeg", lambda: str(made))
    return folder


def test_ffmpeg_is_given_every_picture(tmp_path: Path, fake_ffmpeg: Path) -> None:
    path = tmp_path / "one.mp4"
    write_movie(movie(), path, 2)
    width, height = drawn(Frame(picture(0), "")).size
    arguments = (fake_ffmpeg / "arguments").read_text().splitlines()
    assert f"{width}x{height}" in arguments
    assert arguments[arguments.index("-framerate") + 1] == "2"
    colours = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, height, width, 3)
    assert len(colours) == 4 + 3, "the last one stays for a second and a half"
    assert [int(one[20, width // 2, 0]) for one in colours] == [0, 40, 80, 120, 120, 120, 120]
    assert list(tmp_path.iterdir()) == [path]


def test_what_ffmpeg_says_is_told(tmp_path: Path, fake_ffmpeg: Path) -> None:
    program(fake_ffmpeg, "ffmpeg", "raise SystemExit('bad codec.')")
    with pytest.raises(CscError, match=r"ffmpeg could not write the movie: bad codec\.$"):
        write_movie(movie(40), tmp_path / "one.mp4", 10)
    assert list(tmp_path.iterdir()) == []


def test_without_ffmpeg_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CscError, match=r"pip install imageio-ffmpeg\) or ffmpeg; GIF files need"):
        write_movie(movie(), tmp_path / "one.mp4", 10)
    assert list(tmp_path.iterdir()) == []


def test_a_real_mp4(tmp_path: Path) -> None:
    try:
        ffmpeg()
    except CscError:
        pytest.skip("there is no ffmpeg on this machine")
    path = tmp_path / "one.mp4"
    write_movie(movie(), path, 10)
    assert path.read_bytes()[4:8] == b"ftyp"
    assert list(tmp_path.iterdir()) == [path]
