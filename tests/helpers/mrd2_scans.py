"""Streams of MRD version 2 of known images, written with the package mrd-python itself."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

mrd: Any = pytest.importorskip("mrd", reason="the package mrd-python is not installed")
if not hasattr(mrd, "BinaryMrdReader"):
    pytest.skip("another package of the name mrd is installed", allow_module_level=True)

Array = np.ndarray[Any, Any]


def header(
    matrix: tuple[int, int, int],
    fov: tuple[float, float, float] = (200.0, 240.0, 5.0),
    recon: tuple[int, int, int] | None = None,
    recon_fov: tuple[float, float, float] | None = None,
    averages: int = 1,
) -> Any:
    """Return the header of a Cartesian scan; sizes along (x, y, z)."""
    spaces = [
        mrd.EncodingSpaceType(
            matrix_size=mrd.MatrixSizeType(x=m[0], y=m[1], z=m[2]),
            field_of_view_mm=mrd.FieldOfViewMm(x=f[0], y=f[1], z=f[2]),
        )
        for m, f in ((matrix, fov), (recon or matrix, recon_fov or fov))
    ]
    limits = mrd.EncodingLimitsType(
        kspace_encoding_step_1=mrd.LimitType(
            minimum=0, maximum=matrix[1] - 1, center=matrix[1] // 2
        ),
        average=mrd.LimitType(minimum=0, maximum=averages - 1, center=0),
    )
    return mrd.Header(
        encoding=[
            mrd.EncodingType(
                encoded_space=spaces[0],
                recon_space=spaces[1],
                encoding_limits=limits,
                trajectory=mrd.Trajectory.CARTESIAN,
            )
        ],
        acquisition_system_information=mrd.AcquisitionSystemInformationType(
            system_vendor="Maker", system_field_strength_t=0.05
        ),
        sequence_parameters=mrd.SequenceParametersType(t_e=[12.0], t_r=[500.0]),
    )


def readout(samples: Array, flags: int = 0, **counters: int) -> Any:
    """Return one readout (coil, sample)."""
    head = mrd.AcquisitionHeader(
        flags=mrd.AcquisitionFlags(flags),
        idx=mrd.EncodingCounters(**counters),
        read_dir=np.array([1, 0, 0], np.float32),
        phase_dir=np.array([0, 1, 0], np.float32),
        slice_dir=np.array([0, 0, 1], np.float32),
        position=np.array([0, 0, 5.0 * counters.get("slice", 0)], np.float32),
    )
    # Ten microseconds, in the unit of this version of the package.
    if hasattr(head, "sample_time_ns"):
        head.sample_time_ns = 10_000
    else:
        head.sample_time_us = 10.0
    return mrd.Acquisition(
        head=head,
        data=np.ascontiguousarray(samples, np.complex64),
        trajectory=np.zeros((0, 0), np.float32),
    )


def lines(kspace: Array, flagged: bool = True, **counters: int) -> list[Any]:
    """Return the readouts of k-space (slice, coil, ky, kx), the last of each slice flagged."""
    last = int(mrd.AcquisitionFlags.LAST_IN_SLICE) if flagged else 0
    rows = kspace.shape[2]
    return [
        readout(
            kspace[one, :, ky],
            last if ky == rows - 1 else 0,
            slice=one,
            kspace_encode_step_1=ky,
            **counters,
        )
        for one in range(len(kspace))
        for ky in range(rows)
    ]


def noise(coils: int, samples: int, level: float, seed: int = 0) -> Any:
    """Return a readout without signal."""
    draw = np.random.default_rng(seed).normal(size=(2, coils, samples))
    values = level * (draw[0] + 1j * draw[1]) / np.sqrt(2)
    return readout(values, int(mrd.AcquisitionFlags.IS_NOISE_MEASUREMENT))


def stream(head: Any, items: Iterable[Any]) -> bytes:
    """Return the bytes of a stream of readouts, or of items that say what they are."""
    buffer = io.BytesIO()
    with mrd.BinaryMrdWriter(buffer) as writer:
        writer.write_header(head)
        writer.write_data(
            mrd.StreamItem.Acquisition(one) if isinstance(one, mrd.Acquisition) else one
            for one in items
        )
    return buffer.getvalue()


def images_in(content: bytes) -> list[Any]:
    """Return the images of a stream."""
    with mrd.BinaryMrdReader(io.BytesIO(content)) as reader:
        reader.read_header()
        return [item.value for item in reader.read_data()]
