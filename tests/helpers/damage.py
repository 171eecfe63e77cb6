"""Damage to files, and what readers may answer to it."""

import random
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

import napari_csc as csc


def told(path: Path, longest: int = 500, **options: Any) -> str:
    """Load and return the message, after checking that it is one plain sentence."""
    with pytest.raises(csc.CscError) as caught:
        csc.load(path, **options)
    return checked_message(caught.value, longest)


def checked_message(error: Exception, longest: int = 500) -> str:
    """Return the message of an error, after checking that it is one plain sentence."""
    message = str(error)
    assert message.endswith(".")
    assert len(message) < longest
    assert "\n" not in message
    assert "Traceback" not in message
    return message


def mutations(content: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Give damaged copies of a file: changed bytes, cuts, repeated and lost parts."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        data = bytearray(content)
        kind = number % 5
        if kind == 0:
            del data[int(rng.integers(1, len(data))) :]
        elif kind == 1:
            start = int(rng.integers(len(data)))
            del data[start : start + int(rng.integers(1, 64))]
        else:
            # Headers stand in front, and matter more than samples.
            reach = len(data) if kind == 2 else min(len(data), 4096)
            for _ in range(int(rng.integers(1, 9))):
                data[int(rng.integers(reach))] = int(rng.integers(256))
        yield bytes(data)


def check_scattered(path: Path, first: int, *reaches: int, fact: str = "format") -> None:
    """Load 150 copies of a file with scattered changes and cuts: each loads or gives one line.

    Bytes before ``first`` stay; changes are drawn before the end, or before one of the reaches.
    """
    content = path.read_bytes()
    draw = random.Random(1)
    for _ in range(150):
        mutant = bytearray(content)
        for _ in range(draw.choice([1, 3, 10])):
            end = draw.choice([len(mutant), *reaches])
            mutant[draw.randrange(first, min(end, len(mutant)))] = draw.randrange(256)
        if draw.random() < 0.3:
            del mutant[draw.randrange(len(mutant)) :]
        path.write_bytes(mutant)
        try:
            loaded = csc.load(path)
        except csc.CscError as error:
            lines = str(error).splitlines()
        else:
            lines = [loaded.metadata[fact]]
        assert len(lines) == 1


def without_parts(path: Path) -> Iterator[Callable[[Path], None]]:
    """Give functions that delete each part of an HDF5 file, attributes too."""
    names: list[str] = []
    with h5py.File(path, "r") as file:
        file.visit(names.append)
        attributes = list(file.attrs)

    def remover(name: str, of_attributes: bool) -> Callable[[Path], None]:
        def remove(copy: Path) -> None:
            with h5py.File(copy, "r+") as file:
                del (file.attrs if of_attributes else file)[name]

        return remove

    yield from (remover(name, False) for name in names)
    yield from (remover(name, True) for name in attributes)


def survives(path: Path, **options: Any) -> bool:
    """Load; return whether that gave a usable acquisition. One sentence is the only other way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            acquisition = csc.load(path, **options)
        except csc.CscError as error:
            checked_message(error)
            return False
    assert bool(torch.isfinite(torch.view_as_real(acquisition.kspace)).all())
    assert acquisition.mask.any()
    assert min(acquisition.shape) >= 1
    return True
