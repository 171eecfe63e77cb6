"""ISMRMRD files of known images, written with ismrmrd's own types."""

from pathlib import Path
from typing import Any

import h5py
import ismrmrd
import numpy as np
import torch
from ismrmrd import xsd

from napari_csc.core.kspace.fourier import image_to_kspace

Array = np.ndarray[Any, Any]


def kspace_of(images: torch.Tensor | Array) -> Array:
    """Return the centred unitary k-space of images (..., y, x)."""
    data: Array = image_to_kspace(torch.as_tensor(images).to(torch.complex64)).numpy()
    return data


def oversampled(images: torch.Tensor, factor: int = 2) -> torch.Tensor:
    """Return images in a field of view that is larger along x, with something out there."""
    width = images.shape[-1]
    start = factor * width // 2 - width // 2
    wide = torch.full((*images.shape[:-1], factor * width), 0.5, dtype=images.dtype)
    wide[..., start : start + width] = images
    return wide


def encoding(
    matrix: tuple[int, int, int],
    recon: tuple[int, int, int] | None = None,
    fov: tuple[float, float, float] = (200.0, 240.0, 5.0),
    recon_fov: tuple[float, float, float] | None = None,
    trajectory: str = "cartesian",
    centres: tuple[int, int] | None = None,
) -> Any:
    """Return an encoding; sizes along (x, y, z), centres of ky and kz."""
    recon, recon_fov = recon or matrix, recon_fov or fov
    ky, kz = centres or (matrix[1] // 2, matrix[2] // 2)
    spaces = [
        xsd.encodingSpaceType(
            matrixSize=xsd.matrixSizeType(x=m[0], y=m[1], z=m[2]),
            fieldOfView_mm=xsd.fieldOfViewMm(x=f[0], y=f[1], z=f[2]),
        )
        for m, f in ((matrix, fov), (recon, recon_fov))
    ]
    limits = xsd.encodingLimitsType(
        kspace_encoding_step_1=xsd.limitType(minimum=0, maximum=matrix[1] - 1, center=ky),
        kspace_encoding_step_2=xsd.limitType(minimum=0, maximum=matrix[2] - 1, center=kz),
    )
    return xsd.encodingType(
        encodedSpace=spaces[0],
        reconSpace=spaces[1],
        encodingLimits=limits,
        trajectory=xsd.trajectoryType(trajectory),
    )


def header(*encodings: Any, noise_bandwidth: float | None = None) -> str:
    """Return the XML header of a scan."""
    found = xsd.ismrmrdHeader(
        measurementInformation=xsd.measurementInformationType(
            patientPosition=xsd.patientPositionType("HFS"), protocolName="head  flair"
        ),
        acquisitionSystemInformation=xsd.acquisitionSystemInformationType(
            systemVendor="Maker",
            systemModel="Low",
            systemFieldStrength_T=0.3,
            relativeReceiverNoiseBandwidth=noise_bandwidth,
        ),
        experimentalConditions=xsd.experimentalConditionsType(H1resonanceFrequency_Hz=12770000),
        encoding=list(encodings),
        sequenceParameters=xsd.sequenceParametersType(
            TR=[500.0], TE=[10.0, 90.0], TI=[0.0], flipAngle_deg=[90.0], sequence_type="TSE"
        ),
    )
    return str(xsd.ToXML(found))


def readout(
    samples: Array,
    trajectory: Array | None = None,
    flags: tuple[int, ...] = (),
    centre: int | None = None,
    **entries: Any,
) -> Any:
    """Return one readout (coil, sample); further entries are those of head or counters."""
    one = ismrmrd.Acquisition()
    coils, count = samples.shape
    one.resize(count, coils, 0 if trajectory is None else trajectory.shape[1])
    one.data[:] = samples
    if trajectory is not None:
        one.traj[:] = trajectory
    one.center_sample = count // 2 if centre is None else centre
    for flag in flags:
        one.setFlag(flag)
    for name, value in entries.items():
        if name in ("position", "read_dir", "phase_dir", "slice_dir"):
            getattr(one, name)[:] = value
        elif hasattr(one.idx, name):
            setattr(one.idx, name, value)
        else:
            setattr(one, name, value)
    return one


def lines(kspace: Array, **entries: Any) -> list[Any]:
    """Return the readouts of k-space (slice, coil, ky, kx)."""
    return [
        readout(kspace[one, :, ky], slice=one, kspace_encode_step_1=ky, **entries)
        for one in range(len(kspace))
        for ky in range(kspace.shape[2])
    ]


def write(path: Path, xml: str, readouts: list[Any], group: str = "dataset") -> Path:
    """Write a file in bulk, with the types that ismrmrd uses one by one."""
    with ismrmrd.Dataset(str(path), group) as dataset:
        dataset.write_xml_header(xml.encode())
    table = np.empty(len(readouts), dtype=ismrmrd.hdf5.acquisition_dtype)
    for row, one in zip(table, readouts, strict=True):
        row["head"] = np.frombuffer(one.getHead(), dtype=ismrmrd.hdf5.acquisition_header_dtype)[0]
        row["data"] = one.data.view(np.float32).reshape(-1)
        row["traj"] = one.traj.reshape(-1)
    with h5py.File(path, "r+") as file:
        file[group].create_dataset("data", data=table, maxshape=(None,), chunks=(16,))
    return path
