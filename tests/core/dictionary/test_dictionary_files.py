import pickle
import struct
import zipfile

import h5py
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from scipy.io import savemat
from test_array_files import write_v73

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.names import dictionary_names
from napari_csc.errors import CscError

FILTERS = Dictionary.random(6, 5, seed=3).filters.numpy()


class Payload:
    """Something a pickle could run when it is opened."""

    opened = False

    def __reduce__(self):
        return (_opened, ())


def _opened():
    Payload.opened = True
    return 0


WRITERS = {
    "a.npy": lambda path, array: np.save(path, array),
    "a.npz": lambda path, array: np.savez(path, filters=array),
    "b.npz": lambda path, array: np.savez(path, whatever=array),
    "c.npz": lambda path, array: np.savez(path, filters=array, losses=np.ones(3)),
    "a.mat": lambda path, array: savemat(path, {"D": array}),
    "b.mat": lambda path, array: savemat(path, {"D": np.moveaxis(array, 0, -1), "note": "x"}),
    "c.mat": lambda path, array: write_v73(path, D=array),
    "d.mat": lambda path, array: write_v73(path, filters=np.moveaxis(array, 0, -1), other=array),
    "e.mat": lambda path, array: savemat(path, {"D": array}, do_compression=True),
    "f.mat": lambda path, array: savemat(path, {"D": array[0]}, format="4"),
    "a.pt": lambda path, array: torch.save(torch.from_numpy(array), path),
    "b.pt": lambda path, array: torch.save({"filters": torch.from_numpy(array), "step": 3}, path),
    "c.pt": lambda path, array: torch.save(torch.from_numpy(array)[:, None], path),
    "a.PTH": lambda path, array: torch.save(torch.nn.Parameter(torch.from_numpy(array)), path),
    "a.safetensors": lambda path, array: save_file({"filters": array}, path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_round_trip(tmp_path, name):
    WRITERS[name](tmp_path / name, FILTERS)
    dictionary = Dictionary.load(tmp_path / name)
    expected = FILTERS[: len(dictionary)]
    assert len(dictionary) == (1 if name == "f.mat" else 6)
    np.testing.assert_allclose(dictionary.filters.numpy(), expected, atol=1e-6)
    assert dictionary.name == name.split(".")[0]


def test_matlab_order_and_a_filter_that_is_not_square(tmp_path):
    savemat(tmp_path / "a.mat", {"d": FILTERS.transpose(1, 2, 0)})
    np.testing.assert_allclose(Dictionary.load(tmp_path / "a.mat").filters, FILTERS, atol=1e-6)
    wide = np.random.default_rng(0).standard_normal((6, 3, 5))
    np.save(tmp_path / "wide.npy", wide)
    assert Dictionary.load(tmp_path / "wide.npy").size == (3, 5)


def test_key_names_the_array(tmp_path):
    path = tmp_path / "two.npz"
    np.savez(path, first=FILTERS, second=FILTERS[:2])
    assert len(Dictionary.load(path, key="second")) == 2
    with pytest.raises(CscError, match="first, second"):
        Dictionary.load(path)
    with pytest.raises(CscError, match="no array 'third'"):
        Dictionary.load(path, key="third")


def test_numpy_pickles_are_refused(tmp_path):
    for name, save in (("a.npy", np.save), ("a.npz", np.savez)):
        save(tmp_path / name, np.array([Payload(), None], dtype=object), allow_pickle=True)
        with pytest.raises(CscError, match=r"a\.np"):
            Dictionary.load(tmp_path / name)
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Payload()))
    with pytest.raises(CscError, match=r"raw\.npy"):
        Dictionary.load(tmp_path / "raw.npy")
    assert not Payload.opened


def test_torch_pickles_are_refused(tmp_path):
    torch.save({"filters": torch.ones(2, 3, 3), "model": Payload()}, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps(Payload()))
    torch.save(torch.nn.Conv2d(1, 2, 3), tmp_path / "c.pt")
    for name in ("a.pt", "b.pt", "c.pt"):
        with pytest.raises(CscError, match="pickled"):
            Dictionary.load(tmp_path / name)
    assert not Payload.opened


@pytest.mark.parametrize("content", [None, 3, [torch.ones(2, 3, 3)], {"name": "x"}])
def test_torch_files_without_a_tensor(tmp_path, content):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(CscError, match=r"a\.pt"):
        Dictionary.load(tmp_path / "a.pt")


@pytest.mark.parametrize("suffix", ["npy", "npz", "mat", "pt", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"just text\n", b"\x93NUMPY", bytes(range(256)) * 4])
def test_damaged_files(tmp_path, suffix, content):
    path = tmp_path / f"damaged.{suffix}"
    path.write_bytes(content)
    with pytest.raises(CscError, match="damaged"):
        Dictionary.load(path)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.mat", "a.pt", "a.safetensors"])
def test_files_cut_short(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path, FILTERS)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CscError, match=name):
        Dictionary.load(path)


def test_a_matlab_file_of_something_else(tmp_path):
    savemat(tmp_path / "a.mat", {"cells": np.array([np.ones(3), "x"], dtype=object)})
    with pytest.raises(CscError):
        Dictionary.load(tmp_path / "a.mat")


def test_an_image_is_no_dictionary(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((20, 256, 256)))
    with pytest.raises(CscError, match="no set of filters"):
        Dictionary.load(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "name", ["nonsense", "dct-32", "dct-0-9", "dct-2000-9", "gabor-8-2", "", "../x", "dct-32-9.txt"]
)
def test_unknown_names(name):
    with pytest.raises(CscError):
        Dictionary.load(name)


def test_missing_file(tmp_path):
    with pytest.raises(CscError, match="does not exist"):
        Dictionary.load(tmp_path / "none.npy")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dct-48-9", Dictionary.dct(48, 9)),
        ("Gabor-16-11", Dictionary.gabor(16, 11)),
        ("random-8-5", Dictionary.random(8, 5, 0)),
        ("random-8-5-seed3", Dictionary.random(8, 5, 3)),
    ],
)
def test_families_by_name(name, expected):
    assert Dictionary.load(name).digest == expected.digest


def test_every_listed_name_loads():
    for name in dictionary_names():
        assert len(Dictionary.load(name)) > 0


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda one: one * np.nan, "NaN"),
        (lambda one: one * 0, "all zeros"),
        (lambda one: one * 1j, "complex"),
        (lambda one: one[None, None], "shape"),
        (lambda one: one[:, :0], "no pixels"),
        (lambda one: one.astype("U8"), "no numbers"),
    ],
)
def test_an_error_names_the_file(tmp_path, change, word):
    np.save(tmp_path / "mine.npy", change(FILTERS))
    with pytest.raises(CscError, match=rf"mine\.npy.*{word}"):
        Dictionary.load(tmp_path / "mine.npy")


def test_a_matlab_7_3_file_leads_nowhere_else(tmp_path):
    write_v73(tmp_path / "other.mat", D=FILTERS)
    write_v73(tmp_path / "mine.mat")
    with h5py.File(tmp_path / "mine.mat", "r+") as file:
        file["D"] = h5py.ExternalLink("other.mat", "/D")
    with pytest.raises(CscError, match=r"mine\.mat"):
        Dictionary.load(tmp_path / "mine.mat")


def test_archives_that_expand_to_gigabytes(tmp_path):
    """Sizes are looked at before anything is expanded."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (64, 2000, 2000), }".ljust(117)
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("filters.npy", "w") as file,
    ):
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + header + b"\n")
        for _ in range(64):
            file.write(bytes(8 * 2000**2))
    with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("archive/data.pkl", b"")
        archive.writestr("archive/data/0", bytes(300 * 2**20))
    for name, word in (("a.npz", "no set of filters"), ("a.pt", "compressed")):
        with pytest.raises(CscError, match=rf"{name[0]}\{name[1:]}.*{word}"):
            Dictionary.load(tmp_path / name)
