"""Structures and cells of MATLAB 7.3, laid out in HDF5 as MATLAB does: groups and references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from ismrmrd_scans import kspace_of

import napari_csc as csc
from napari_csc.phantom.head import head_phantom

Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def kspace() -> Array:
    """Return k-space of four coils (coil, y, x)."""
    head = head_phantom(32, 1, "flair", seed=1)[0, 4:28, 6:26].numpy()
    y, x = np.meshgrid(np.linspace(-1, 1, 24), np.linspace(-1, 1, 20), indexing="ij")
    places = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    maps = np.stack([np.exp(-((y - a) ** 2 + (x - b) ** 2) / 2) for a, b in places])
    return kspace_of(maps * head)


def stored(group: h5py.Group, name: str, values: Array) -> h5py.Dataset:
    """Write an array as MATLAB does: axes turned, complex as pairs, its class as an attribute."""
    turned = values.transpose()
    if np.iscomplexobj(turned):
        pairs = np.empty(turned.shape, [("real", "<f8"), ("imag", "<f8")])
        pairs["real"], pairs["imag"] = turned.real, turned.imag
        turned = pairs
    item = group.create_dataset(name, data=turned)
    item.attrs["MATLAB_class"] = np.bytes_("double")
    return item


def cell(file: h5py.File, name: str, members: list[Array]) -> None:
    """Write a cell, 1 x n: references to members in the group that MATLAB keeps for them."""
    hidden = file.require_group("#refs#")
    references = [stored(hidden, f"{name}{number}", one).ref for number, one in enumerate(members)]
    item = file.create_dataset(name, (len(members), 1), h5py.ref_dtype)
    item[:, 0] = references
    item.attrs["MATLAB_class"] = np.bytes_("cell")


def finished(path: Path) -> Path:
    with path.open("rb+") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path


def test_a_structure(tmp_path: Path, kspace: Array) -> None:
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("raw")
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        stored(group, "kspace", kspace[0])
        stored(group, "te", np.array([[12.0]]))
        empty = stored(group, "notes", np.array([[0.0, 0.0]]))
        empty.attrs["MATLAB_empty"] = np.uint8(1)
    scan = csc.load(finished(path))
    assert scan.metadata["key"] == "raw.kspace"
    assert np.allclose(scan.kspace[0, 0].numpy(), kspace[0], atol=1e-5)


def test_a_cell_of_coils(tmp_path: Path, kspace: Array) -> None:
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        cell(file, "coils", list(kspace))
    scan = csc.load(finished(path), axes="y,x,coil")
    assert scan.metadata["key"] == "coils"
    assert scan.n_coils == len(kspace)


def test_a_cell_of_different_sizes_by_key(tmp_path: Path, kspace: Array) -> None:
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        cell(file, "scans", [kspace[0], kspace[1][:, 2:18]])
    scan = csc.load(finished(path), key="scans{2}")
    assert scan.shape == (1, 24, 16)


def test_references_that_lead_nowhere_or_in_a_circle(tmp_path: Path, kspace: Array) -> None:
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        stored(file, "kspace", kspace[0])
        lost = file.create_dataset("lost", (2, 1), h5py.ref_dtype)
        loop = file.create_dataset("loop", (1, 1), h5py.ref_dtype)
        loop[0, 0] = loop.ref
        gone = stored(file, "gone", kspace[1])
        lost[0, 0] = gone.ref
        del file["gone"]
    scan = csc.load(finished(path))
    assert scan.metadata["key"] == "kspace"
