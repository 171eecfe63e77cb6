"""Small files for the cells of the table of features, and what is checked of them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import nibabel
import numpy as np
import pytest
import small_files
import test_bart
import test_dicom
import test_fastmri
import test_ismrmrd
import test_ismrmrd_images
import test_nrrd
import torch
from damage import told
from ismrmrd_scans import encoding, header, lines
from ismrmrd_scans import write as write_readouts

import napari_csc as csc
from napari_csc.core.acquisition.noncartesian import NonCartesianAcquisition
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.io.formats.table import format_of

KSPACE, IMAGES, NUMBERS = small_files.kspace(), small_files.images(), small_files.magnitudes()
ROWS, COLUMNS = KSPACE.shape[1:]
COILS = KSPACE[:, None] * np.array([1.0, 0.5j, -0.8], np.complex64)[:, None, None]
PARTIAL = np.where(np.arange(COLUMNS) > 2, KSPACE, 0).astype(np.complex64)
AFFINE = np.diag([-1.0, -1.5, 5.0, 1.0])
DRAW = np.random.default_rng(0)
NOISE = (DRAW.normal(size=(3, 200)) + 1j * DRAW.normal(size=(3, 200))).astype(np.complex64)

ISMRMRD = header(encoding((COLUMNS, ROWS, 1)))

Make = Callable[[Path], Any]
Check = Callable[[Path], None]


def loaded(make: Make, test: Callable[[Any], Any], **options: Any) -> Check:
    """Return a check: the file that a function writes loads, and something holds."""

    def check(path: Path) -> None:
        made = make(path)
        assert test(csc.load(made if isinstance(made, Path) else path, **options))

    return check


def shown(acquisition: Any) -> Any:
    return acquisition.adjoint().numpy()


def has(name: str) -> Callable[[Any], bool]:
    return lambda found: bool(found.metadata.get(name) is not None and len(found.metadata[name]))


def is_kind(kind: str) -> Callable[[Any], bool]:
    return lambda found: bool(found.metadata["kind"] == kind)


def is_complex(found: Any) -> bool:
    images = shown(found)
    return bool(np.abs(images.imag).max() > 0.02 * np.abs(images).max())


def n_coils(found: Any) -> bool:
    return bool(found.kspace.shape[1] == 3)


def n_slices(found: Any) -> bool:
    return bool(found.shape[0] == 2)


def is_partial(found: Any) -> bool:
    return not found.mask.all() and bool(found.mask.any())


def is_averaged(found: Any) -> bool:
    return bool(found.metadata["repeats_averaged"] == 2 and not found.noise_is_estimated)


def in_millimetres(found: Any) -> bool:
    return bool(found.unit == "mm" and min(found.spacing) > 0)


def is_lazy(make: Make) -> Check:
    """Slices that are not asked for are not even looked at: NaN in them goes unnoticed."""

    def check(path: Path) -> None:
        made = make(path)
        made = made if isinstance(made, Path) else path
        assert format_of(made).reads_slices
        assert csc.load(made, slice=1).shape[0] == 1
        with pytest.raises(csc.CscError, match="NaN"):
            csc.load(made, slice=0)

    return check


def damaged(make: Make) -> Check:
    def check(path: Path) -> None:
        made = make(path)
        made = made if isinstance(made, Path) else path
        content = made.read_bytes()
        made.write_bytes(content[: len(content) * 2 // 3])
        told(made)

    return check


def both(first: Check, second: Check) -> Check:
    def check(path: Path) -> None:
        first(path)
        second(path)

    return check


def of(name: str) -> Make:
    return small_files.WRITERS[name][1]


def choice(make: Make, key: str) -> Check:
    return loaded(make, lambda found: found.metadata["key"] == key, key=key)


def without_first(kspace: Any) -> Any:
    return np.concatenate([np.full_like(kspace[:1], np.nan), kspace[1:]])


# --------------------------------------------------------------- files


def readouts(kspace: Any, xml: str = ISMRMRD, more: Any = (), **entries: Any) -> Make:
    kspace = kspace if kspace.ndim == 4 else kspace[:, None]
    return lambda path: write_readouts(path, xml, [*lines(kspace, **entries), *more])


def averages(path: Path) -> None:
    noisy = [KSPACE + 0.01 * DRAW.normal(size=KSPACE.shape) for _ in range(2)]
    each = [lines(one[:, None].astype(np.complex64), average=n) for n, one in enumerate(noisy)]
    write_readouts(path, ISMRMRD, each[0] + each[1])


def placed(path: Path) -> None:
    axes = {"read_dir": (1, 0, 0), "phase_dir": (0, 1, 0), "slice_dir": (0, 0, 1)}
    each = [
        one
        for number, plane in enumerate(KSPACE)
        for one in lines(plane[None, None], position=(0, 0, 5 * number), **axes)
    ]
    for number, one in enumerate(each):
        one.idx.slice = number // ROWS
    write_readouts(path, ISMRMRD, each)


def radial(path: Path) -> None:
    positions = test_ismrmrd.spokes(20, 16)
    samples = np.ones((1, 1, 20, 16), np.complex64)
    xml = header(encoding((16, 16, 1), trajectory="radial"))
    write_readouts(path, xml, test_ismrmrd.along(samples, positions))


def ismrmrd_images(*series: Any, **entries: Any) -> Make:
    def make(path: Path) -> None:
        each = [
            test_ismrmrd_images.image(one[None] if one.ndim == 2 else one, n, contrast=c, **entries)
            for c, images in enumerate(series)
            for n, one in enumerate(images)
        ]
        test_ismrmrd_images.save(path, *each)

    return make


def fastmri(kspace: Any, matrix: tuple[int, int] = (ROWS, ROWS), **arrays: Any) -> Make:
    encoded, kept = matrix
    spaces = (
        (encoded, COLUMNS, 1),
        (kept, COLUMNS, 1),
        (10.0 * encoded, 100, 5),
        (10.0 * kept, 100, 5),
    )
    return lambda path: test_fastmri.write(path, kspace, header(encoding(*spaces)), **arrays)


def m4raw(kspace: Any) -> Make:
    return lambda path: test_fastmri.write(path, kspace, test_fastmri.M4RAW)


def repetitions(path: Path) -> Path:
    test_fastmri.repetitions(path.parent, KSPACE[:, None], 0.01, 2)
    return path.parent / "2022061003_T101.h5"


def bart(array: Any, axes: str = "slice,y,x") -> Make:
    return lambda path: test_bart.write(path, array, axes)


REPEATED = np.stack([KSPACE, KSPACE * 1.01])


def nifti(volume: Any) -> Make:
    turned = np.moveaxis(volume, (-3, -2, -1), (2, 1, 0))
    return lambda path: nibabel.save(nibabel.Nifti1Image(turned, AFFINE), path)


def nrrd(data: Any, **fields: Any) -> Make:
    return lambda path: test_nrrd.write(path, data, **fields)


PLACED = {"space": "left-posterior-superior", "space_directions": np.diag([1.0, 1.5, 5.0])}
PAIRS = np.stack([IMAGES.real, IMAGES.imag]).transpose(0, 3, 2, 1).astype(np.float32)
NO_DIRECTION = np.full((1, 3), np.nan)
MANY = np.stack([NUMBERS.T, 2 * NUMBERS.T])


def dicom(path: Path) -> Path:
    return test_dicom.series(path.parent / "series", NUMBERS)


def dicom_parts(path: Path) -> Path:
    folder, scaled = path.parent / "series", 1000 * IMAGES
    for prefix, kind, part in (("r", "R", scaled.real), ("i", "IMAGINARY", scaled.imag)):
        types = ["ORIGINAL", "PRIMARY", kind]
        test_dicom.series(folder, part.astype(np.int16), prefix=prefix, ImageType=types)
    return folder


def two_series(path: Path) -> Path:
    folder = dicom(path)
    return test_dicom.series(folder, NUMBERS, prefix="b", uid="1.9", SeriesNumber=7)


def cut_dicom(path: Path) -> None:
    made = sorted(dicom(path).iterdir())[0]
    made.write_bytes(made.read_bytes()[:-100])
    told(made)


def own(scan: Any = None) -> Make:
    return lambda path: save_acquisition(scan or small_files.acquisition(), path, overwrite=True)


def own_noise_scan(path: Path) -> None:
    save_acquisition(csc.Acquisition.from_kspace(COILS), path)
    with h5py.File(path, "r+") as file:
        file["noise_scan"] = NOISE


def own_radial(path: Path) -> None:
    positions = test_ismrmrd.spokes(20, 16)[..., ::-1] * 16
    scan = NonCartesianAcquisition.from_trajectory(
        torch.ones(1, 1, 20, 16, dtype=torch.complex64), positions, (16, 16)
    )
    save_acquisition(scan, path)


def arrays(write: Callable[[Path, dict[str, Any]], object], one: Any) -> Make:
    return lambda path: write(path, {"kspace": one})


def of_arrays(write: Callable[[Path, dict[str, Any]], object], stack: str) -> dict[str, Any]:
    """Return the row of a format of bare arrays, whose slices stand first or last."""

    def turned(one: Any) -> Any:
        return one if stack == "first" else np.moveaxis(one, 0, -1)

    coils = "slice,coil,y,x" if stack == "first" else "coil,y,x,slice"
    repeats = "repeat,slice,y,x" if stack == "first" else "slice,y,x,repeat"
    make = partial(arrays, write)
    return {
        "content": (
            "both",
            both(
                loaded(make(turned(KSPACE)), is_kind("k-space")),
                loaded(make(turned(np.abs(IMAGES))), is_kind("image")),
            ),
        ),
        "coils": ("yes", loaded(make(turned(COILS)), n_coils, axes=coils)),
        "slices": ("yes", loaded(make(turned(KSPACE)), n_slices)),
        "repeats": ("averaged", loaded(make(turned(REPEATED)), is_averaged, axes=repeats)),
        "not all sampled": ("zeros", loaded(make(turned(PARTIAL)), is_partial)),
        "complex": ("yes", loaded(make(turned(KSPACE)), is_complex)),
        "choices by key": (
            "name",
            choice(lambda path: write(path, {"one": KSPACE, "two": KSPACE}), "two"),
        ),
        "damage told": ("yes", damaged(make(turned(KSPACE)))),
    }
