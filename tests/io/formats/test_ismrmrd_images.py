"""Images in ISMRMRD files: those of other programs, choices, damage."""

from pathlib import Path
from typing import Any

import h5py
import ismrmrd
import numpy as np
from damage import check_scattered, survives, told, without_parts
from ismrmrd_scans import encoding, header, lines, write
from numpy.testing import assert_allclose

import napari_csc as csc

RNG = np.random.default_rng(0)
IMAGES = (RNG.normal(size=(2, 3, 24, 20)) + 1j).astype(np.complex64)
DIRECTIONS = {"read_dir": (1, 0, 0), "phase_dir": (0, 1, 0), "slice_dir": (0, 0, 1)}


def image(values: Any, number: int = 0, **entries: Any) -> ismrmrd.Image:
    place = {"field_of_view": (40.0, 48.0, 4.0), "position": (1.0, 2.0, 6.0 * number)}
    return ismrmrd.Image.from_array(values, **{"slice": number, **place, **DIRECTIONS, **entries})


def save(path: Path, *images: ismrmrd.Image, name: str = "image_0") -> Path:
    with ismrmrd.Dataset(str(path), "dataset") as dataset:
        dataset.write_xml_header(header(encoding((20, 24, 1))).encode())
        for one in images:
            dataset.append_image(name, one)
    return path


def test_slices_by_place_and_choices(tmp_path: Path) -> None:
    # Slice numbers that do not follow the place: 0, 2, 1 from below.
    entries = [
        image(IMAGES[contrast, place], number, contrast=contrast, position=(1, 2, 6 * place))
        for contrast in (0, 1)
        for place, number in enumerate((0, 2, 1))
    ]
    path = save(tmp_path / "a.h5", *entries)
    first = csc.load(path)
    assert_allclose(first.adjoint(), IMAGES[0], atol=1e-5)
    assert first.metadata["choices"] == "contrast 0 of 0, 1"
    assert first.spacing == (6, 2, 2)
    assert first.metadata["kind"] == "image"
    # Position is that of the pixel n // 2, left and posterior are positive there.
    place = np.asarray(first.metadata["affine"]) @ [1, 12, 10, 1]
    assert_allclose(place[:3], [-1, -2, 6])
    second = csc.load(path, key="contrast=1", slice=[2])
    assert_allclose(second.adjoint()[0], IMAGES[1, 2], atol=1e-5)
    assert "no images of contrast 2" in told(path, key="contrast=2")
    assert "cannot be used" in told(path, key="echo=2")
    assert "leave kind and axes out" in told(path, kind="k-space")
    assert "leave kind and axes out" in told(path, axes="y,x")


def test_a_volume_in_one_entry(tmp_path: Path) -> None:
    entry = image(IMAGES[0].real.copy(), field_of_view=(40, 48, 12), position=(0, 0, 0))
    back = csc.load(save(tmp_path / "a.mrd", entry))
    assert_allclose(back.adjoint().real, IMAGES[0].real, atol=1e-5)
    assert back.spacing == (4, 2, 2)
    assert_allclose(np.asarray(back.metadata["affine"]) @ [1, 12, 10, 1], [0, 0, 0, 1])


def test_several_groups_of_images(tmp_path: Path) -> None:
    path = save(tmp_path / "a.h5", image(IMAGES[0, 0]))
    save(path, image(np.abs(IMAGES[1, 0]), image_type=1), name="image_1")
    assert "images image_0 of image_0, image_1" in csc.load(path).metadata["choices"]
    back = csc.load(path, key="images=image_1")
    assert_allclose(back.adjoint().abs()[0], np.abs(IMAGES[1, 0]), atol=1e-5)
    assert back.metadata["header"]["Image"] == "magnitude"
    assert "no images 'image_7'" in told(path, key="images=image_7")


def test_coils_and_doubles(tmp_path: Path) -> None:
    coils = save(tmp_path / "coils.h5", image(IMAGES[:, None, 0]))
    assert "2 coils" in told(coils)
    assert_allclose(csc.load(coils, coil=1).adjoint()[0], IMAGES[1, 0], atol=1e-5)
    doubled = save(tmp_path / "two.h5", image(IMAGES[0, 0]), image(IMAGES[0, 1]))
    assert "nothing tells apart" in told(doubled)


def test_raw_data_come_first(tmp_path: Path) -> None:
    kspace = np.ones((1, 1, 24, 20), np.complex64)
    kspace[..., 12, 10] = 50
    path = write(tmp_path / "both.h5", header(encoding((20, 24, 1))), lines(kspace))
    assert "holds k-space and no image" in told(path, kind="image")
    with ismrmrd.Dataset(str(path), "dataset") as dataset:
        dataset.append_image("image_0", image(IMAGES[0, 0]))
    assert csc.load(path).metadata["kind"] == "k-space"
    assert_allclose(csc.load(path, kind="image").adjoint()[0], IMAGES[0, 0], atol=1e-5)


def test_damage(tmp_path: Path) -> None:
    path = save(tmp_path / "a.h5", *(image(IMAGES[0, n], n) for n in range(3)))
    for number, remove in enumerate(without_parts(path)):
        copy = tmp_path / f"{number}.h5"
        copy.write_bytes(path.read_bytes())
        remove(copy)
        survives(copy)
    with h5py.File(path, "r+") as file:
        file["dataset/image_0/data"][1, 0, 0, 3, 4] = np.array(
            (np.nan, 0), file["dataset/image_0/data"].dtype
        )
    assert "NaN" in told(path)
    check_scattered(save(tmp_path / "b.h5", image(IMAGES[0, 0])), 8, 4096)
