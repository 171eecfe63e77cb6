"""Filters of several sizes in a MATLAB cell."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

import napari_csc as csc


def cell_of(sizes: list[int]) -> np.ndarray:
    draw = np.random.default_rng(0)
    cell = np.empty((1, len(sizes)), dtype=object)
    for number, size in enumerate(sizes):
        cell[0, number] = draw.normal(size=(size, size))
    return cell


@pytest.mark.parametrize("sizes", [[3, 5, 7, 5], [4, 6, 6]])
def test_mixed_sizes_share_their_middle(tmp_path: Path, sizes: list[int]) -> None:
    cell = cell_of(sizes)
    savemat(tmp_path / "d.mat", {"D": cell})
    filters = csc.Dictionary.load(tmp_path / "d.mat").filters.numpy()
    largest = max(sizes)
    assert filters.shape == (len(sizes), largest, largest)
    for one, given in zip(filters, cell[0], strict=True):
        edge = (largest - len(given)) // 2
        inner = one[edge : largest - edge, edge : largest - edge]
        assert abs(one).sum() == pytest.approx(abs(inner).sum())
        correlation = np.corrcoef(inner.ravel(), given.ravel())[0, 1]
        assert correlation == pytest.approx(1, abs=1e-5)


def test_odd_and_even_sizes_are_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "d.mat", {"D": cell_of([4, 5])})
    with pytest.raises(csc.CscError, match="odd and of even"):
        csc.Dictionary.load(tmp_path / "d.mat")
