"""Files of other programs: each is named, with what to do."""

import struct
import zipfile
from pathlib import Path

import damage
import h5py
import numpy as np
import pytest
import torch
from systems import linked

from napari_csc.io.headers.foreign import FOREIGN

EXAMPLES: dict[str, tuple[str, bytes, str]] = {
    "half of a pair": ("a.img", bytes(range(256)) * 4, ".hdr"),
    "sidecar": ("a.json", b'{"EchoTime": 0.01}', ".nii"),
    "Pulseq sequence": ("a.seq", b"# Pulseq sequence file\n", "measured"),
    "MATLAB figure or Octave": ("a.mat", b"# Created by Octave 8.4.0\n# name: k\n", "'-v7'"),
    "Windows shortcut": ("a.npy", b"L\0\0\0\x01\x14\x02\0" + bytes(60), "shortcut"),
    "AppleDouble": ("._a.npy", b"\0\x05\x16\x07\0\2\0\0Mac OS X", "macOS"),
    "unfinished download": ("a.h5.crdownload", bytes(100), "download"),
    "Philips spectroscopy": ("a.SDAT", bytes(100), "spectra"),
    "Tecmag": ("a.tnt", b"TNT1.005" + bytes(100), "nmrglue"),
    "Git LFS pointer": (
        "a.nii.gz",
        b"version https://git-lfs.github.com/spec",
        "git lfs pull",
    ),
    "git-annex pointer": ("a.nii", b"/annex/objects/MD5E-s1--0.nii\n", "git annex get"),
    "web page": ("a.h5", b"\n<!DOCTYPE html>\n<html><head>", "web page"),
    "ISMRMRD header": ("a.h5", b'<?xml version="1.0"?>\n<ismrmrdHeader xmlns="x">', "data"),
    "complex text": ("a.txt", b"\n(1.0e+00-2.0e+00j) (1.0e+00+0.0e+00j)\n", "np.loadtxt"),
    "Philips PAR/REC": ("a.PAR", b"# === DATA DESCRIPTION FILE ====", "parrec2nii"),
    "Philips raw data": ("a.lab", bytes(64), "philips_to_ismrmrd"),
    "Siemens twix": ("a.dat", struct.pack("<4I", 0, 2, 7, 9) + bytes(600), "siemens_to_ismrmrd"),
    "Siemens spectroscopy": ("a.rda", b">>> Begin of header <<<\r\n", "spectroscopy"),
    "Bruker ParaVision": ("2dseq", bytes(range(200)), "brkraw"),
    "Agilent": ("procpar", b"acqcycles 1 1 9.9\n", "nmrglue"),
    "GE P-file": ("P12345.7", b"\0\0\xc0A" + bytes(100), "ge_to_ismrmrd"),
    "MINC": ("a.mnc", b"CDF\1\0\0\0\0", "mnc2nii"),
    "MetaImage": ("a.mha", b"ObjectType = Image\nNDims = 3\n", "SimpleITK"),
    "AFNI": ("a+orig.HEAD", b"\ntype  = string-attribute\n", "3dAFNItoNIFTI"),
    "MATLAB 4": ("a.mat", struct.pack("<5i", 0, 4, 4, 0, 2) + b"k\0" + bytes(128), "'-v7'"),
    "7z archive": ("a.7z", b"7z\xbc\xaf\x27\x1c\0\4", "unpack"),
    "RAR archive": ("a.rar", b"Rar!\x1a\7\0", "unpack"),
    "tar archive": ("a.tar", b"a.npy".ljust(257, b"\0") + b"ustar\0" + bytes(100), "unpack"),
    "bzip2, xz or zstd": ("a.bz2", b"BZh91AY&SY", "unpack"),
    "JPEG": ("a.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF", "PNG or TIFF"),
    "GIF or BMP": ("a.gif", b"GIF89a", "PNG or TIFF"),
    "PDF": ("a.pdf", b"%PDF-1.7\n", "PDF"),
    "pickle": ("a.pkl", b"\x80\x04\x95", "numpy.save"),
    "zip archive": ("a.zip", b"", "unpack"),
    "gzip": ("a.gz", b"\x1f\x8b\x08\0\0\0\0\0", "unpack"),
}


def test_each_kind_has_an_example() -> None:
    assert set(EXAMPLES) == {one.title for one in FOREIGN}


@pytest.mark.parametrize("title", EXAMPLES)
def test_each_kind_is_named(tmp_path: Path, title: str) -> None:
    name, content, word = EXAMPLES[title]
    path = tmp_path / name
    path.write_bytes(content)
    if title == "zip archive":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.txt", "text")
    text = damage.told(path)
    assert word in text
    assert next(one.advice for one in FOREIGN if one.title == title) in text


def test_a_file_of_torch(tmp_path: Path) -> None:
    torch.save(torch.zeros(8, 8), tmp_path / "a.pt")
    assert "PyTorch" in damage.told(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("group", "word"), [("minc-2.0", "mnc2nii"), ("OrchestraCommon", "GE"), ("ITKImage", "ITK")]
)
def test_hdf5_of_other_programs(tmp_path: Path, group: str, word: str) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file[f"{group}/image/0"] = np.ones((20, 20))
    assert word in damage.told(tmp_path / "a.h5")


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    linked(tmp_path / "a.npy", tmp_path / "gone.npy")
    linked(tmp_path / "b.nii", tmp_path / ".git/annex/objects/X/Y/MD5E-s1--0.nii")
    assert "symbolic link" in damage.told(tmp_path / "a.npy")
    assert "git annex get" in damage.told(tmp_path / "b.nii")


def test_a_filter_that_is_not_installed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        space, settings = h5py.h5s.create_simple((16, 16)), h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_chunk((16, 16))
        # An optional filter may be missing when the file is written.
        settings.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, (1, 2))
        h5py.h5d.create(file.id, b"kspace", h5py.h5t.IEEE_F64LE, space, settings)
    text = damage.told(tmp_path / "a.h5")
    assert "Blosc" in text
    assert "hdf5plugin" in text
