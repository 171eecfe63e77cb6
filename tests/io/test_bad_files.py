"""Files that cannot be used: each gives one plain sentence."""

import gzip
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import damage
import h5py
import nibabel
import numpy as np
import pytest
from scipy.io import savemat

import napari_csc as csc

rng = np.random.default_rng(0)
KSPACE = rng.normal(size=(4, 32, 32)) + 1j * rng.normal(size=(4, 32, 32))
KSPACE[:, 16, 16] = 1000.0


told = partial(damage.told, longest=400)


def saved(path: Path, array: Any) -> Path:
    np.save(path, array)
    return path


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert "does not exist" in told(tmp_path / "no.mat")
    assert "folder" in told(tmp_path)


@pytest.mark.parametrize("suffix", [".mat", ".npy", ".npz", ".h5", ".nii.gz", ".nii", ""])
def test_empty_text_and_noise_under_any_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"")
    assert "empty" in told(path)
    path.write_text("patient,age\nunknown,50\n" * 50)
    assert "text" in told(path)
    path.write_bytes(bytes(rng.integers(0, 256, 5000, dtype=np.uint8)))
    told(path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="rights do not bind this user")
def test_unreadable(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npy", KSPACE)
    path.chmod(0)
    assert "rights" in told(path)


def test_unreadable_by_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.npy", KSPACE)

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "rights" in told(path)


def write_npy(path: Path) -> None:
    np.save(path, KSPACE)


def write_npz(path: Path) -> None:
    np.savez_compressed(path, kspace=KSPACE)


def write_mat(path: Path) -> None:
    savemat(path, {"kspace": KSPACE})


def write_zipped_mat(path: Path) -> None:
    savemat(path, {"kspace": KSPACE}, do_compression=True)


def write_nifti(path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.abs(KSPACE).transpose(1, 2, 0), np.eye(4)), path)


def write_own(path: Path) -> None:
    from napari_csc.io.formats.csc_acquisition import save_acquisition

    save_acquisition(csc.Acquisition.from_kspace(KSPACE), path)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
@pytest.mark.parametrize(
    ("write", "name"),
    [
        (write_npy, "a.npy"),
        (write_npz, "a.npz"),
        (write_mat, "a.mat"),
        (write_zipped_mat, "a.mat"),
        (write_nifti, "a.nii"),
        (write_nifti, "a.nii.gz"),
        (write_own, "a.h5"),
    ],
)
def test_truncated(tmp_path: Path, write: Callable[[Path], None], name: str, share: float) -> None:
    path = tmp_path / name
    write(path)
    assert csc.load(path).shape == (4, 32, 32)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    told(path)


@pytest.mark.parametrize(
    ("value", "word"), [(np.nan, "NaN"), (np.inf, "NaN or infinite"), (None, "all zeros")]
)
def test_values_that_are_no_measurement(tmp_path: Path, value: float | None, word: str) -> None:
    data = np.zeros_like(KSPACE) if value is None else KSPACE.copy()
    if value is not None:
        data[1, 3, 4] = value
    assert word in told(saved(tmp_path / "a.npy", data))
    path = saved(tmp_path / "b.npy", np.abs(data))
    if word == "NaN":
        # Programs mark the background of images so.
        assert "NaN" in csc.load(path).notes[0]
    else:
        assert word in told(path)


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (3, 3, 3), (1, 40), (40, 1), (2, 7, 40)])
def test_tiny(tmp_path: Path, shape: tuple[int, ...]) -> None:
    assert "at least 8 x 8" in told(saved(tmp_path / "a.npy", np.ones(shape, complex)))
    savemat(tmp_path / "a.mat", {"kspace": np.ones(shape, complex)})
    told(tmp_path / "a.mat")


@pytest.mark.parametrize("shape", [(), (5000,), (3, 3, 3, 16, 16), (2, 2, 2, 2, 16, 16)])
def test_wrong_number_of_axes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    assert "axes" in told(saved(tmp_path / "a.npy", np.ones(shape, complex)))


def test_no_values(tmp_path: Path) -> None:
    assert "no values" in told(saved(tmp_path / "a.npy", np.zeros((0, 32), complex)))
    np.savez(tmp_path / "a.npz")
    told(tmp_path / "a.npz")
    savemat(tmp_path / "a.mat", {"name": "text", "cell": np.array([{}], dtype=object)})
    assert "no array of numbers" in told(tmp_path / "a.mat")


def test_no_numbers(tmp_path: Path) -> None:
    assert "plain numbers" in told(saved(tmp_path / "a.npy", np.full((20, 20), "text")))
    dates = np.zeros((20, 20), dtype="datetime64[s]")
    assert "plain numbers" in told(saved(tmp_path / "b.npy", dates))
    colours = np.zeros((8, 8, 8), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nibabel.save(nibabel.Nifti1Image(colours, np.eye(4)), tmp_path / "a.nii")
    assert "colours" in told(tmp_path / "a.nii")


class Harmful:
    ran = False

    def __reduce__(self) -> Any:
        return (setattr, (Harmful, "ran", True))


def test_pickles_are_never_run(tmp_path: Path) -> None:
    objects = np.empty((8, 8), dtype=object)
    objects[0, 0] = Harmful()
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "a.npz", kspace=objects)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Harmful()))
    (tmp_path / "b.mat").write_bytes(pickle.dumps(Harmful()))
    for name in ("a.npy", "a.npz", "b.npy", "b.mat"):
        assert "pickle" in told(tmp_path / name)
    assert not Harmful.ran


@pytest.mark.parametrize("shape", ["(100000, 100000, 1000)", "(9999999999999999999, 99999999999)"])
def test_npy_claiming_terabytes(tmp_path: Path, shape: str) -> None:
    header = f"{{'descr': '<c16', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + b"x" * 100
    (tmp_path / "a.npy").write_bytes(content)
    assert "GiB" in told(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("kspace.npy", content)
    assert "GiB" in told(tmp_path / "a.npz")


def test_npy_claiming_more_than_the_file_holds(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npy", KSPACE)
    path.write_bytes(path.read_bytes()[:-1])
    assert "cut off" in told(path)


def test_hdf5_claiming_terabytes(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["schema"] = "napari-csc/acquisition"
        file.create_dataset("kspace", (10**5, 1, 10**5, 10**3), np.complex64, chunks=(1, 1, 10, 10))
    assert "GiB" in told(tmp_path / "a.h5")


def test_nifti_claiming_terabytes(tmp_path: Path) -> None:
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.float64)
    header.set_data_shape((30000, 30000, 30000))
    header["magic"] = b"n+1"
    header["vox_offset"] = 352
    content = header.binaryblock + b"\0" * 200
    (tmp_path / "a.nii").write_bytes(content)
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(content))
    for name in ("a.nii", "a.nii.gz"):
        assert "GiB" in told(tmp_path / name)


def test_hdf5_of_another_program(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["words"] = "no numbers at all"
    assert "another program" in told(tmp_path / "a.h5")


def test_hdf5_links_do_not_lead_out(tmp_path: Path) -> None:
    write_own(tmp_path / "other.h5")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["schema"] = "napari-csc/acquisition"
        file["kspace"] = h5py.ExternalLink("other.h5", "/kspace")
    assert "is a link" in told(tmp_path / "a.h5")


def test_newer_version_and_missing_parts(tmp_path: Path) -> None:
    write_own(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file.attrs["schema_version"] = 99
    assert "newer" in told(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file.attrs["schema_version"] = 1
        del file["kspace"]
    assert "no k-space" in told(tmp_path / "a.h5")


def test_several_arrays_are_listed(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"first": KSPACE, "second": KSPACE})
    message = told(tmp_path / "a.mat")
    assert "first, second" in message
    assert "key" in message
    assert "no array 'third'" in told(tmp_path / "a.mat", key="third")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"axes": "y,x"}, "axes"),
        ({"axes": "slice,y,y"}, "axes"),
        ({"axes": "slice,up,down"}, "axes"),
        ({"axes": "slice,coil,x"}, "y and x"),
        ({"kind": "sound"}, "kind"),
        ({"mask": "some"}, "mask"),
        ({"mask": np.ones((3, 3))}, "mask"),
        ({"mask": np.zeros((32, 32))}, "mask"),
        ({"coil": "rss"}, "coil"),
        ({"coil": 4}, "Coil 4"),
        ({"slice": 4}, "Slice 4"),
        ({"slice": "first"}, "slice"),
        ({"slice": []}, "slice"),
        ({"noise_std": -1.0}, "noise"),
        ({"noise_std": float("nan")}, "noise"),
        ({"key": "kspace"}, "no array"),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, options: dict[str, Any], word: str) -> None:
    assert word in told(saved(tmp_path / "a.npy", KSPACE), **options)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"\0" * 128 + b"DICM" + b"\0" * 50, "DICOM"),
        (b"NRRD0004\n\xff\xfe", "NRRD"),
        (gzip.compress(b"text", mtime=0), "compressed"),
    ],
)
def test_other_formats_are_named(tmp_path: Path, content: bytes, word: str) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    assert word in told(tmp_path / "a.mat")
