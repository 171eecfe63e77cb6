"""What other programs find in the files we write, by the libraries they are made with."""

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from exported_results import SPACING, VIEWS, held, oblique, reconstructed, scan
from numpy.testing import assert_allclose, assert_array_equal

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.io.export import export

TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def acquisition() -> Acquisition:
    return scan(affine=oblique())


@pytest.fixture(scope="module")
def result(acquisition: Acquisition) -> Reconstruction:
    return reconstructed(acquisition)


def test_nifti(result: Reconstruction, tmp_path: Path) -> None:
    image = nibabel.load(export(result, tmp_path / "a.nii.gz", "complex")[0])
    assert_allclose(image.affine, oblique()[:, [2, 1, 0, 3]], atol=1e-5)
    assert_allclose(image.get_qform(), image.get_sform(), atol=1e-4)
    assert_array_equal(np.asanyarray(image.dataobj), result.image.numpy().transpose(2, 1, 0))


def test_nrrd(result: Reconstruction, tmp_path: Path) -> None:
    import nrrd

    data, header = nrrd.read(str(export(result, tmp_path / "a.nrrd", "magnitude")[0]))
    assert_allclose(data, np.abs(result.image.numpy()).transpose(2, 1, 0), rtol=1e-6)
    assert header["space"] == "right-anterior-superior"
    assert_allclose(header["space directions"], oblique()[:3, [2, 1, 0]].T)
    assert_allclose(header["space origin"], oblique()[:3, 3])

    data, header = nrrd.read(str(export(result, tmp_path / "b.nrrd", "complex")[0]))
    assert header["kinds"] == ["complex", "domain", "domain", "domain"]
    assert_array_equal(data[0] + 1j * data[1], result.image.numpy().transpose(2, 1, 0))
    assert np.isnan(header["space directions"][0]).all()

    data, header = nrrd.read(str(export(result, tmp_path / "c.nrrd", "maps")[0]))
    assert header["kinds"] == ["domain", "domain", "domain", "list"]
    assert data.shape == (40, 48, 3, 4)
    _, header = nrrd.read(str(export(scan(), tmp_path / "d.nrrd")[0]))
    assert_allclose(header["spacings"], SPACING[::-1])
    assert "space" not in header


@pytest.mark.parametrize("kind", ["magnitude", "phase", "real", "imaginary"])
def test_dicom_values_and_place(result: Reconstruction, tmp_path: Path, kind: str) -> None:
    from pydicom import dcmread
    from pydicom.pixels import apply_rescale

    (folder,) = export(result, tmp_path / "series", kind)
    files = sorted(folder.iterdir())
    assert [one.name for one in files] == ["001-0001.dcm", "001-0002.dcm", "001-0003.dcm"]
    expected = VIEWS[kind](result.image.numpy())
    affine = TO_LPS @ oblique()
    for number, dataset in enumerate(map(dcmread, files)):
        values = apply_rescale(dataset.pixel_array, dataset)
        step = float(dataset.RescaleSlope)
        difference = values - expected[number]
        if kind == "phase":  # half a turn is minus half a turn
            difference = np.angle(np.exp(1j * difference))
        assert np.abs(difference).max() <= 0.51 * step
        assert dataset.PixelSpacing == [1.5, 1.25]
        assert dataset.SpacingBetweenSlices == 5
        # The standard's own equation (C.7.6.2.1-1): columns first.
        x, y = np.split(np.array(dataset.ImageOrientationPatient, float), 2)
        place = np.array(dataset.ImagePositionPatient, float) + x * 1.25 * 7 + y * 1.5 * 11
        assert_allclose(place, (affine @ [number, 11, 7, 1])[:3], atol=1e-6)
        low = float(dataset.WindowCenter) - float(dataset.WindowWidth) / 2
        assert abs(low - {"magnitude": 0, "phase": -np.pi}.get(kind, low)) < 1e-6


def test_dicom_says_what_it_is_and_not_who(result: Reconstruction, tmp_path: Path) -> None:
    from pydicom import dcmread

    export(result, tmp_path / "a")
    export(result, tmp_path / "b")
    datasets = [dcmread(one) for name in "ab" for one in sorted((tmp_path / name).iterdir())]
    for dataset in datasets:
        assert dataset.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"  # secondary capture
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
        assert list(dataset.ImageType[:2]) == ["DERIVED", "SECONDARY"]
        assert dataset.PhotometricInterpretation == "MONOCHROME2"
        assert (dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit) == (16, 16, 15)
        for text in (dataset.SeriesDescription, dataset.DerivationDescription):
            assert "not for diagnostic use" in text
        assert len(dataset.SeriesDescription) <= 64
        # Type 2: there, and empty.
        for keyword in (
            *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
            *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
        ):
            assert keyword in dataset
            assert not dataset.get(keyword)
        # Type 1: there, and not empty.
        for keyword in ("Modality", "ConversionType", "StudyInstanceUID", "SeriesInstanceUID"):
            assert dataset.get(keyword)
        assert dataset.PatientOrientation[0] in "LRAPHF"
    for keyword, count in (
        ("SOPInstanceUID", 6),
        ("SeriesInstanceUID", 2),
        ("StudyInstanceUID", 2),
        ("FrameOfReferenceUID", 2),
    ):
        assert len({dataset.get(keyword) for dataset in datasets}) == count
    assert [dataset.InstanceNumber for dataset in datasets] == [1, 2, 3, 1, 2, 3]


def test_dicom_pairs_and_maps_are_series_of_their_own(
    result: Reconstruction, tmp_path: Path
) -> None:
    from pydicom import dcmread

    for kind, names in (
        ("complex", ["real", "imaginary"]),
        ("maps", [f"map of filter {number}" for number in range(4)]),
    ):
        export(result, tmp_path / kind, kind)
        datasets = [dcmread(one) for one in sorted((tmp_path / kind).iterdir())]
        assert len(datasets) == 3 * len(names)
        assert len({one.SeriesInstanceUID for one in datasets}) == len(names)
        assert len({one.StudyInstanceUID for one in datasets}) == 1
        for dataset in datasets:
            assert names[dataset.SeriesNumber - 1] in dataset.SeriesDescription


def test_dicom_of_values_far_below_one(result: Reconstruction, tmp_path: Path) -> None:
    from pydicom import dcmread
    from pydicom.pixels import apply_rescale

    dark = replace(result, image=1e-9 * result.image)
    (path,) = export(dark, tmp_path / "dark.dcm", slices=[1])
    dataset = dcmread(path)
    values = apply_rescale(dataset.pixel_array, dataset)
    assert_allclose(values, dark.image[1].abs(), atol=0.51 * float(dataset.RescaleSlope))
    assert len(str(dataset.RescaleSlope)) <= 16
    assert dataset.VOILUTFunction == "LINEAR_EXACT"
    nothing = replace(result, image=0 * result.image)
    (path,) = export(nothing, tmp_path / "nothing.dcm", slices=[1])
    assert not dcmread(path).pixel_array.any()


def test_ismrmrd(result: Reconstruction, tmp_path: Path) -> None:
    import ismrmrd

    (path,) = export(result, tmp_path / "a.mrd")
    affine = TO_LPS @ oblique()
    with ismrmrd.Dataset(str(path), "dataset", mode="r") as dataset:
        assert dataset.number_of_images("image_0") == 3
        header = ismrmrd.xsd.CreateFromDocument(dataset.read_xml_header())
        assert header.encoding[0].encodedSpace.matrixSize.x == 40
        for number in range(3):
            image = dataset.read_image("image_0", number)
            assert_array_equal(image.data[0, 0], result.image[number].numpy())
            assert (image.image_type, image.slice, image.image_index) == (5, number, number + 1)
            assert_allclose(image.field_of_view, [50, 72, 5])
            assert tuple(image.matrix_size) == (40, 48, 1)
            assert_allclose(image.position, (affine @ [number, 24, 20, 1])[:3], rtol=1e-5)
            assert_allclose(image.read_dir, affine[:3, 2] / 1.25, atol=1e-6)
            assert_allclose(image.phase_dir, affine[:3, 1] / 1.5, atol=1e-6)
            assert_allclose(image.slice_dir, affine[:3, 0] / 5, atol=1e-6)
            assert "not for diagnostic use" in image.meta["ImageComment"]


@pytest.mark.parametrize("kind", ["magnitude", "maps"])
def test_tiff(result: Reconstruction, tmp_path: Path, kind: str) -> None:
    import tifffile

    (path,) = export(result, tmp_path / "a.tif", kind)
    with tifffile.TiffFile(path) as file:
        assert file.is_imagej
        assert file.imagej_metadata["spacing"] == 5
        assert file.imagej_metadata["unit"] == "mm"
        assert "not for diagnostic use" in file.imagej_metadata["Info"]
        (series,) = file.series
        assert series.axes == ("ZCYX" if kind == "maps" else "ZYX")
        x, y = (file.pages[0].tags[f"{axis}Resolution"].value for axis in "XY")
        assert_allclose([x[1] / x[0], y[1] / y[0]], [1.25, 1.5])
        values = series.asarray()
    maps = result.sparsity_maps.numpy() / result.noise_std
    expected = maps if kind == "maps" else np.abs(result.image.numpy())
    assert values.dtype == np.float32
    assert_allclose(values, expected, rtol=1e-5)


def test_png(result: Reconstruction, tmp_path: Path) -> None:
    from PIL import Image

    magnitude = np.abs(result.image.numpy())
    for bits, mode in ((8, "L"), (16, "I;16")):
        low, high = np.percentile(magnitude, [10, 90])
        files = export(result, tmp_path / f"{bits}.png", bits=bits, window=(10, 90))
        for one, plane in zip(files, magnitude, strict=True):
            with Image.open(one) as picture:
                assert picture.mode == mode
                assert_allclose(picture.info["dpi"], [25.4 / 1.25, 25.4 / 1.5], rtol=1e-3)
                assert "not for diagnostic use" in picture.text["Description"]
                seen = np.asarray(picture) / (2**bits - 1)
            expected = np.clip((plane - low) / (high - low), 0, 1)
            assert_allclose(seen, expected, atol=0.51 / (2**bits - 1))


def test_bart(result: Reconstruction, acquisition: Acquisition, tmp_path: Path) -> None:
    values, header = export(result, tmp_path / "a.hdr")
    assert (values.name, header.name) == ("a.cfl", "a.hdr")
    sizes = [int(one) for one in header.read_text().splitlines()[1].split()]
    assert sizes == [40, 48, *[1] * 11, 3, 1, 1]
    stored = np.fromfile(values, "<c8").reshape(sizes, order="F").squeeze()
    assert_array_equal(stored, result.image.numpy().transpose(2, 1, 0))
    values, _ = export(acquisition, tmp_path / "b.cfl", "k-space")
    stored = np.fromfile(values, "<c8").reshape(sizes, order="F").squeeze()
    assert_array_equal(stored, acquisition.kspace[:, 0].numpy().transpose(2, 1, 0))


def test_half_a_pair_counts_as_existing(result: Reconstruction, tmp_path: Path) -> None:
    (tmp_path / "a.hdr").write_text("precious")
    before = held(tmp_path)
    with pytest.raises(ValueError, match="exists already"):
        export(result, tmp_path / "a.cfl")
    assert held(tmp_path) == before
