"""Turn volumes to (slice, y, x) as radiologists look at them."""

import numpy as np
import numpy.typing as npt

# The anatomical directions along which (slice, y, x) run, by the body axis the slices cross:
# patient's right on the left of the picture, anterior or superior at the top.
_VIEWS = {0: "LIP", 1: "PIL", 2: "SPL"}
_THICK = 1.3


def turned(
    data: npt.NDArray, affine: npt.NDArray[np.float64]
) -> tuple[npt.NDArray, npt.NDArray[np.float64]]:
    """Turn a volume to (slice, y, x) and return the affine that belongs to it.

    Slices cross the body axis along which the voxels are clearly longest, else they are axial.

    Parameters
    ----------
    data
        Volume with three axes in any order.
    affine
        Shape (4, 4): its indices to millimetres (right, anterior, superior).
    """
    from nibabel.orientations import (
        apply_orientation,
        axcodes2ornt,
        inv_ornt_aff,
        io_orientation,
        ornt_transform,
    )

    now = io_orientation(affine)
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    thickness = {int(now[axis, 0]): (data.shape[axis] == 1, sizes[axis]) for axis in range(3)}
    body_axis = max(thickness, key=lambda axis: (*thickness[axis], axis == 2))
    flat, thick = thickness[body_axis]
    if not flat and thick < _THICK * sorted(size for _, size in thickness.values())[1]:
        body_axis = 2
    turn = ornt_transform(now, axcodes2ornt(tuple(_VIEWS[body_axis])))
    result = apply_orientation(data, turn)
    return np.ascontiguousarray(result), affine @ inv_ornt_aff(turn, data.shape)


def spacing_of(affine: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the distance of neighbours along each axis, with the six digits headers hold."""
    first, second, third = (float(f"{size:.6g}") for size in np.linalg.norm(affine[:3, :3], axis=0))
    return first, second, third
