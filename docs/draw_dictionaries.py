"""Draw the shipped dictionaries for the documentation: ``python docs/draw_dictionaries.py``."""

import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from napari_csc.core.dictionary.dictionary import Dictionary

OUT = Path(__file__).parent / "images"
SHEETS = {
    "dictionaries-learned": [
        "brain-16-9",
        "brain-32-9",
        "brain-64-9",
        "brain-128-9",
        "brain-16-11",
        "brain-32-11",
        "brain-64-11",
        "brain-128-11",
    ],
    "dictionaries-families": ["brain-64-mixed", "dct-64-11", "gabor-64-11", "random-64-11"],
}


def mosaic(filters: np.ndarray) -> np.ndarray:
    """Return filters (K, y, x) side by side, each scaled to its largest value."""
    count, height, width = filters.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for number, one in enumerate(filters):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        sheet[top : top + height, left : left + width] = one / np.abs(one).max()
    return sheet


def main() -> None:
    for name, dictionaries in SHEETS.items():
        rows = math.ceil(len(dictionaries) / 4)
        figure = Figure(figsize=(10, 2.7 * rows), layout="constrained")
        for axis in figure.subplots(rows, 4).flat:
            axis.set_axis_off()
        for axis, one in zip(figure.axes, dictionaries, strict=False):
            axis.imshow(mosaic(Dictionary.load(one).filters.numpy()), cmap="gray", vmin=-1, vmax=1)
            axis.set_title(one, fontsize=9)
        figure.savefig(OUT / f"{name}.png", dpi=110)


if __name__ == "__main__":
    main()
