"""fastMRI and M4Raw files: HDF5 with one k-space array, laid out like the true ones."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from damage import mutations, survives, told, without_parts
from ismrmrd_scans import Array, encoding, header, kspace_of, oversampled
from systems import peak_bytes

import napari_csc as csc
from napari_csc.core.kspace.coils import birdcage_maps
from napari_csc.io import napari_reader

HEIGHT, WIDTH = 48, 40
# Along (x, y, z) of the scanner: its x is the readout, which runs along y of the array.
PLAIN = header(encoding((HEIGHT, WIDTH, 1), fov=(240.0, 160.0, 5.0)))
OVERSAMPLED = header(
    encoding((2 * HEIGHT, WIDTH, 1), (HEIGHT, WIDTH, 1), (480, 160, 5), (240, 160, 5))
)
M4RAW = """<ns0:ismrmrdHeader xmlns:ns0="http://www.ismrm.org/ISMRMRD">
  <ns0:measurementInformation><ns0:protocolName>T1_SE_5mm_TRS</ns0:protocolName>
  </ns0:measurementInformation>
  <ns0:acquisitionSystemInformation><ns0:systemVendor>XinGaoYi</ns0:systemVendor>
  <ns0:systemModel>XGY OPER-0.3</ns0:systemModel></ns0:acquisitionSystemInformation>
  <ns0:encoding><ns0:echoTrainLength>1</ns0:echoTrainLength></ns0:encoding>
  <ns0:sequenceParameters><ns0:TR>500.0</ns0:TR><ns0:TE>18.4</ns0:TE><ns0:TI>0.0</ns0:TI>
  <ns0:flipAngle_deg>180.0</ns0:flipAngle_deg><ns0:sequence_type>SpinEcho_TRA</ns0:sequence_type>
  <ns0:echo_spacing>8.9ms</ns0:echo_spacing></ns0:sequenceParameters></ns0:ismrmrdHeader>"""


@pytest.fixture(scope="module")
def images(head_image: torch.Tensor) -> torch.Tensor:
    """Three different slices (slice, y, x) without symmetry."""
    return torch.stack([head_image[0], 0.5j * head_image[1].flip(0), head_image[1]])


@pytest.fixture(scope="module")
def maps() -> torch.Tensor:
    return birdcage_maps(4, (HEIGHT, WIDTH))


def write(path: Path, kspace: Array, xml: str | None = PLAIN, **arrays: Any) -> Path:
    """Write a file; arrays of names with ``attr_`` are attributes."""
    with h5py.File(path, "w") as file:
        file["kspace"] = kspace.astype(np.complex64)
        if xml is not None:
            file["ismrmrd_header"] = xml
        file.attrs["acquisition"] = "AXT2"
        for name, value in arrays.items():
            if name.startswith("attr_"):
                file.attrs[name.removeprefix("attr_")] = value
            else:
                file[name] = value
    return path


def rss(images: torch.Tensor) -> Array:
    """Return the reconstruction that comes with a file."""
    found: Array = images.abs().numpy().astype(np.float32)
    return found


def same(acquisition: csc.Acquisition, images: torch.Tensor, tolerance: float = 1e-4) -> None:
    torch.testing.assert_close(acquisition.adjoint(), images, atol=tolerance, rtol=0)


# --------------------------------------------------------------- fastMRI


def test_single_coil(tmp_path: Path, images: torch.Tensor) -> None:
    path = write(tmp_path / "a.h5", kspace_of(images), reconstruction_esc=rss(images))
    acquisition = csc.load(path)
    same(acquisition, images)
    assert acquisition.spacing == (5.0, 5.0, 4.0)
    assert acquisition.unit == "mm"
    assert bool(acquisition.mask.all())
    # The same measurement is no truth to compare with.
    assert acquisition.reference is None
    metadata = acquisition.metadata
    assert (metadata["format"], metadata["kind"]) == ("fastMRI", "k-space")
    assert metadata["path"] == str(path)
    assert metadata["reconstruction"] == "reconstruction_esc, 3 x 48 x 40"
    assert metadata["header"]["Acquisition"] == "AXT2"
    assert metadata["header"]["TE"] == "10, 90 ms"
    assert metadata["header"]["Encoded matrix"] == "48 × 40 × 1"
    assert metadata["header"]["Field strength"] == "0.3 T"


def test_several_coils(tmp_path: Path, images: torch.Tensor, maps: torch.Tensor) -> None:
    coils = kspace_of(images[:, None] * maps)
    path = write(tmp_path / "a.h5", coils, reconstruction_rss=rss(images))
    same(csc.load(path, coil_maps=maps), images)
    np.testing.assert_array_equal(csc.load(path, coil=1).kspace[:, 0].numpy(), coils[:, 1])
    assert csc.load(path, coil=1).metadata["coil"] == 1
    assert csc.load(path, slice=0).n_coils == 4
    assert "Coil 4 does not exist" in told(path, coil=4)


def test_only_the_slices_asked_for_are_read(
    tmp_path: Path, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.h5", kspace_of(images))
    read: list[Any] = []
    plain = h5py.Dataset.__getitem__

    def watched(self: h5py.Dataset, index: Any, *rest: Any) -> Any:
        if self.name == "/kspace":
            read.append(index)
        return plain(self, index, *rest)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", watched)
    same(csc.load(path, slice=[2, 0]), images[[2, 0]])
    assert read == [2, 0]
    same(csc.load(path, slice=-1), images[2:])
    assert "Slice 3 does not exist" in told(path, slice=3)


def test_readout_oversampling_is_removed(tmp_path: Path, images: torch.Tensor) -> None:
    wide = oversampled(images.transpose(1, 2)).transpose(1, 2)
    path = write(tmp_path / "a.h5", kspace_of(wide), OVERSAMPLED)
    acquisition = csc.load(path)
    same(acquisition, images)
    assert acquisition.spacing == (5.0, 5.0, 4.0)
    assert "96 to 48" in acquisition.metadata["oversampling"]


def test_a_mask_leaves_columns_out(tmp_path: Path, images: torch.Tensor) -> None:
    columns = np.arange(WIDTH) % 3 > 0
    data = kspace_of(images) * columns
    acquisition = csc.load(write(tmp_path / "a.h5", data, mask=columns))
    assert torch.equal(acquisition.mask, torch.from_numpy(columns).expand(HEIGHT, -1))
    np.testing.assert_array_equal(acquisition.kspace[:, 0].numpy(), data.astype(np.complex64))
    # A mask over k-space that is whole counts, too.
    whole = csc.load(write(tmp_path / "b.h5", kspace_of(images), mask=columns.astype(np.float32)))
    assert torch.equal(whole.mask, acquisition.mask)
    assert torch.equal(whole.kspace, acquisition.kspace)


def test_padded_columns_do_not_count(tmp_path: Path, images: torch.Tensor) -> None:
    data = kspace_of(images)
    data[..., :5] = 0
    data[..., 36:] = 0
    sides = {"attr_padding_left": 5, "attr_padding_right": 36}
    mask = np.ones(WIDTH)
    for path in (
        write(tmp_path / "a.h5", data, **sides, mask=mask),
        write(tmp_path / "b.h5", data, mask=mask),
        write(tmp_path / "c.h5", kspace_of(images), **sides, mask=mask),
    ):
        found = csc.load(path).mask
        assert not found[:, :5].any()
        assert not found[:, 36:].any()
        assert bool(found[:, 5:36].all())
    assert bool(csc.load(path, mask="all").mask.all())


def test_a_part_of_k_space_has_the_reconstruction_as_reference(
    tmp_path: Path, images: torch.Tensor
) -> None:
    data = kspace_of(images)
    data[..., :4] = 0
    path = write(tmp_path / "a.h5", data, reconstruction_rss=rss(images))
    mask = np.zeros((HEIGHT, WIDTH))
    mask[:, ::2] = 1
    for part in (
        csc.load(path, mask=mask, slice=[2, 1]),
        csc.load(path, acquired=(30, 20), slice=[2, 1]),
    ):
        assert part.reference is not None
        torch.testing.assert_close(part.reference.abs(), images[[2, 1]].abs())
    assert not csc.load(path, mask=mask).mask[:, :4].any(), "zeros were not measured"
    cropped = write(tmp_path / "b.h5", data, reconstruction_rss=rss(images)[:, 4:-4])
    found = csc.load(cropped, mask=mask)
    assert found.reference is None
    assert found.metadata["reconstruction"] == "reconstruction_rss, 3 x 40 x 40"


def test_without_or_with_a_damaged_header(tmp_path: Path, images: torch.Tensor) -> None:
    path = write(tmp_path / "a.h5", kspace_of(images), None, reconstruction_rss=rss(images))
    acquisition = csc.load(path)
    same(acquisition, images)
    assert (acquisition.spacing, acquisition.unit) == ((1.0, 1.0, 1.0), "pixel")
    assert acquisition.metadata["header"] == {"Acquisition": "AXT2", "Coils": "1"}
    for xml in ("no xml", PLAIN[:-30], PLAIN.replace("<x>48</x>", "<x>-48</x>")):
        same(csc.load(write(tmp_path / "b.h5", kspace_of(images), xml)), images)


def test_file_open_takes_both(tmp_path: Path, images: torch.Tensor) -> None:
    for name, xml in (("a.h5", PLAIN), ("b.h5", M4RAW)):
        path = write(tmp_path / name, kspace_of(images), xml)
        assert napari_reader.get_reader(str(path)) is napari_reader.read
        ((data, _, _),) = napari_reader.read(str(path))
        np.testing.assert_allclose(data, images.abs().numpy(), atol=1e-4)


def test_options_that_do_not_fit(tmp_path: Path, images: torch.Tensor) -> None:
    path = write(tmp_path / "a.h5", kspace_of(images))
    assert "key" in told(path, key="kspace")
    assert "axes" in told(path, axes="slice,y,x")
    assert "no image" in told(path, kind="image")


# --------------------------------------------------------------- M4Raw


def repetitions(folder: Path, data: Array, level: float, count: int = 3) -> list[Array]:
    rng = np.random.default_rng(0)
    each = []
    for number in range(1, count + 1):
        pairs = rng.normal(size=(2, *data.shape)) * level / np.sqrt(2)
        noisy = (data + (pairs[0] + 1j * pairs[1]) * (data != 0)).astype(np.complex64)
        write(folder / f"2022061003_T1{number:02}.h5", noisy, M4RAW)
        each.append(noisy)
    return each


def test_one_repetition(tmp_path: Path, images: torch.Tensor, maps: torch.Tensor) -> None:
    data = kspace_of(images[:, None] * maps)
    data[..., :6] = 0
    each = repetitions(tmp_path, data, 0.1)
    write(tmp_path / "2022061003_T201.h5", data, M4RAW)
    write(tmp_path / "2022061004_T101.h5", data, M4RAW)
    (tmp_path / "notes_T101.txt").write_text("text")
    acquisition = csc.load(tmp_path / "2022061003_T102.h5", coil_maps=maps)
    np.testing.assert_array_equal(acquisition.kspace.numpy(), each[1])
    assert not acquisition.mask[:, :6].any()
    assert bool(acquisition.mask[:, 6:].all())
    metadata = acquisition.metadata
    assert metadata["format"] == "M4Raw"
    assert metadata["repetitions"] == ", ".join(f"2022061003_T10{one}.h5" for one in (1, 2, 3))
    assert metadata["header"] == {
        "Acquisition": "AXT2",
        "Protocol": "T1_SE_5mm_TRS",
        "Sequence": "SpinEcho_TRA",
        "TE": "18.4 ms",
        "TR": "500 ms",
        "Flip angle": "180°",
        "Echo spacing": "8.9 ms",
        "Echo train length": "1",
        "Scanner": "XinGaoYi XGY OPER-0.3",
        "Field strength": "0.3 T",
        "Coils": "4",
    }
    assert acquisition.unit == "pixel"


def test_the_mean_of_repetitions(tmp_path: Path, images: torch.Tensor) -> None:
    each = repetitions(tmp_path, kspace_of(images)[:, None], 0.3)
    path = tmp_path / "2022061003_T102.h5"
    mean = csc.load(path, key="average")
    np.testing.assert_allclose(mean.kspace.numpy(), np.mean(each, axis=0), atol=1e-5)
    assert mean.metadata["repeats_averaged"] == 3
    assert mean.noise_std == pytest.approx(0.3 / 3**0.5, rel=0.05)
    assert "differences" in mean.metadata["noise"]
    one = csc.load(path, key="average", slice=1)
    np.testing.assert_allclose(one.kspace.numpy(), np.mean(each, axis=0)[1:2], atol=1e-5)
    assert csc.load(path, key="average", noise_std=2.0).noise_std == 2.0
    assert "'average'" in told(path, key="second")


def test_repetitions_that_do_not_fit(tmp_path: Path, images: torch.Tensor) -> None:
    data = kspace_of(images)[:, None]
    first = write(tmp_path / "1_GRE01.h5", data, M4RAW)
    assert "no other repetitions" in told(first, key="average")
    write(tmp_path / "1_GRE02.h5", data[:2], M4RAW)
    assert "1_GRE02.h5 has the shape" in told(first, key="average")
    (tmp_path / "1_GRE02.h5").write_text("text")
    assert "1_GRE02.h5" in told(first, key="average")
    lone = write(tmp_path / "scan.h5", data, M4RAW)
    assert "repetitions" not in csc.load(lone).metadata
    assert "no other repetitions" in told(lone, key="average")


def test_spacing_of_the_publication(tmp_path: Path) -> None:
    image = torch.zeros(1, 256, 256)
    image[:, 60:200, 80:170] = 1
    acquisition = csc.load(write(tmp_path / "a.h5", kspace_of(image)[:, None], M4RAW))
    assert acquisition.spacing == (5.0, 0.9375, 0.9375)
    assert "publication" in acquisition.metadata["spacing_source"]
    same(acquisition, image.to(torch.complex64))


# --------------------------------------------------------------- bad input


def test_arrays_that_cannot_be_used(tmp_path: Path, images: torch.Tensor) -> None:
    data = kspace_of(images)
    path = tmp_path / "a.h5"
    nan = data.copy()
    nan[0, 3, 4] = np.nan
    for array, word in ((nan, "NaN"), (0 * data, "all zeros"), (data[0], "shape")):
        assert word in told(write(path, array))
    assert "mask" in told(write(path, data, mask=np.ones(7)))
    assert "No column" in told(write(path, data, mask=np.zeros(WIDTH)))
    assert "at least 8 x 8" in told(write(path, data[:, :4]))
    with h5py.File(path, "w") as file:
        file["kspace"], file["mask"] = np.abs(data), np.ones(WIDTH)
    assert "complex" in told(path)
    with h5py.File(path, "w") as file:
        file["mask"], file["ismrmrd_header"] = np.ones(WIDTH), PLAIN
    assert "another program" in told(path)
    with h5py.File(path, "w") as file:
        file["mask"], file["kspace/a"] = np.ones(WIDTH), data
    assert "no data set" in told(path)


def test_absurd_sizes(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    for shape, word in (((10**5, 10**5, 10**3), "GiB"), ((10, 4000, 4000), "more than the file")):
        with h5py.File(path, "w") as file:
            file.create_dataset("kspace", shape, np.complex64, chunks=(1, 10, 10))
            file["mask"] = np.ones(shape[2])
        assert word in told(path)


def test_links_do_not_lead_out(tmp_path: Path, images: torch.Tensor) -> None:
    write(tmp_path / "other.h5", kspace_of(images))
    for name, link in (
        ("kspace", h5py.ExternalLink("other.h5", "/kspace")),
        ("kspace", h5py.SoftLink("/nowhere")),
        ("ismrmrd_header", h5py.ExternalLink("other.h5", "/ismrmrd_header")),
    ):
        path = write(tmp_path / "a.h5", kspace_of(images))
        with h5py.File(path, "r+") as file:
            del file[name]
            file[name] = link
        assert "is a link" in told(path)
    layout = h5py.VirtualLayout((3, HEIGHT, WIDTH), np.complex64)
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "kspace", (3, HEIGHT, WIDTH))
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file.create_virtual_dataset("kspace", layout)
        file["ismrmrd_header"] = PLAIN
    assert "stands outside" in told(tmp_path / "v.h5")
    with h5py.File(tmp_path / "r.h5", "w") as file:
        file["ismrmrd_header"] = PLAIN
        file["kspace"] = np.array([file.ref], dtype=h5py.ref_dtype)
    assert "complex" in told(tmp_path / "r.h5")


def test_attributes_of_other_types_are_left_out(tmp_path: Path, images: torch.Tensor) -> None:
    path = write(tmp_path / "a.h5", kspace_of(images))
    with h5py.File(path, "r+") as file:
        del file.attrs["acquisition"]
        file.attrs.create("acquisition", np.ones(3), dtype=np.float64)
        file.attrs["padding_left"] = "five"
        file.attrs["padding_right"] = file.ref
    acquisition = csc.load(path)
    assert "Acquisition" not in acquisition.metadata["header"]
    assert bool(acquisition.mask.all())


def test_a_damaged_type_of_an_attribute(tmp_path: Path, images: torch.Tensor) -> None:
    """Read as it says, it makes the HDF5 library crash."""
    path = write(tmp_path / "a.h5", kspace_of(images))
    content = bytearray(path.read_bytes())
    text_of_any_length = bytes([0x19, 0x01, 0x01, 0x00])
    place = content.index(text_of_any_length, content.index(b"acquisition\0"))
    content[place + 1] = 223
    path.write_bytes(bytes(content))
    assert "Acquisition" not in csc.load(path).metadata["header"]


@pytest.mark.parametrize("xml", [PLAIN, M4RAW])
def test_damage(tmp_path: Path, images: torch.Tensor, xml: str) -> None:
    """Whatever is changed: an acquisition or one sentence, in bounded memory."""
    sides = {"attr_padding_left": 2, "attr_padding_right": 38}
    whole = write(
        tmp_path / "whole.h5",
        kspace_of(images[:1])[:, None],
        xml,
        mask=np.ones(WIDTH),
        reconstruction_rss=rss(images[:1]),
        **sides,
    )
    content, path = whole.read_bytes(), tmp_path / "a.h5"
    before = peak_bytes()
    assert survives(whole)
    for data in mutations(content, 150, seed=1):
        path.write_bytes(data)
        survives(path)
    for remove in without_parts(whole):
        path.write_bytes(content)
        remove(path)
        survives(path)
    assert peak_bytes() - before < 2 * 2**30
