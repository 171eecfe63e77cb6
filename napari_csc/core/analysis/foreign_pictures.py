"""Pictures that another program made of a scan: laid over it, and brought to its scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.fourier import about_zero, image_to_kspace, kspace_to_image
from napari_csc.errors import CscError

Tensor = torch.Tensor

# Fields of view of matrices whose sides are in the same proportion are taken for the same.
_SAME_PROPORTION = 0.02
# A smaller share of the scan inside the picture is a mistake.
_LEAST_OVERLAP = 0.1


def foreign_picture(picture: Acquisition, scan: Acquisition) -> Tensor:
    """Return the images of another program on the grid and in the units of a scan.

    Where both tell where they lie in the body, the picture is interpolated there (linearly, zero
    outside of it). Otherwise the slices must be as many; a picture of another matrix of the same
    proportions is taken to show the same field of view, and is zero-filled or cut in k-space.

    The scale is that of the initial image, by least squares: of magnitudes, or, if both are
    complex, with a phase.

    Parameters
    ----------
    picture
        As `napari_csc.load` reads it.
    scan
        The scan that it was made of.

    Returns
    -------
    Tensor
        Shape (slice, y, x), complex64.

    Raises
    ------
    CscError
        If the picture cannot be laid over the scan, or is empty there.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_csc as csc
    >>> from napari_csc.core.analysis.foreign_pictures import foreign_picture
    >>> scan = csc.Acquisition.from_image(np.eye(32) + 1)
    >>> other = csc.Acquisition.from_image(1000 * (np.eye(32) + 1))
    >>> bool(np.allclose(foreign_picture(other, scan), scan.adjoint(), atol=1e-5))
    True
    """
    images = _laid_over(picture, scan)
    reference = scan.adjoint().cpu()
    power = float(images.abs().double().square().sum())
    if not power > 0:
        raise CscError("The picture is empty where the scan lies.")
    if picture.values == "complex" and scan.values == "complex":
        factor = complex(torch.vdot(images.flatten(), reference.flatten())) / power
    else:
        factor = float((images.abs() * reference.abs()).double().sum()) / power
    return images * factor


def _laid_over(picture: Acquisition, scan: Acquisition) -> Tensor:
    images = picture.adjoint().cpu()
    if picture.values != "complex":
        images = images.real + 0j
    here, there = scan.metadata.get("affine"), picture.metadata.get("affine")
    if here is not None and there is not None:
        return _interpolated(images, np.asarray(there), np.asarray(here), scan.shape)
    if len(images) != scan.shape[0]:
        raise CscError(
            f"The picture has {len(images)} slices, but the scan {scan.shape[0]}, and not both "
            "tell where they lie; give as many slices."
        )
    grid = scan.shape[1:]
    if tuple(images.shape[1:]) == grid:
        return images
    scales = [there / here for there, here in zip(images.shape[1:], grid, strict=True)]
    if abs(scales[0] / scales[1] - 1) > _SAME_PROPORTION:
        raise CscError(
            f"The picture has {images.shape[1]} x {images.shape[2]} pixels, but the scan "
            f"{grid[0]} x {grid[1]}; give it with the same proportions, or with its position."
        )
    return kspace_to_image(about_zero(image_to_kspace(images), (grid[0], grid[1])))


def _interpolated(
    images: Tensor,
    there: npt.NDArray[Any],
    here: npt.NDArray[Any],
    shape: tuple[int, int, int],
) -> Tensor:
    """Return images at the positions of a scan; both affines take (slice, y, x) to millimetres."""
    from scipy.ndimage import map_coordinates

    try:
        change = np.linalg.inv(there) @ here
    except np.linalg.LinAlgError as error:
        raise CscError("The position that the picture tells cannot be used.") from error
    indices = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"))
    places = np.tensordot(change[:3, :3], indices, axes=1) + change[:3, 3][:, None, None, None]
    sizes = np.array(images.shape)[:, None, None, None]
    inside = ((places >= -0.5) & (places <= sizes - 0.5)).all(0)
    if inside.mean() < _LEAST_OVERLAP:
        raise CscError(
            "The picture lies elsewhere in the body than the scan; choose the one of this scan."
        )
    values = images.numpy()
    # Half a pixel beyond the outermost centres still belongs to the picture.
    parts = [
        map_coordinates(part, places, order=1, mode="nearest") * inside
        for part in (values.real, values.imag)
    ]
    return torch.from_numpy((parts[0] + 1j * parts[1]).astype(np.complex64))
