"""``napari-csc stream``: images when they are complete, MRD alone on the output, plain errors."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import ismrmrd_scans
import mrd2_scans as made
import numpy as np
import pytest

import napari_csc as csc
from napari_csc.batch.stream import StreamOrder, run_stream
from napari_csc.errors import CscError
from napari_csc.io.requests import LoadRequest
from napari_csc.phantom.head import head_phantom

Array = np.ndarray[Any, Any]
SLICES, ROWS, COLUMNS = 3, 24, 20
HEAD = made.header((COLUMNS, ROWS, 1))
SETTINGS = ["--dictionary", "dct-3-5", "--maps", "1.5sigma", "--iterations", "2"]


@pytest.fixture(scope="module")
def kspace() -> Array:
    head = head_phantom(32, SLICES, "flair", seed=1)[:, 4 : 4 + ROWS, 6 : 6 + COLUMNS]
    draw = np.random.default_rng(0).normal(size=(2, *head.shape))
    noise = 0.02 * (draw[0] + 1j * draw[1])
    return (ismrmrd_scans.kspace_of(head) + noise)[:, None]


@pytest.fixture(scope="module")
def reconstructor() -> csc.Reconstructor:
    return csc.Reconstructor(
        csc.Dictionary.dct(3, 5), csc.NoiseScalar(1.5), iterations=2, device="cpu"
    )


def run(content: bytes, reconstructor: Any, **asked: Any) -> tuple[list[Any], list[str]]:
    """Return the images that come back, and the lines for people."""
    sink, told = io.BytesIO(), list[str]()
    order = StreamOrder(reconstructor, LoadRequest(noise_std=0.03), **asked)
    count = run_stream(io.BytesIO(content).read, sink, order, told.append)
    images = made.images_in(sink.getvalue())
    assert len(images) == count
    return images, told


def test_images_are_those_of_the_file(
    tmp_path: Path, kspace: Array, reconstructor: csc.Reconstructor
) -> None:
    content = made.stream(HEAD, made.lines(kspace))
    images, told = run(content, reconstructor)
    (tmp_path / "a.mrd").write_bytes(content)
    expected = reconstructor(csc.load(tmp_path / "a.mrd", noise_std=0.03)).image.abs().numpy()
    assert [one.head.slice for one in images] == [0, 1, 2]
    for image, slice_ in zip(images, expected, strict=True):
        assert image.data.shape == (1, 1, ROWS, COLUMNS)
        assert np.allclose(image.data[0, 0], slice_, rtol=1e-4, atol=1e-4 * expected.max())
        assert image.head.field_of_view.tolist() == pytest.approx([200, 240, 5])
    assert images[2].head.position[2] == pytest.approx(10)
    assert "not for diagnostic use" in str(images[0].meta["ImageComment"][0].value)
    assert [line.split()[0] for line in told[:1]] == ["sent"]


def test_complex_images_and_repetitions(kspace: Array, reconstructor: csc.Reconstructor) -> None:
    items = [*made.lines(kspace[:2], repetition=0), *made.lines(2 * kspace[:2], repetition=1)]
    images, _ = run(made.stream(HEAD, items), reconstructor, kind="complex", wait="repetition")
    assert [(one.head.repetition, one.head.slice) for one in images] == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]
    assert images[0].data.dtype == np.complex64


def test_an_image_is_sent_before_the_next_one_comes(
    kspace: Array, reconstructor: csc.Reconstructor
) -> None:
    """The second slice is held back until the first image has arrived."""
    whole = made.stream(HEAD, made.lines(kspace[:2]))
    first = made.stream(HEAD, made.lines(kspace[:1]))[:-1]
    # The items of a stream are written one by one: what both have in common ends with the slice.
    parts, sink = [first, whole[len(first) :]], io.BytesIO()
    seen = []

    def source(count: int) -> bytes:
        part = parts[0][:count]
        parts[0] = parts[0][count:]
        if not part and len(parts) > 1:
            seen.append(sink.tell())
            parts.pop(0)
            return source(count)
        return part

    assert whole.startswith(first)
    order = StreamOrder(reconstructor, LoadRequest(noise_std=0.03))
    run_stream(source, sink, order, lambda line: None)
    assert seen
    assert seen[0] > ROWS * COLUMNS * 4


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "ends too early"),
        (b"yardl", "ends too early"),
        (b"no stream at all", "no MRD stream"),
        (made.stream(HEAD, []), "no readouts of an image"),
        (made.stream(HEAD, [made.noise(1, 64, 1.0)]), "no readouts of an image"),
    ],
)
def test_what_is_no_stream_is_told(
    content: bytes, word: str, reconstructor: csc.Reconstructor
) -> None:
    with pytest.raises(CscError, match=word):
        run(content, reconstructor)


def test_a_stream_that_is_cut_off_keeps_what_was_sent(
    kspace: Array, reconstructor: csc.Reconstructor
) -> None:
    content = made.stream(HEAD, made.lines(kspace))
    sink = io.BytesIO()
    order = StreamOrder(reconstructor, LoadRequest(noise_std=0.03))
    with pytest.raises(CscError, match="ends too early"):
        run_stream(io.BytesIO(content[:-400]).read, sink, order, lambda line: None)
    assert len(made.images_in(sink.getvalue())) == SLICES - 1


def program(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "napari_csc.cli", "stream", *SETTINGS, *arguments]


def test_in_a_pipe(kspace: Array) -> None:
    content = made.stream(HEAD, [made.noise(1, 512, 0.03), *made.lines(kspace)])
    done = subprocess.run(program(), input=content, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert len(made.images_in(done.stdout)) == SLICES
    assert b"3 images" in done.stderr
    bad = subprocess.run(program(), input=content[:-300], capture_output=True, check=False)
    assert bad.returncode == 1
    errors = [line for line in bad.stderr.decode().splitlines() if line.startswith("Error")]
    assert len(errors) == 1
    assert "Traceback" not in bad.stderr.decode()
    assert len(made.images_in(bad.stdout)) == SLICES - 1


def test_on_a_port_of_this_machine(kspace: Array) -> None:
    content = made.stream(HEAD, [made.noise(1, 512, 0.03), *made.lines(kspace)])
    started = subprocess.Popen(
        program("--port", "0", "--once"), stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert started.stderr is not None
        line = started.stderr.readline().decode()
        assert line.startswith("listening on 127.0.0.1:")
        with socket.create_connection(("127.0.0.1", int(line.rpartition(":")[2]))) as connection:
            connection.sendall(content)
            received = b"".join(iter(lambda: connection.recv(65536), b""))
        assert len(made.images_in(received)) == SLICES
        assert started.wait(60) == 0
        assert started.stdout is not None
        assert started.stdout.read() == b""
    finally:
        started.kill()
        started.wait()
        for pipe in (started.stderr, started.stdout):
            if pipe is not None:
                pipe.close()


def test_unknown_words_are_refused() -> None:
    done = subprocess.run(
        program("--wait", "long"), capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 1
    assert b"choose slice, repetition, end" in done.stderr
    assert done.stdout == b""
