"""Write images as ISMRMRD (MRD) has them: one entry a slice, with its place in the patient."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from napari_csc.errors import CscError
from napari_csc.io.content_to_write import NOTICE, Exported
from napari_csc.io.requests import WriteRequest
from napari_csc.storage.atomic import replacing

GROUP, SERIES = "dataset", "image_0"
IMAGE_TYPES = {"magnitude": 1, "phase": 2, "real": 3, "imaginary": 4, "complex": 5}
_LARGEST_MATRIX = 2**16 - 1


def write_ismrmrd(content: Exported, request: WriteRequest) -> list[Path]:
    """Write a series of images with a minimal header.

    The position of an image is that of the pixel ``n // 2``, as of raw data. Where spacing or
    orientation are not known, field of view and directions are zero.

    Raises
    ------
    CscError
        If the file exists and may not be overwritten, or cannot be written.
    """
    from ismrmrd import Dataset, Image

    slices, height, width = content.values.shape
    if max(height, width) > _LARGEST_MATRIX:
        raise CscError(f"ISMRMRD has no images of {height} x {width}; write another format.")
    # In memory first: the HDF5 library does not say plainly that a disk is full.
    buffer = BytesIO()
    with Dataset(buffer, GROUP, mode="w") as dataset:
        dataset.write_xml_header(_header(content).encode())
        for number in range(slices):
            image = Image.from_array(
                content.values[number],
                image_type=IMAGE_TYPES[content.kind],
                image_index=number + 1,
                slice=number,
                field_of_view=field_of_view(content, 1),
                **place_of(content, number),
            )
            image.meta = {"ImageComment": f"{content.described}; {NOTICE}"}
            dataset.append_image(SERIES, image)
    with replacing(request.path, request.overwrite) as part:
        part.write_bytes(buffer.getbuffer())
    return [request.path]


def field_of_view(content: Exported, slices: int) -> tuple[float, ...]:
    """Return the field of view along (x, y, z) in mm, zero where it is not known."""
    if content.unit != "mm":
        return (0.0, 0.0, 0.0)
    z, y, x = content.spacing
    height, width = content.values.shape[-2:]
    return (x * width, y * height, z * slices)


def place_of(content: Exported, number: int) -> dict[str, tuple[float, ...]]:
    """Return position and directions of a slice, by their names in headers; none if not known."""
    placed = content.lps()
    if placed is None:
        return {}
    affine, directions = placed
    height, width = content.values.shape[-2:]
    names = ("slice_dir", "phase_dir", "read_dir")
    position = affine @ [number, height // 2, width // 2, 1]
    return {
        "position": tuple(position[:3].tolist()),
        **{name: tuple(directions[:, axis].tolist()) for axis, name in enumerate(names)},
    }


def _header(content: Exported) -> str:
    """Return the XML header: what its schema needs, and no more."""
    from ismrmrd import xsd

    slices, height, width = content.values.shape
    x, y, z = field_of_view(content, 1)
    space: Any = xsd.encodingSpaceType(
        matrixSize=xsd.matrixSizeType(x=width, y=height, z=1),
        fieldOfView_mm=xsd.fieldOfViewMm(x=x, y=y, z=z),
    )
    limits = xsd.encodingLimitsType(
        slice=xsd.limitType(minimum=0, maximum=slices - 1, center=slices // 2)
    )
    header = xsd.ismrmrdHeader(
        # Not known, but it must be there.
        experimentalConditions=xsd.experimentalConditionsType(H1resonanceFrequency_Hz=0),
        encoding=[
            xsd.encodingType(
                encodedSpace=space,
                reconSpace=space,
                encodingLimits=limits,
                trajectory=xsd.trajectoryType("cartesian"),
            )
        ],
    )
    return str(xsd.ToXML(header))
