"""Files that cannot be read, and what to do with each: by their first bytes, or by their name."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from napari_csc.storage.open_file import OpenFile
from napari_csc.storage.zips import listed

Test = Callable[[bytes, str], bool]
"""Takes the first bytes and the name, in small letters."""

_TAR_PLACE = 257
_TORCH_MEMBER = "data.pkl"


@dataclass(frozen=True)
class Foreign:
    """A kind of file of other programs.

    Attributes
    ----------
    title : str
        What it is.
    fits : callable
        Tells it by the first bytes and the name.
    advice : str
        What it is and what to do, behind "<name> is ".
    """

    title: str
    fits: Test
    advice: str


def _begins(*marks: bytes) -> Test:
    return lambda head, name: head.startswith(marks)


def _holds(*words: bytes) -> Test:
    return lambda head, name: any(word in head for word in words)


def _named(pattern: str) -> Test:
    return lambda head, name: re.fullmatch(pattern, name) is not None


def _either(*tests: Test) -> Test:
    return lambda head, name: any(test(head, name) for test in tests)


def _is_page(head: bytes, name: str) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    return start.startswith((b"<!doctype html", b"<html")) or b"<html" in start


def _is_twix(head: bytes, name: str) -> bool:
    if len(head) < 12 or not name.endswith(".dat"):
        return False
    first, second = struct.unpack_from("<II", head)
    # Later versions begin with zero and the number of scans, earlier ones with a header of text.
    return (first == 0 and 1 <= second <= 64) or (second <= 64 and b"Config" in head[:64])


def _is_matlab_4(head: bytes, name: str) -> bool:
    if len(head) < 20 or not name.endswith(".mat"):
        return False
    for order in "<>":
        kind, rows, columns, is_complex, length = struct.unpack_from(order + "5i", head)
        fits = 0 <= kind < 5000 and rows >= 0 and columns >= 0 and is_complex in (0, 1)
        if fits and 1 < length <= 256:
            return True
    return False


def _is_complex_text(head: bytes, name: str) -> bool:
    """Return whether this is a table of complex numbers, as NumPy writes them as text."""
    return re.match(rb"\s*(#[^\n]*\n)*\s*\([-+0-9.e]+[-+][-+0-9.e]*j\)[\s(]", head) is not None


FOREIGN: tuple[Foreign, ...] = (
    Foreign(
        "half of a pair",
        _named(r".*\.img(\.gz)?"),
        "half of a pair of files, the values without their header; copy the .hdr of the same name "
        "beside it",
    ),
    Foreign(
        "sidecar",
        _named(r".*\.(json|bval|bvec|bvals|bvecs)"),
        "a file of facts beside an image, without the image; open the .nii or .nii.gz of the same "
        "name",
    ),
    Foreign(
        "Pulseq sequence",
        _either(_begins(b"# Pulseq"), _named(r".*\.seq")),
        "a sequence of Pulseq and no measurement; open what the scanner measured with it",
    ),
    Foreign(
        "MATLAB figure or Octave",
        _either(_begins(b"# Created by Octave", b"Octave-1-"), _named(r".*\.fig")),
        "a file of Octave's own format or a figure; save the array with "
        "save('-v7', 'file.mat', 'k')",
    ),
    Foreign(
        "Windows shortcut",
        _begins(b"L\0\0\0\x01\x14\x02\0"),
        "a shortcut of Windows and not the file itself; open the file that it points to",
    ),
    Foreign(
        "AppleDouble",
        _begins(b"\0\x05\x16\x07"),
        "what macOS keeps beside a file and not the file itself; open the one without '._'",
    ),
    Foreign(
        "unfinished download",
        _named(r".*\.(crdownload|part|partial|download|filepart)"),
        "a download that was not finished; download the file again",
    ),
    Foreign(
        "Philips spectroscopy",
        _named(r".*\.(sdat|spar)"),
        "spectroscopy of Philips (.SDAT, .SPAR) and no image; open it with a program for spectra",
    ),
    Foreign(
        "Tecmag",
        _begins(b"TNT1."),
        "a file of Tecmag (.tnt); export it from TNMR as a text table or read it with nmrglue, and "
        "save the array as .npy",
    ),
    Foreign(
        "complex text",
        _is_complex_text,
        "a table of complex numbers as text, as OCRA writes k-space; save it for reading with "
        "np.save('scan.npy', np.loadtxt('scan.txt', dtype=complex))",
    ),
    Foreign(
        "Git LFS pointer",
        _begins(b"version https://git-lfs.github.com/spec"),
        "a pointer of Git LFS and not the file itself; fetch it with 'git lfs pull'",
    ),
    Foreign(
        "git-annex pointer",
        _either(_begins(b"/annex/objects/"), _begins(b".git/annex/"), _begins(b"../.git/annex/")),
        "a pointer of git-annex and not the file itself; fetch it with 'git annex get' or "
        "'datalad get'",
    ),
    Foreign(
        "web page",
        _is_page,
        "a web page and not the file itself, often a page to log in; download the file again",
    ),
    Foreign(
        "ISMRMRD header",
        _holds(b"<ismrmrdHeader"),
        "the header of an ISMRMRD file without its data; open the .h5 or .mrd file",
    ),
    Foreign(
        "Philips PAR/REC",
        _either(_holds(b"# === DATA DESCRIPTION FILE"), _named(r".*\.(rec|xml\.rec)")),
        "one of a Philips PAR/REC pair; convert it to NIfTI with dcm2niix or with parrec2nii, "
        "which comes with nibabel",
    ),
    Foreign(
        "Philips raw data",
        _named(r".*\.(lab|sin|list|data)"),
        "raw data of Philips; convert them with philips_to_ismrmrd",
    ),
    Foreign(
        "Siemens twix",
        _is_twix,
        "raw data of Siemens (twix); convert them with siemens_to_ismrmrd",
    ),
    Foreign(
        "Siemens spectroscopy",
        _begins(b">>> Begin of header <<<"),
        "spectroscopy of Siemens (.rda) and no image; open it with a program for spectra",
    ),
    Foreign(
        "Bruker ParaVision",
        _either(
            _begins(b"##TITLE=Parameter List"),
            _named(r"2dseq|acqp|method|reco|visu_pars|rawdata\.job\d+|ser"),
        ),
        "a file of Bruker ParaVision; convert the scan with brkraw or bruker2nifti to NIfTI, or "
        "with bruker_to_ismrmrd",
    ),
    Foreign(
        "Agilent",
        _either(_named(r"fid|procpar|.*\.(fid|procpar)"), _begins(b"#!/usr/local/fdf")),
        "a file of Agilent or Varian (fid, procpar, fdf), or a fid of Bruker; read it with "
        "nmrglue and save the array as .npy",
    ),
    Foreign(
        "GE P-file",
        _named(r".*\.7"),
        "raw data of GE (a P-file); convert them with ge_to_ismrmrd",
    ),
    Foreign(
        "MINC",
        _either(_begins(b"CDF\x01", b"CDF\x02"), _named(r".*\.mnc")),
        "a MINC or netCDF file; convert it to NIfTI with mnc2nii",
    ),
    Foreign(
        "MetaImage",
        _either(_begins(b"ObjectType", b"NDims", b"Comment"), _named(r".*\.(mha|mhd)")),
        "a MetaImage (.mha, .mhd); save it as NRRD or NIfTI, with SimpleITK or 3D Slicer",
    ),
    Foreign(
        "AFNI",
        _either(_named(r".*\.(brik|head)"), _begins(b"\ntype  = ", b"type  = ")),
        "a file of AFNI (BRIK, HEAD); convert it to NIfTI with 3dAFNItoNIFTI",
    ),
    Foreign(
        "MATLAB 4",
        _is_matlab_4,
        "a MATLAB file of version 4; save it in MATLAB again with save('file.mat', '-v7')",
    ),
    Foreign("7z archive", _begins(b"7z\xbc\xaf\x27\x1c"), "a 7z archive; unpack it first"),
    Foreign("RAR archive", _begins(b"Rar!"), "a RAR archive; unpack it first"),
    Foreign(
        "tar archive",
        lambda head, name: head[_TAR_PLACE : _TAR_PLACE + 5] == b"ustar",
        "a tar archive; unpack it, and choose a file in it",
    ),
    Foreign(
        "bzip2, xz or zstd",
        _begins(b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"),
        "compressed by bzip2, xz or zstd; unpack it first",
    ),
    Foreign(
        "JPEG",
        _begins(b"\xff\xd8\xff", b"\0\0\0\x0cjP  "),
        "a JPEG picture, whose grey values are changed by its compression; export PNG or TIFF",
    ),
    Foreign("GIF or BMP", _begins(b"GIF8", b"BM"), "a picture; save it as PNG or TIFF"),
    Foreign("PDF", _begins(b"%PDF"), "a PDF document; export the image in it as PNG or TIFF"),
    Foreign(
        "pickle",
        _begins(b"\x80"),
        "a Python pickle, which could run code; save a plain array with numpy.save",
    ),
    Foreign(
        "zip archive",
        _begins(b"PK\x03\x04"),
        "a zip archive without arrays; unpack it and choose a file in it",
    ),
    Foreign("gzip", _begins(b"\x1f\x8b"), "compressed, but no NIfTI image; unpack it first"),
)
"""The first that fits is named."""

_HDF5_GROUPS = {
    "minc-2.0": "a MINC file; convert it to NIfTI with mnc2nii",
    "OrchestraCommon": "a ScanArchive of GE; convert it with ge_to_ismrmrd",
    "ITKImage": "an image of ITK in HDF5; save it as NRRD or NIfTI",
}


def advice_for(file: OpenFile) -> str | None:
    """Return what a file of another program is and what to do with it; None if it is unknown."""
    if _is_torch(file):
        return "a PyTorch file; save the tensor in it with numpy.save(name, tensor.numpy())"
    name = file.path.name.lower()
    return next((one.advice for one in FOREIGN if one.fits(file.head, name)), None)


def advice_for_hdf5(names: list[str]) -> str | None:
    """Return the same of an HDF5 file, by the names of what stands in it."""
    return next((advice for group, advice in _HDF5_GROUPS.items() if group in names), None)


def advice_for_missing(path: Path) -> str | None:
    """Return what is wrong with a link that leads nowhere; None if it is no link."""
    if not path.is_symlink():
        return None
    if "annex/objects" in str(path.readlink()):
        return (
            "a link of git-annex to a file that was not fetched; fetch it with 'git annex get' or "
            "'datalad get'"
        )
    return "a symbolic link to a file that does not exist; copy the file itself"


def _is_torch(file: OpenFile) -> bool:
    if not file.head.startswith(b"PK\x03\x04"):
        return False
    names = [one.filename for one in (listed(file.raw) or ())[:100]]
    return any(name.rpartition("/")[2] == _TORCH_MEMBER for name in names)
