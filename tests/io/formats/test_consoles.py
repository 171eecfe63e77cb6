"""Files as consoles of low-field scanners, and a simulator, write them: right, refused, or told.

Each imitates what a program writes: what its header leaves out, how it counts, how it scales.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import ismrmrd
import numpy as np
import pytest
from damage import told
from ismrmrd_scans import encoding, header, kspace_of, oversampled, readout, write
from scipy.io import savemat

import napari_csc as csc
from napari_csc.phantom.head import head_phantom

Array = np.ndarray[Any, Any]
SLICES, ROWS, COLUMNS = 4, 24, 20


@pytest.fixture(scope="module")
def images() -> Array:
    """Return images (slice, y, x) that no symmetry maps to themselves."""
    head = head_phantom(32, SLICES, "flair", seed=1)[:, 4 : 4 + ROWS, 6 : 6 + COLUMNS]
    return head.numpy()


def volume_kspace(images: Array) -> Array:
    """Return the centred k-space (kz, ky, kx) of a 3-D scan."""
    moved = np.fft.fftn(np.fft.ifftshift(images), norm="ortho")
    return np.fft.fftshift(moved).astype(np.complex64)


def right(scan: csc.Acquisition, images: Array) -> bool:
    found = scan.adjoint().abs().numpy()
    assert found.shape == images.shape, scan.notes
    one, other = found.ravel(), np.abs(images).ravel()
    scale = float(one @ other / (other @ other))
    return float(np.corrcoef(one, other)[0, 1]) > 0.999 and abs(scale - 1) < 0.01


def xml(body: str) -> str:
    """Return a header with nothing in it but what is given."""
    return (
        '<?xml version="1.0" encoding="utf-8"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">'
        f"<experimentalConditions><H1resonanceFrequency_Hz>2000000</H1resonanceFrequency_Hz>"
        f"</experimentalConditions>{body}</ismrmrdHeader>"
    )


def space(matrix: tuple[int, int, int], fov: tuple[float, float, float]) -> str:
    sizes = "".join(f"<{axis}>{size}</{axis}>" for axis, size in zip("xyz", matrix, strict=True))
    lengths = "".join(f"<{axis}>{one}</{axis}>" for axis, one in zip("xyz", fov, strict=True))
    return f"<matrixSize>{sizes}</matrixSize><fieldOfView_mm>{lengths}</fieldOfView_mm>"


# ---------------------------------------------------------------- nexus-console


def test_nexus_console_with_labels(tmp_path: Path, images: Array) -> None:
    """3-D turbo spin echo: positions of three directions that were never filled, two averages."""
    kspace = volume_kspace(images)
    matrix, fov = (COLUMNS, ROWS, SLICES), (200.0, 240.0, 40.0)
    body = (
        "<measurementInformation><measurementID>x</measurementID></measurementInformation>"
        "<acquisitionSystemInformation><systemVendor>OSII</systemVendor><systemModel>Nexus"
        "</systemModel></acquisitionSystemInformation>"
        f"<encoding><encodedSpace>{space(matrix, fov)}</encodedSpace><reconSpace>"
        f"{space(matrix, fov)}</reconSpace><encodingLimits/><trajectory>cartesian</trajectory>"
        "</encoding>"
    )
    draw = np.random.default_rng(0)
    readouts = [
        readout(
            (kspace[kz, ky] + 1e-3 * draw.normal(size=COLUMNS))[None],
            np.zeros((COLUMNS, 3), np.float32),
            centre=round(COLUMNS / 2),
            average=average,
            kspace_encode_step_1=ky,
            kspace_encode_step_2=kz,
            sample_time_us=20.0,
            read_dir=(1, 0, 0),
            phase_dir=(0, 1, 0),
            slice_dir=(0, 0, 1),
        )
        for average in range(2)
        # In the order of an echo train, not of k-space.
        for kz in range(SLICES)
        for ky in (*range(0, ROWS, 2), *range(1, ROWS, 2))
    ]
    scan = csc.load(write(tmp_path / "ismrmrd.h5", xml(body), readouts))
    assert right(scan, images)
    assert scan.spacing == (10.0, 10.0, 10.0)
    assert scan.metadata["repeats_averaged"] == 2
    assert scan.metadata["header"]["Scanner"] == "OSII Nexus"


def test_nexus_console_without_the_header_of_the_sequence(tmp_path: Path, images: Array) -> None:
    readouts = [readout(line[None]) for line in kspace_of(images)[0]]
    assert "header of the sequence" in told(write(tmp_path / "a.h5", xml(""), readouts))


# ---------------------------------------------------------------- Pulseq without labels


def unlabelled(path: Path, kspace: Array, matrix: tuple[int, int, int], **asked: Any) -> Path:
    """Write readouts (line, sample) whose counters and flags are all zero."""
    fov = (10.0 * matrix[0], 10.0 * matrix[1], 10.0 * matrix[2])
    return write(
        path, header(encoding(matrix, fov=fov, **asked)), [readout(k[None]) for k in kspace]
    )


def test_lines_without_counters_in_their_order(tmp_path: Path, images: Array) -> None:
    path = unlabelled(tmp_path / "a.h5", kspace_of(images)[0], (COLUMNS, ROWS, 1))
    scan = csc.load(path)
    assert right(scan, images[:1])
    assert any("order of measurement" in note for note in scan.notes)
    lines = volume_kspace(images).reshape(-1, COLUMNS)
    scan = csc.load(unlabelled(tmp_path / "b.h5", lines, (COLUMNS, ROWS, SLICES)))
    assert right(scan, images)


def test_lines_without_counters_in_another_order_are_refused(tmp_path: Path, images: Array) -> None:
    kspace = kspace_of(images)
    # From the middle outwards, as centre-out echo trains run.
    order = np.argsort(np.abs(np.arange(ROWS) - ROWS // 2), kind="stable")
    path = unlabelled(tmp_path / "a.h5", kspace[0][order], (COLUMNS, ROWS, 1))
    assert "label the sequence" in told(path)
    path = unlabelled(tmp_path / "b.h5", kspace.reshape(-1, COLUMNS), (COLUMNS, ROWS, 1))
    assert "slices, repetitions or echoes" in told(path)


def test_more_samples_than_the_matrix_has_columns(tmp_path: Path, images: Array) -> None:
    """The receiver is faster than the header says; the rest lies outside the field of view."""
    import torch

    wide = oversampled(torch.from_numpy(images[:1]))
    kspace = kspace_of(wide)[0]
    readouts = [readout(line[None], kspace_encode_step_1=ky) for ky, line in enumerate(kspace)]
    fov = (200.0, 240.0, 5.0)
    path = write(tmp_path / "a.h5", header(encoding((COLUMNS, ROWS, 1), fov=fov)), readouts)
    scan = csc.load(path)
    found = scan.adjoint().abs().numpy()
    assert found.shape == (1, ROWS, COLUMNS)
    assert np.corrcoef(found.ravel(), np.abs(images[:1]).ravel())[0, 1] > 0.999
    assert scan.spacing == (5.0, 10.0, 10.0)
    assert any("oversampled 2 times" in note for note in scan.notes)


def test_lines_that_are_counted_from_one(tmp_path: Path, images: Array) -> None:
    kspace = kspace_of(images)[0]
    readouts = [readout(line[None], kspace_encode_step_1=ky + 1) for ky, line in enumerate(kspace)]
    scan = csc.load(write(tmp_path / "a.h5", header(encoding((COLUMNS, ROWS, 1))), readouts))
    assert right(scan, images[:1])
    assert any("from one" in note for note in scan.notes)


def test_a_trajectory_that_was_never_filled(tmp_path: Path, images: Array) -> None:
    empty = np.zeros((COLUMNS, 2), np.float32)
    readouts = [
        readout(line[None], empty, kspace_encode_step_1=ky)
        for ky, line in enumerate(kspace_of(images)[0])
    ]
    xml_text = header(encoding((COLUMNS, ROWS, 1), trajectory="other"))
    assert "all zero" in told(write(tmp_path / "a.h5", xml_text, readouts))


# ---------------------------------------------------------------- KomaMRI


@pytest.mark.parametrize("fov", [(200.0, 240.0), (200.0, 480.0), (0.2, 0.24)])
def test_komamri(tmp_path: Path, images: Array, fov: tuple[float, float]) -> None:
    """A grid as a trajectory, one scale for both directions; early versions told metres."""
    kspace = kspace_of(images[:2])
    kx, ky = (np.arange(n) - n // 2 for n in (COLUMNS, ROWS))
    metres = fov[0] < 1
    places = np.stack(np.meshgrid(kx / fov[0], ky / fov[1]), axis=-1)
    places = (places / (2 * np.abs(places).max())).astype(np.float32)
    thickness = 1e-3 if metres else 1.0
    told_space = space((COLUMNS, ROWS, 1), (*fov, thickness))
    recon = space((COLUMNS + COLUMNS % 2, ROWS + ROWS % 2, 1), (*fov, thickness))
    body = (
        "<acquisitionSystemInformation><systemVendor>KomaMRI.jl</systemVendor>"
        "</acquisitionSystemInformation>"
        f"<encoding><encodedSpace>{told_space}</encodedSpace><reconSpace>{recon}</reconSpace>"
        "<encodingLimits/><trajectory>custom</trajectory></encoding>"
    )
    readouts = [
        readout(
            kspace[one, line][None],
            places[line],
            centre=COLUMNS // 2 + 1,
            slice=one,
            kspace_encode_step_1=line,
            read_dir=(1, 0, 0),
            phase_dir=(0, 1, 0),
            slice_dir=(0, 0, 1),
        )
        for one in range(2)
        for line in range(ROWS)
    ]
    scan = csc.load(write(tmp_path / "koma.mrd", xml(body), readouts))
    found = scan.adjoint().abs().numpy()
    assert found.shape == (2, ROWS, COLUMNS)
    assert np.corrcoef(found.ravel(), np.abs(images[:2]).ravel())[0, 1] > 0.99
    if metres:
        assert scan.unit == "pixel"
        assert any("metres" in note for note in scan.notes)
    else:
        assert scan.spacing[1:] == (fov[1] / ROWS, fov[0] / COLUMNS)


# ---------------------------------------------------------------- MaRGE


def marge_variables(images: Array) -> dict[str, Any]:
    """Return what MaRGE keeps of a 3-D RARE: parameters, samples, k-space, image."""
    kspace = volume_kspace(images).astype(np.complex128)
    steps = [np.linspace(-0.5, 0.5, n, endpoint=False) for n in kspace.shape]
    sl, ph, rd = (one.reshape(-1, 1) for one in np.meshgrid(*steps, indexing="ij"))
    return {
        "seqName": "RARE",
        "nScans": 1,
        "larmorFreq": 3.066,
        "fov": [20.0, 24.0, 4.0],
        "nPoints": [COLUMNS, ROWS, SLICES],
        "axesOrientation": [0, 1, 2],
        "rdGradTime": 5.0,
        "kSpace3D": kspace,
        "image3D": np.fft.ifftshift(np.fft.ifftn(np.fft.ifftshift(kspace))),
        "kMax_1/m": [1.0, 1.0, 1.0],
        "sampled": np.concatenate((rd, ph, sl, kspace.reshape(-1, 1)), axis=1),
        "sampledCartesian": np.concatenate((rd, ph, sl, kspace.reshape(-1, 1)), axis=1),
        "data_noise": np.random.default_rng(0).normal(size=(1, 200)) * (1 + 1j),
    }


def test_marge_matlab(tmp_path: Path, images: Array) -> None:
    variables = marge_variables(images)
    savemat(
        tmp_path / "RARE.mat", {name: one for name, one in variables.items() if "/" not in name}
    )
    scan = csc.load(tmp_path / "RARE.mat", axes="kz,y,x")
    assert right(scan, images)
    assert scan.metadata["key"] == "kSpace3D"
    scan = csc.load(tmp_path / "RARE.mat", key="image3D", axes="slice,y,x")
    assert scan.metadata["kind"] == "image"


def test_marge_ismrmrd(tmp_path: Path, images: Array) -> None:
    """No matrix, trains of echoes as repetitions, counters from one; images without places."""
    kspace, train = volume_kspace(images), 6
    readouts = [
        readout(
            kspace[kz, ky][None],
            slice=kz + 1,
            kspace_encode_step_1=ky + 1,
            contrast=ky % train + 1,
            repetition=ky // train + kz * (ROWS // train) + 1,
            average=1,
        )
        for kz in range(SLICES)
        for ky in range(ROWS)
    ]
    path = write(tmp_path / "RARE.h5", xml(""), readouts)
    with ismrmrd.Dataset(str(path), "dataset") as dataset:
        for one in images:
            image = ismrmrd.Image.from_array(one.astype(np.complex64), transpose=False)
            image.image_type = 5
            dataset.append_image("image_raw", image)
    message = told(path)
    assert "MaRGE" in message
    assert "kind='image'" in message
    scan = csc.load(path, kind="image")
    assert right(scan, images)
    assert any("order of the file" in note for note in scan.notes)
    with h5py.File(path, "r") as file:
        assert "data" in file["dataset"]


# ---------------------------------------------------------------- OCRA


def test_ocra_text(tmp_path: Path, images: Array) -> None:
    path = tmp_path / "Image_rawdata.txt"
    kspace = kspace_of(images)[0]
    np.savetxt(path, kspace)
    assert "np.loadtxt" in told(path)
    # What the sentence says to do.
    np.save(tmp_path / "scan.npy", np.loadtxt(path, dtype=complex))
    assert right(csc.load(tmp_path / "scan.npy"), images[:1])
