"""Pack the slices of a folder of volumes into one file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_csc.learn.training.data import filled_slices, phantom_slices, read_volumes
from napari_csc.learn.training.images.packed import WHITE, PackedSlices, as_bytes, fitted
from napari_csc.learn.training.images.photographs import photograph_parts

_MOST_OF_A_VOLUME = 150
_VALIDATION_SLICES = 4
_PHOTOGRAPHS_OF_A_VOLUME = 9


def pack_slices(
    data: str | Path,
    train_files: Sequence[str],
    validation_files: Sequence[str],
    seed: int = 0,
    report: Callable[[str], None] = print,
    heads: int = 10,
    photographs: str | Path | None = None,
) -> PackedSlices:
    """Return the slices of the volumes of a folder, of synthetic heads, and parts of photographs.

    Parameters
    ----------
    data
        Folder with volumes.
    train_files, validation_files
        Names (glob patterns) of the volumes to train on, and to validate with.
    seed
        Of the synthetic heads.
    report
        Receives a line for each volume.
    heads
        Synthetic heads, four slices of each.
    photographs
        Folder of pictures; nine of them count as one volume.

    Raises
    ------
    CscError
        If the folder holds no such volumes.
    """
    images: list[npt.NDArray[np.uint8]] = []
    numbers: list[int] = []
    names: list[str] = []
    for volume in read_volumes(data, train_files):
        slices = filled_slices(volume)
        slices = slices[:: max(1, len(slices) // _MOST_OF_A_VOLUME)]
        images += [as_bytes(fitted(one)) for one in slices]
        numbers += [len(names)] * len(slices)
        names.append(volume.name)
        report(f"{volume.name}: {len(slices)} slices")
    if photographs is not None:
        for number, (name, parts) in enumerate(photograph_parts(photographs, seed, report)):
            if number % _PHOTOGRAPHS_OF_A_VOLUME == 0:
                names.append(f"photographs_{number // _PHOTOGRAPHS_OF_A_VOLUME}")
            images += [as_bytes(part.clip(0, WHITE)) for part in parts]
            numbers += [len(names) - 1] * len(parts)
            report(f"{name}: {len(parts)} parts")
    if heads:
        shown = phantom_slices(heads, seed)
        images += [as_bytes(fitted(one / max(float(one.max()), 1e-6))) for one in shown]
        numbers += [len(names)] * len(shown)
        names.append("phantom")
    validation, sources = [], []
    for volume in read_volumes(data, validation_files):
        count = len(volume.data)
        chosen = np.linspace(0.2 * count, 0.8 * count, _VALIDATION_SLICES).round().astype(int)
        for number in np.minimum(chosen, count - 1):
            image = fitted(volume.data[number])
            validation.append(image / max(float(image.max()), 1e-6))
        sources.append(volume.name)
    return PackedSlices(
        np.stack(images),
        np.array(numbers, np.int16),
        tuple(names),
        np.stack(validation).astype(np.float32),
        tuple(sources),
    )
