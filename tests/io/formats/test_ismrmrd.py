"""ISMRMRD files: known images come back pixel by pixel, whatever way they were measured."""

from pathlib import Path
from typing import Any

import h5py
import ismrmrd
import numpy as np
import pytest
import torch
from damage import mutations, survives, told, without_parts
from ismrmrd_scans import (
    Array,
    encoding,
    header,
    kspace_of,
    lines,
    oversampled,
    readout,
    write,
)
from systems import peak_bytes

import napari_csc as csc
from napari_csc.core.acquisition.noncartesian import NonCartesianAcquisition
from napari_csc.core.kspace.coils import birdcage_maps
from napari_csc.io import napari_reader

HEIGHT, WIDTH = 48, 40
PLANE = encoding((WIDTH, HEIGHT, 1))


@pytest.fixture(scope="module")
def images(head_image: torch.Tensor) -> torch.Tensor:
    """Two different slices (slice, y, x) without symmetry."""
    return torch.stack([head_image[0], 0.5j * head_image[1].flip(0)])


@pytest.fixture(scope="module")
def kspace(images: torch.Tensor) -> Array:
    """Their k-space, (slice, coil, ky, kx)."""
    return kspace_of(images)[:, None]


def noise(shape: tuple[int, ...], level: float, seed: int = 0) -> Array:
    pairs = np.random.default_rng(seed).normal(size=(2, *shape)) * level / np.sqrt(2)
    return (pairs[0] + 1j * pairs[1]).astype(np.complex64)


def same(acquisition: csc.Acquisition, images: torch.Tensor, tolerance: float = 1e-4) -> None:
    torch.testing.assert_close(acquisition.adjoint(), images, atol=tolerance, rtol=0)


# --------------------------------------------------------------- Cartesian


def test_written_one_by_one_by_ismrmrd(tmp_path: Path, images: torch.Tensor, kspace: Array) -> None:
    with ismrmrd.Dataset(str(tmp_path / "a.mrd"), "dataset") as file:
        file.write_xml_header(header(PLANE).encode())
        for one in lines(kspace[:1]):
            file.append_acquisition(one)
    acquisition = csc.load(tmp_path / "a.mrd")
    same(acquisition, images[:1])
    assert bool(acquisition.mask.all())
    assert acquisition.spacing == (5.0, 5.0, 5.0)
    assert acquisition.unit == "mm"
    told_of = acquisition.metadata
    assert (told_of["format"], told_of["kind"]) == ("ISMRMRD", "k-space")
    assert told_of["path"] == str(tmp_path / "a.mrd")
    assert told_of["header"] == {
        "Protocol": "head flair",
        "Sequence": "TSE",
        "Encoded matrix": "40 × 48 × 1",
        "Reconstructed matrix": "40 × 48 × 1",
        "Field of view": "200 × 240 × 5 mm",
        "TE": "10, 90 ms",
        "TR": "500 ms",
        "Flip angle": "90°",
        "Scanner": "Maker Low",
        "Field strength": "0.3 T",
        "Proton frequency": "12.77 MHz",
        "Trajectory": "cartesian",
        "Coils": "1",
    }


def test_bulk_is_the_same(tmp_path: Path, images: torch.Tensor, kspace: Array) -> None:
    readouts = lines(kspace)
    np.random.default_rng(0).shuffle(readouts)
    path = write(tmp_path / "a.h5", header(PLANE), readouts)
    same(csc.load(path), images)
    same(csc.load(path, slice=1), images[1:])
    same(csc.load(path, slice=[1, 0, 1]), images[[1, 0, 1]])
    same(csc.load(path, slice=-1), images[1:])
    assert "Slice 2 does not exist" in told(path, slice=2)


def test_file_open_takes_it(tmp_path: Path, kspace: Array) -> None:
    path = write(tmp_path / "a.mrd", header(PLANE), lines(kspace))
    assert napari_reader.get_reader(str(path)) is napari_reader.read
    ((data, described, _),) = napari_reader.read(str(path))
    assert data.shape == (2, HEIGHT, WIDTH)
    assert described["units"] == ("mm",) * 3


def test_readout_oversampling_is_removed(tmp_path: Path, images: torch.Tensor) -> None:
    wide = kspace_of(oversampled(images))[:, None]
    found = encoding((2 * WIDTH, HEIGHT, 1), (WIDTH, HEIGHT, 1), (400, 240, 5), (200, 240, 5))
    clean = write(tmp_path / "a.h5", header(found), lines(wide))
    acquisition = csc.load(clean)
    same(acquisition, images)
    assert acquisition.spacing == (5.0, 5.0, 5.0)
    assert "80 to 40" in acquisition.metadata["oversampling"]
    noisy = write(tmp_path / "b.h5", header(found), lines(wide + noise(wide.shape, 0.3)))
    assert float((csc.load(noisy).kspace - acquisition.kspace).abs().square().mean()) == (
        pytest.approx(0.3**2, rel=0.1)
    )


@pytest.mark.parametrize(("height", "width", "kept"), [(47, 39, 39), (48, 39, 13), (47, 52, 25)])
def test_odd_sizes(tmp_path: Path, height: int, width: int, kept: int) -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(1, height, width, dtype=torch.complex64, generator=generator)
    found = encoding(
        (width, height, 1), (kept, height, 1), (10.0 * width, 240, 5), (10.0 * kept, 240, 5)
    )
    path = write(tmp_path / "a.h5", header(found), lines(kspace_of(image)[:, None]))
    start = width // 2 - kept // 2
    same(csc.load(path), image[..., start : start + kept], 1e-5)


def test_an_interpolated_matrix_keeps_the_measured_one(
    tmp_path: Path, images: torch.Tensor, kspace: Array
) -> None:
    found = encoding((WIDTH, HEIGHT, 1), (4 * WIDTH, 4 * HEIGHT, 1))
    same(csc.load(write(tmp_path / "a.h5", header(found), lines(kspace))), images)


@pytest.mark.parametrize("first", [1, 14])
def test_partial_fourier_lines(tmp_path: Path, kspace: Array, first: int) -> None:
    """Lines count from the first measured one, and the limits say which is in the middle."""
    found = encoding((WIDTH, HEIGHT, 1), centres=(HEIGHT // 2 - first, 0))
    measured = kspace[:, :, first:]
    path = write(tmp_path / "a.h5", header(found), lines(measured))
    acquisition = csc.load(path)
    assert not acquisition.mask[:first].any()
    assert bool(acquisition.mask[first:].all())
    np.testing.assert_array_equal(acquisition.kspace[:, :, first:].numpy(), measured)


def test_partial_echo(tmp_path: Path, kspace: Array) -> None:
    path = write(tmp_path / "a.h5", header(PLANE), lines(kspace[..., 13:], centre=WIDTH // 2 - 13))
    acquisition = csc.load(path)
    assert not acquisition.mask[:, :13].any()
    np.testing.assert_array_equal(acquisition.kspace[..., 13:].numpy(), kspace[..., 13:])


def test_partial_echo_with_oversampling(tmp_path: Path, images: torch.Tensor) -> None:
    wide = kspace_of(oversampled(images))[:, None]
    found = encoding((2 * WIDTH, HEIGHT, 1), (WIDTH, HEIGHT, 1), (400, 240, 5), (200, 240, 5))
    path = write(tmp_path / "a.h5", header(found), lines(wide[..., 20:], centre=WIDTH - 20))
    mask = csc.load(path).mask
    assert not mask[:, :10].any()
    assert bool(mask[:, 10:].all())


def test_skipped_lines_and_discarded_samples(tmp_path: Path, kspace: Array) -> None:
    padded = np.pad(kspace, [(0, 0)] * 3 + [(3, 5)], constant_values=99)
    readouts = lines(padded, discard_pre=3, discard_post=5, centre=WIDTH // 2 + 3)[::2]
    acquisition = csc.load(write(tmp_path / "a.h5", header(PLANE), readouts))
    np.testing.assert_array_equal(acquisition.kspace[:, :, ::2].numpy(), kspace[:, :, ::2])
    assert not acquisition.mask[1::2].any()


def test_a_centre_that_was_not_set(tmp_path: Path, images: torch.Tensor, kspace: Array) -> None:
    same(csc.load(write(tmp_path / "a.h5", header(PLANE), lines(kspace, centre=0))), images)


def test_reversed_readouts(tmp_path: Path, images: torch.Tensor, kspace: Array) -> None:
    readouts = lines(kspace)
    for one in readouts[1::2]:
        one.data[:] = one.data[:, ::-1].copy()
        one.setFlag(ismrmrd.ACQ_IS_REVERSE)
    epi = encoding((WIDTH, HEIGHT, 1), trajectory="epi")
    same(csc.load(write(tmp_path / "a.h5", header(epi), readouts)), images)


def test_other_readouts_are_skipped(tmp_path: Path, images: torch.Tensor, kspace: Array) -> None:
    flags = (
        ismrmrd.ACQ_IS_NAVIGATION_DATA,
        ismrmrd.ACQ_IS_PHASECORR_DATA,
        ismrmrd.ACQ_IS_DUMMYSCAN_DATA,
        ismrmrd.ACQ_IS_PARALLEL_CALIBRATION,
        ismrmrd.ACQ_IS_HPFEEDBACK_DATA,
    )
    wrong = [readout(7 * kspace[0, :, 0], flags=(flag,)) for flag in flags]
    both = (ismrmrd.ACQ_IS_PARALLEL_CALIBRATION, ismrmrd.ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING)
    readouts = [*wrong, *lines(kspace, flags=both)]
    acquisition = csc.load(write(tmp_path / "a.h5", header(PLANE), readouts))
    same(acquisition, images)
    assert "1 navigator" in acquisition.metadata["skipped"]
    assert "1 calibration" in acquisition.metadata["skipped"]
    only = write(tmp_path / "b.h5", header(PLANE), wrong)
    assert "no readouts of an image" in told(only)


# --------------------------------------------------------------- averages, noise, coils


def test_averages(tmp_path: Path, kspace: Array) -> None:
    each = [kspace + noise(kspace.shape, 0.4, seed) for seed in range(4)]
    readouts = [one for number, part in enumerate(each) for one in lines(part, average=number)]
    path = write(tmp_path / "a.h5", header(PLANE), readouts)
    acquisition = csc.load(path)
    mean = np.mean(each, axis=0)
    np.testing.assert_allclose(acquisition.kspace.numpy(), mean, atol=1e-5)
    assert acquisition.metadata["repeats_averaged"] == 4
    assert "differences" in acquisition.metadata["noise"]
    assert not acquisition.noise_is_estimated
    assert acquisition.noise_std == pytest.approx(0.4 / 2, rel=0.03)
    assert csc.load(path, noise_std=3.0).noise_std == 3.0
    single = csc.load(path, key="average=2")
    np.testing.assert_array_equal(single.kspace.numpy(), each[2])
    assert "repeats_averaged" not in single.metadata


def test_lines_measured_more_often_than_others(tmp_path: Path, kspace: Array) -> None:
    first, second = (kspace + noise(kspace.shape, 0.4, seed) for seed in (0, 1))
    readouts = lines(first) + [one for one in lines(second) if one.idx.kspace_encode_step_1 < 24]
    acquisition = csc.load(write(tmp_path / "a.h5", header(PLANE), readouts))
    expected = first.copy()
    expected[:, :, :24] = (first + second)[:, :, :24] / 2
    np.testing.assert_allclose(acquisition.kspace.numpy(), expected, atol=1e-5)
    assert acquisition.noise_std == pytest.approx(0.4 * 0.75**0.5, rel=0.05)


@pytest.mark.parametrize("dwell", [(10.0, 10.0), (5.0, 20.0), (0.0, 10.0)])
def test_noise_readouts_prewhiten(
    tmp_path: Path, kspace: Array, dwell: tuple[float, float]
) -> None:
    mixing = np.array([[1.0, 0.6j], [0.0, 2.0]])
    coils = np.concatenate([kspace, 0.5j * kspace], axis=1)
    scan = (mixing @ noise((2, 4000), 1.0)).astype(np.complex64)
    silent = [
        readout(part, flags=(ismrmrd.ACQ_IS_NOISE_MEASUREMENT,), sample_time_us=dwell[0])
        for part in np.split(scan, 4, axis=1)
    ]
    xml = header(PLANE, noise_bandwidth=0.8)
    path = write(tmp_path / "a.h5", xml, silent + lines(coils, sample_time_us=dwell[1]))
    acquisition = csc.load(path)
    level = float(np.sqrt((np.abs(scan) ** 2).mean()))
    # Half the bandwidth has half the noise power.
    factor = 1.0 if dwell[0] == 0 else np.sqrt(dwell[0] / dwell[1] / 0.8)
    assert acquisition.noise_std == pytest.approx(level * factor, rel=1e-3)
    assert "prewhitened" in acquisition.metadata["noise"]
    assert acquisition.n_coils == 2
    one = csc.load(path, coil=1)
    own = float(np.sqrt((np.abs(scan[1]) ** 2).mean()))
    assert one.noise_std == pytest.approx(own * factor, rel=1e-3)
    np.testing.assert_allclose(one.kspace[:, 0].numpy(), coils[:, 1], rtol=1e-5, atol=1e-5)
    given = csc.load(path, noise_scan=2 * scan)
    assert given.noise_std == pytest.approx(2 * level, rel=1e-3)


def test_noise_readouts_of_other_coils_are_left_out(tmp_path: Path, kspace: Array) -> None:
    silent = readout(noise((3, 500), 1.0), flags=(ismrmrd.ACQ_IS_NOISE_MEASUREMENT,))
    path = write(tmp_path / "a.h5", header(PLANE), [silent, *lines(kspace)])
    assert csc.load(path).noise_is_estimated


def test_coils(tmp_path: Path, images: torch.Tensor) -> None:
    maps = birdcage_maps(4, (HEIGHT, WIDTH))
    coils = kspace_of(images[:, None] * maps)
    path = write(tmp_path / "a.h5", header(PLANE), lines(coils))
    same(csc.load(path, coil_maps=maps), images)
    np.testing.assert_array_equal(csc.load(path, coil=2).kspace[:, 0].numpy(), coils[:, 2])
    assert csc.load(path).metadata["header"]["Coils"] == "4"
    assert "Coil 4 does not exist" in told(path, coil=4)
    mixed = write(tmp_path / "b.h5", header(PLANE), lines(coils[:1]) + lines(coils[:1, :2]))
    assert "different numbers of coils (2, 4)" in told(mixed)


# --------------------------------------------------------------- what to choose


def test_counters_are_chosen(tmp_path: Path, kspace: Array) -> None:
    readouts = [
        one
        for repetition in (0, 1, 2)
        for contrast in (0, 1)
        for one in lines(
            kspace * (1 + repetition + 10 * contrast), repetition=repetition, contrast=contrast
        )
    ]
    path = write(tmp_path / "a.h5", header(PLANE), readouts)
    first = csc.load(path)
    np.testing.assert_array_equal(first.kspace.numpy(), kspace)
    assert first.metadata["choices"] == "contrast 0 of 0, 1; repetition 0 of 0 to 2"
    other = csc.load(path, key="repetition=2, contrast=1")
    np.testing.assert_allclose(other.kspace.numpy(), 13 * kspace, rtol=1e-6)
    assert other.metadata["key"] == "repetition=2, contrast=1"
    assert "no repetition 3" in told(path, key="repetition=3")
    for key in ("kspace", "repetition", "repetition=x", "slice=1", "set=", "set=-1"):
        assert "cannot be used" in told(path, key=key)


def test_encodings_are_chosen(tmp_path: Path, kspace: Array) -> None:
    small = encoding((20, 24, 1))
    readouts = lines(kspace, encoding_space_ref=1) + lines(
        kspace[:, :, :24, :20], encoding_space_ref=2
    )
    path = write(tmp_path / "a.h5", header(small, PLANE, small), readouts)
    acquisition = csc.load(path)
    assert acquisition.shape == (2, HEIGHT, WIDTH), "the first with images"
    assert acquisition.metadata["choices"] == "encoding 1 of 1, 2"
    listed = acquisition.metadata["header"]["Encodings"]
    assert "1: cartesian 40 × 48 × 1" in listed
    assert "(shown: 1)" in listed
    assert csc.load(path, key="encoding=2").shape == (2, 24, 20)
    assert "no encoding 0" in told(path, key="encoding=0")
    lost = write(tmp_path / "b.h5", header(PLANE), lines(kspace, encoding_space_ref=3))
    assert "belong to encoding 3" in told(lost)


def test_groups_are_chosen(tmp_path: Path, kspace: Array) -> None:
    path = write(tmp_path / "a.h5", header(PLANE), lines(kspace[:1]), "dataset_1")
    write(path, header(PLANE), lines(kspace), "dataset_2")
    last = csc.load(path)
    assert last.shape[0] == 2
    assert last.metadata["choices"] == "group dataset_2 of dataset_1, dataset_2"
    assert csc.load(path, key="group=dataset_1,contrast=0").shape[0] == 1
    assert "no group 'x'" in told(path, key="group=x")


def test_slices_sampled_differently(tmp_path: Path, kspace: Array) -> None:
    path = write(tmp_path / "a.h5", header(PLANE), lines(kspace)[:-3])
    assert "one by one" in told(path)
    assert not csc.load(path, slice=1).mask[-3:].any()
    assert bool(csc.load(path, slice=0).mask.all())


def test_options_that_do_not_fit(tmp_path: Path, kspace: Array) -> None:
    path = write(tmp_path / "a.h5", header(PLANE), lines(kspace))
    assert "axes" in told(path, axes="slice,y,x")
    assert "no image" in told(path, kind="image")
    mask = np.zeros((HEIGHT, WIDTH))
    mask[10:30] = 1
    assert int(csc.load(path, mask=mask).mask.sum()) == 20 * WIDTH
    assert int(csc.load(path, acquired=(20, 20)).mask.sum()) == 400


# --------------------------------------------------------------- 3-D


def volume_lines(kspace: Array, **entries: Any) -> list[Any]:
    return [
        readout(kspace[:, kz, ky], kspace_encode_step_1=ky, kspace_encode_step_2=kz, **entries)
        for kz in range(kspace.shape[1])
        for ky in range(kspace.shape[2])
    ]


@pytest.fixture(scope="module")
def volume(head_image: torch.Tensor) -> torch.Tensor:
    weights = torch.tensor([0.2, 0.8, 1.0, 1.0, 0.9, 0.6])
    return weights[:, None, None] * head_image[:1]


def encoded(volume: torch.Tensor) -> Array:
    """Return the k-space (coil, kz, ky, kx) of a volume (z, y, x)."""
    shifted = np.fft.ifftshift(volume.numpy())
    return np.fft.fftshift(np.fft.fftn(shifted, norm="ortho"))[None].astype(np.complex64)


AXES = {
    "position": (10.0, -20.0, 30.0),
    "read_dir": (1.0, 0.0, 0.0),
    "phase_dir": (0.0, 1.0, 0.0),
    "slice_dir": (0.0, 0.0, 1.0),
}


def test_volume(tmp_path: Path, volume: torch.Tensor) -> None:
    found = encoding((WIDTH, HEIGHT, 6), fov=(200, 240, 24))
    path = write(tmp_path / "a.h5", header(found), volume_lines(encoded(volume), **AXES))
    acquisition = csc.load(path)
    same(acquisition, volume)
    assert acquisition.spacing == (4.0, 5.0, 5.0)
    affine = acquisition.metadata["affine"]
    np.testing.assert_allclose(affine @ [3, 24, 20, 1], [-10, 20, 30, 1])
    same(csc.load(path, slice=2), volume[2:3])
    moved = csc.load(path, slice=2).metadata["affine"]
    np.testing.assert_allclose(moved @ [1, 24, 20, 1], [-10, 20, 30, 1])


def test_volume_with_slice_oversampling_and_averages(tmp_path: Path, volume: torch.Tensor) -> None:
    found = encoding((WIDTH, HEIGHT, 6), (WIDTH, HEIGHT, 4), (200, 240, 24), (200, 240, 16))
    data = encoded(volume)
    readouts = [
        one
        for average in (0, 1)
        for one in volume_lines(data + noise(data.shape, 0.2, average), average=average, **AXES)
    ]
    acquisition = csc.load(write(tmp_path / "a.h5", header(found), readouts))
    assert acquisition.shape[0] == 4
    same(acquisition, volume[1:5], 1.0)
    assert acquisition.noise_std == pytest.approx(0.2 / 2**0.5, rel=0.05)
    np.testing.assert_allclose(acquisition.metadata["affine"] @ [2, 24, 20, 1], [-10, 20, 30, 1])


def test_volume_with_partial_fourier_along_z(tmp_path: Path, volume: torch.Tensor) -> None:
    found = encoding((WIDTH, HEIGHT, 6), centres=(24, 2))
    data = encoded(volume)
    readouts = volume_lines(data[:, 1:])
    acquisition = csc.load(write(tmp_path / "a.h5", header(found), readouts))
    data[:, 0] = 0
    plain = csc.Acquisition.from_volume_kspace(data[0])
    torch.testing.assert_close(acquisition.kspace, plain.kspace)


# --------------------------------------------------------------- geometry


def turned() -> tuple[Array, Array, Array]:
    """Return oblique directions (read, phase, slice) in LPS coordinates."""
    angle = 0.3
    read = np.array([np.cos(angle), np.sin(angle), 0])
    phase = np.array([0, 0, -1.0])
    return read, phase, np.cross(read, phase)


def test_affine_of_slices(tmp_path: Path, kspace: Array) -> None:
    read, phase, normal = turned()
    centre = np.array([3.0, -7.0, 11.0])
    readouts = lines(kspace, read_dir=read, phase_dir=phase, slice_dir=normal)
    for one in readouts:
        one.position[:] = centre + 6.5 * one.idx.slice * normal
    acquisition = csc.load(write(tmp_path / "a.h5", header(PLANE), readouts))
    assert acquisition.spacing == (6.5, 5.0, 5.0)
    to_ras = np.array([-1, -1, 1])
    for index in ((0, 24, 20), (1, 24, 20), (1, 3, 7)):
        place = centre + 6.5 * index[0] * normal
        place = place + 5.0 * (index[1] - 24) * phase + 5.0 * (index[2] - 20) * read
        mapped = acquisition.metadata["affine"] @ [*index, 1]
        np.testing.assert_allclose(mapped[:3], to_ras * place, atol=1e-3)


def test_interleaved_slices_are_put_in_order(tmp_path: Path, images: torch.Tensor) -> None:
    four = torch.cat([images, 2 * images])
    readouts = lines(kspace_of(four)[:, None], **AXES)
    places = {0: 0.0, 1: 12.0, 2: 6.0, 3: 18.0}
    for one in readouts:
        one.position[2] = places[one.idx.slice]
    path = write(tmp_path / "a.h5", header(PLANE), readouts)
    acquisition = csc.load(path)
    same(acquisition, four[[0, 2, 1, 3]])
    assert acquisition.metadata["affine"][2, 0] == pytest.approx(6.0)


def test_no_affine_where_directions_or_places_are_not_set(
    tmp_path: Path, kspace: Array, images: torch.Tensor
) -> None:
    same(csc.load(write(tmp_path / "a.h5", header(PLANE), lines(kspace))), images)
    bare = csc.load(tmp_path / "a.h5")
    assert "affine" not in bare.metadata
    # All slices at one place: the directions are known, where the slices lie is not.
    path = write(tmp_path / "b.h5", header(PLANE), lines(kspace, **AXES))
    assert "affine" not in csc.load(path).metadata


def test_no_field_of_view(tmp_path: Path, kspace: Array) -> None:
    found = encoding((WIDTH, HEIGHT, 1), fov=(0.0, 0.0, 0.0))
    acquisition = csc.load(write(tmp_path / "a.h5", header(found), lines(kspace)))
    assert (acquisition.spacing, acquisition.unit) == ((1.0, 1.0, 1.0), "pixel")
    assert "Field of view" not in acquisition.metadata["header"]


# --------------------------------------------------------------- trajectories


def spokes(count: int, samples: int) -> Array:
    """Return positions (spoke, sample, 2) as (kx, ky), -0.5 to 0.5."""
    angle = np.arange(count) * np.pi / count
    radius = (np.arange(samples) - samples // 2) / samples
    both = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return (radius[:, None] * both[:, None]).astype(np.float32)


@pytest.fixture(scope="module")
def radial(head_image: torch.Tensor) -> tuple[torch.Tensor, Array, Array]:
    """Image (slice, y, x) = (2, 40, 40), positions, and samples (slice, coil, spoke, sample)."""
    image = torch.stack([head_image[0, 4:44], 1j * head_image[1, 4:44]])
    positions = spokes(70, 40)
    blank = np.ones((2, 1, *positions.shape[:2]), np.complex64)
    scan = NonCartesianAcquisition.from_trajectory(blank, positions[..., ::-1] * 40, (40, 40))
    samples = scan.forward(image).numpy().reshape(2, 1, *positions.shape[:2])
    return image, positions, samples


def along(samples: Array, positions: Array, **entries: Any) -> list[Any]:
    return [
        readout(samples[one, :, spoke], path, slice=one, kspace_encode_step_1=spoke, **entries)
        for one in range(len(samples))
        for spoke, path in enumerate(positions)
    ]


@pytest.mark.parametrize(("scale", "word"), [(1.0, "-0.5 to 0.5"), (40.0, "cycles")])
def test_radial(tmp_path: Path, radial: Any, scale: float, word: str) -> None:
    image, positions, samples = radial
    found = encoding((40, 40, 1), trajectory="radial")
    path = write(tmp_path / "a.h5", header(found), along(samples, scale * positions))
    acquisition = csc.load(path)
    assert isinstance(acquisition, NonCartesianAcquisition)
    assert acquisition.shape == (2, 40, 40)
    assert word in acquisition.metadata["trajectory_scaling"]
    expected = NonCartesianAcquisition.from_trajectory(samples, positions[..., ::-1] * 40, (40, 40))
    same(acquisition, expected.adjoint(), 1e-3)
    # Upright, centred and not mirrored: nothing else is as like the image.
    shown = acquisition.adjoint().abs()[0]
    truth = image[0].abs()
    likeness = {
        (turn, shift): float((truth.flip(turn).roll(shift, (0, 1)) * shown).sum())
        for turn in ((), (0,), (1,), (0, 1))
        for shift in ((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1))
    }
    assert max(likeness, key=lambda one: likeness[one]) == ((), (0, 0))
    assert csc.load(path, slice=1).shape == (1, 40, 40)
    assert "mask" in told(path, mask="all")


def test_radial_with_an_oversampled_readout(tmp_path: Path, radial: Any) -> None:
    image, _, _ = radial
    positions = spokes(70, 80)
    blank = np.ones((2, 1, *positions.shape[:2]), np.complex64)
    plain = NonCartesianAcquisition.from_trajectory(blank, positions[..., ::-1] * 40, (40, 40))
    samples = plain.forward(image).numpy().reshape(2, 1, *positions.shape[:2])
    found = encoding((80, 40, 1), (40, 40, 1), (400, 200, 5), (200, 200, 5), "radial")
    acquisition = csc.load(write(tmp_path / "a.h5", header(found), along(samples, positions)))
    assert acquisition.shape == (2, 40, 40)
    expected = NonCartesianAcquisition.from_trajectory(samples, positions[..., ::-1] * 40, (40, 40))
    same(acquisition, expected.adjoint(), 1e-3)


def test_radial_averages(tmp_path: Path, radial: Any) -> None:
    _, positions, samples = radial
    each = [samples + noise(samples.shape, 0.3, seed) for seed in range(4)]
    found = encoding((40, 40, 1), trajectory="radial")
    readouts = [
        one for number, part in enumerate(each) for one in along(part, positions, average=number)
    ]
    acquisition = csc.load(write(tmp_path / "a.h5", header(found), readouts))
    assert acquisition.metadata["repeats_averaged"] == 4
    assert acquisition.noise_std == pytest.approx(0.15, rel=0.05)
    np.testing.assert_allclose(
        acquisition.kspace.numpy(), np.mean(each, axis=0).reshape(2, 1, -1), atol=1e-5
    )


def test_trajectories_that_cannot_be_used(tmp_path: Path, radial: Any) -> None:
    _, positions, samples = radial
    flat, deep = (encoding((40, 40, z), trajectory="radial") for z in (1, 4))
    third = np.concatenate([positions, 0 * positions[..., :1]], axis=-1)
    same(
        csc.load(write(tmp_path / "third.h5", header(flat), along(samples, third))),
        csc.load(write(tmp_path / "plain.h5", header(flat), along(samples, positions))).adjoint(),
    )
    third[..., 2] = 0.1
    unequal = along(samples, positions)
    unequal[0] = readout(samples[0, :, 0, :20], positions[0, :20])
    differing = along(samples[:1], positions) + [
        readout(one.data, 0.9 * one.traj, slice=1, kspace_encode_step_1=number)
        for number, one in enumerate(along(samples[1:], positions))
    ]
    bad = {
        "does not hold it": (flat, lines(samples)),
        "plane slices": (deep, along(samples, positions)),
        "third component": (flat, along(samples, third)),
        "neither 0.5 nor half": (flat, along(samples, 2 * np.pi * positions)),
        "differ in length": (flat, unequal),
        "different trajectories": (flat, differing),
        "NaN": (flat, along(samples, np.nan * positions)),
    }
    for number, (word, (found, readouts)) in enumerate(bad.items()):
        path = write(tmp_path / f"{number}.h5", header(found), readouts)
        assert word in told(path), word


# --------------------------------------------------------------- bad input


def test_headers_that_cannot_be_used(tmp_path: Path, kspace: Array) -> None:
    xml = header(PLANE)
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb">]>' + xml.partition("?>")[2]
    # A pattern, and what it is replaced by.
    bad = {
        "schema": [("<encoding>", "<other>"), ("http://www.ismrm.org/ISMRMRD", "http://x")],
        "no scan has": [("<x>40</x>", "<x>-40</x>"), ("<y>48</y>", "<y>0</y>")],
        "do not fit": [("<x>40</x>", "<x>32</x>")],
        "outside the encoded matrix": [("<y>48</y>", "<y>32</y>")],
        "hardly anything": [("<x>40</x>", "<x>30000</x>"), ("<y>48</y>", "<y>30000</y>")],
    }
    number = 0
    for word, changes in bad.items():
        for old, new in changes:
            number += 1
            path = write(tmp_path / f"{number}.h5", xml.replace(old, new), lines(kspace))
            assert word in told(path), (old, new)
    for content in (bomb, "", "no xml at all", xml[:-40], "<" * 5000):
        number += 1
        path = write(tmp_path / f"{number}.h5", content or " ", lines(kspace))
        assert "header" in told(path)
    huge = header(encoding((20000, 20000, 1)))
    many = lines(kspace) * 40
    assert "hardly anything" in told(write(tmp_path / "huge.h5", huge, many))


def test_text_of_absurd_length(tmp_path: Path, kspace: Array) -> None:
    padded = header(PLANE) + " " * 5 * 2**20
    assert "MiB" in told(write(tmp_path / "a.h5", padded, lines(kspace)))


@pytest.mark.parametrize(
    ("entry", "value", "word"),
    [
        ("number_of_samples", 60000, "claim"),
        ("number_of_samples", 38, "as many samples"),
        ("active_channels", 0, "coils"),
        ("discard_pre", 50, "discards"),
    ],
)
def test_heads_that_contradict_the_samples(
    tmp_path: Path, kspace: Array, entry: str, value: int, word: str
) -> None:
    path = write(tmp_path / "a.h5", header(PLANE), lines(kspace))
    with h5py.File(path, "r+") as file:
        table = file["dataset/data"][()]
        table["head"][entry] = value
        file["dataset/data"][()] = table
    assert word in told(path)


@pytest.mark.parametrize("name", ["xml", "data"])
def test_lengths_that_claim_gigabytes(tmp_path: Path, kspace: Array, name: str) -> None:
    """The HDF5 library would believe them."""
    path = write(tmp_path / "a.h5", header(PLANE), lines(kspace))
    with h5py.File(path, "r") as file:
        found = file[f"dataset/{name}"].id
        place = found.get_offset() or found.get_chunk_info(0).byte_offset
        if name == "data":
            kind = found.get_type()
            place += kind.get_member_offset(kind.get_member_index(b"data"))
    content = bytearray(path.read_bytes())
    content[place : place + 4] = b"\xff\xff\xff\xf0"
    path.write_bytes(bytes(content))
    before = peak_bytes()
    assert "claims an entry of" in told(path)
    assert peak_bytes() - before < 2**30


def test_values_that_are_no_measurement(tmp_path: Path, kspace: Array) -> None:
    for value, word in ((np.nan, "NaN"), (np.inf, "NaN or infinite")):
        broken = kspace.copy()
        broken[0, 0, 3, 4] = value
        assert word in told(write(tmp_path / f"{value}.h5", header(PLANE), lines(broken)))
    assert "all zeros" in told(write(tmp_path / "z.h5", header(PLANE), lines(0 * kspace)))
    compressed = lines(kspace, flags=(ismrmrd.ACQ_COMPRESSION1,))
    assert "compressed" in told(write(tmp_path / "c.h5", header(PLANE), compressed))


def test_links_and_other_contents(tmp_path: Path, kspace: Array) -> None:
    whole = write(tmp_path / "whole.h5", header(PLANE), lines(kspace))
    for link in (h5py.ExternalLink("whole.h5", "/dataset/data"), h5py.SoftLink("/elsewhere")):
        path = tmp_path / "link.h5"
        path.write_bytes(whole.read_bytes())
        with h5py.File(path, "r+") as file:
            del file["dataset/data"]
            file["dataset/data"] = link
        assert "is a link" in told(path)
    with h5py.File(tmp_path / "group.h5", "w") as file:
        file["dataset"] = h5py.ExternalLink("whole.h5", "/dataset")
    assert "another program" in told(tmp_path / "group.h5")
    for name, data in (("numbers", np.ones(5)), ("none", np.zeros((0, 3)))):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["dataset/xml"] = header(PLANE)
            file["dataset/data"] = data
        assert "no ISMRMRD readouts" in told(tmp_path / f"{name}.h5")
    with h5py.File(whole, "r") as source, h5py.File(tmp_path / "empty.h5", "w") as file:
        file["dataset/xml"] = header(PLANE)
        file.create_dataset("dataset/data", (0,), source["dataset/data"].dtype, maxshape=(None,))
        kind = source["dataset/data"].dtype
    assert "no readouts" in told(tmp_path / "empty.h5")
    with h5py.File(tmp_path / "many.h5", "w") as file:
        file["dataset/xml"] = header(PLANE)
        file.create_dataset("dataset/data", (10**7,), kind, chunks=(16,))
    assert "more than the file holds" in told(tmp_path / "many.h5")


def test_damage(tmp_path: Path, kspace: Array) -> None:
    """Whatever is changed: an acquisition or one sentence, in bounded memory."""
    whole = write(tmp_path / "whole.h5", header(PLANE), lines(kspace[:1, :, :, :]))
    content, path = whole.read_bytes(), tmp_path / "a.h5"
    assert survives(whole)
    before = peak_bytes()
    for data in mutations(content, 120, seed=1):
        path.write_bytes(data)
        survives(path)
    # The text of the header, which only few of these meet.
    start = content.index(b"<encoding>")
    rng = np.random.default_rng(2)
    for _ in range(60):
        text = bytearray(content)
        for place in rng.integers(start, start + 900, size=3).tolist():
            text[place] = rng.choice(list(b"0123456789-e.<>/ax"))
        path.write_bytes(bytes(text))
        survives(path)
    for remove in without_parts(whole):
        path.write_bytes(content)
        remove(path)
        assert not survives(path)
    assert peak_bytes() - before < 2 * 2**30
