"""ISMRMRD readouts along a trajectory: positions in cycles per field of view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_csc.errors import CscError
from napari_csc.io.formats.ismrmrd.header import Encoding
from napari_csc.io.formats.ismrmrd.readouts import Readouts

# Rounding, and samples at the very edge.
_SLACK = 1.02
# A trajectory in other units (radians, 1/m) would seldom reach the edge of either range.
_LEAST_REACH = 0.35


@dataclass(frozen=True)
class Trajectory:
    """Samples along a trajectory, equal in all slices.

    Attributes
    ----------
    kspace : ndarray
        Shape (slice, coil, sample), complex64.
    positions : ndarray
        Shape (sample, 2) as (ky, kx), in cycles per field of view of the image.
    shape : tuple of int
        Image grid (y, x).
    averages : int
        Readouts at each position; ``kspace`` is their mean.
    noise_std : float or None
        Of a sample of ``kspace``, from differences of averages.
    scaling : str
        How the stored positions were understood.
    """

    kspace: npt.NDArray[np.complex64]
    positions: npt.NDArray[np.float32]
    shape: tuple[int, int]
    averages: int
    noise_std: float | None
    scaling: str


def along_trajectory(readouts: Readouts, encoding: Encoding, slices: list[int]) -> Trajectory:
    """Return samples and positions; see `scaled_positions` for the scaling.

    Raises
    ------
    CscError
        If positions are missing, leave the plane, or differ between slices.
    """
    name = readouts.path.name
    heads = readouts.heads
    dimensions = np.unique(heads["trajectory_dimensions"])
    if encoding.matrix[2] > 1 or len(dimensions) != 1 or dimensions[0] not in (0, 2, 3):
        raise CscError(
            f"The trajectory in {name} is not one of plane slices, and only these are "
            "reconstructed; choose a 2-D scan."
        )
    if dimensions[0] == 0:
        raise CscError(
            f"{name} says that its trajectory is {encoding.trajectory}, but does not hold it; "
            "convert the scan with its trajectory."
        )
    lengths = {
        tuple(one) for one in heads[["number_of_samples", "discard_pre", "discard_post"]].tolist()
    }
    if len(lengths) > 1:
        raise CscError(
            f"The readouts in {name} differ in length, and only equal ones are reconstructed along "
            "a trajectory; choose an encoding with key='encoding=0', say."
        )
    order, averages = _order(readouts, slices)
    samples = {number: line for number, line in readouts.samples()}
    lines = {number: line for number, line in readouts.trajectories()}
    kspace = np.stack([np.stack([samples[one] for one in rows]) for rows in order])
    positions = np.stack([np.stack([lines[one] for one in rows]) for rows in order])
    if np.ptp(positions, axis=0).max() > 1e-5 * np.abs(positions).max():
        raise CscError(
            f"The slices in {name} have different trajectories; load them one by one (slice=0, "
            "say)."
        )
    return _averaged(kspace, positions[0], averages, encoding, name)


def scaled_positions(
    positions: npt.NDArray[np.float32], encoding: Encoding, name: str
) -> tuple[npt.NDArray[np.float32], str]:
    """Return positions (..., 2) as (kx, ky) in cycles per encoded field of view, and how.

    The standard leaves the scaling open. Three are in use and told apart by the reach: between -0.5
    and 0.5 over the encoded matrix, the same with one scale for both directions where pixels are
    not square, and cycles per encoded field of view, between -n/2 and n/2.

    Raises
    ------
    CscError
        If it is neither.
    """
    matrix = np.array(encoding.matrix[:2], np.float32)
    if not np.isfinite(positions).all():
        raise CscError(f"The trajectory in {name} contains NaN or infinite positions.")
    reach = np.abs(positions).reshape(-1, 2).max(axis=0)
    if not reach.any():
        raise CscError(
            f"The trajectory in {name} is all zero, so that it was not written; convert the scan "
            "with its trajectory, or state that it is Cartesian."
        )
    common = _common_scale(encoding, reach)
    if common is not None:
        scaled = np.clip(positions * common, -matrix / 2, matrix / 2)
        return scaled.astype(np.float32), "-0.5 to 0.5 over the finer direction"
    if _LEAST_REACH < 2 * reach.max() <= _SLACK:
        limited = np.clip(positions, -0.5, 0.5)
        return (limited * matrix).astype(np.float32), "-0.5 to 0.5 over the encoded matrix"
    share = 2 * reach / matrix
    if _LEAST_REACH < share.max() <= _SLACK and reach.max() > 1:
        limited = np.clip(positions, -matrix / 2, matrix / 2)
        return limited.astype(np.float32), "cycles per encoded field of view"
    raise CscError(
        f"The trajectory in {name} reaches {reach.max():.4g}, which is neither 0.5 nor half of the "
        f"encoded matrix ({encoding.matrix[0]} x {encoding.matrix[1]}); rescale it to one of these."
    )


def _common_scale(
    encoding: Encoding, reach: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32] | None:
    """Return cycles per field of view in a position where both directions have one scale.

    KomaMRI divides all positions by twice the furthest of them. With square pixels this is the
    usual scaling.
    """
    if encoding.field_of_view is None:
        return None
    fov = np.array(encoding.field_of_view[:2])
    finest = np.array(encoding.matrix[:2]) / fov
    expected = finest / (2 * finest.max())
    if expected.min() > 0.5 / _SLACK or np.abs(reach - expected).max() > 0.5 * (_SLACK - 1):
        return None
    return np.asarray(fov * finest.max(), np.float32)


def _order(readouts: Readouts, slices: list[int]) -> tuple[list[list[int]], int]:
    """Return the numbers of the readouts of each slice in a common order, and of averages.

    Averages come first in the order.
    """
    steps = [readouts.counter(f"kspace_encode_step_{one}") for one in "12"]
    keys = (*steps, readouts.counter("average"))
    counters = readouts.counter("slice")
    # A stable sort: among equals the order of measurement decides.
    ranked = np.lexsort(keys)
    order = [ranked[counters[ranked] == one].tolist() for one in slices]
    if len({len(rows) for rows in order}) > 1:
        raise CscError(
            f"The slices in {readouts.path.name} have different numbers of readouts; load them one "
            "by one (slice=0, say)."
        )
    counts = np.unique(readouts.counter("average"), return_counts=True)[1]
    return order, len(counts) if len(set(counts.tolist())) == 1 else 1


def _averaged(
    kspace: npt.NDArray[np.complex64],
    positions: npt.NDArray[np.float32],
    averages: int,
    encoding: Encoding,
    name: str,
) -> Trajectory:
    """Return the mean where averages follow the same path; other paths are more samples."""
    if positions.shape[-1] == 3 and np.abs(positions[..., 2]).max() > 0:
        raise CscError(
            f"The trajectory in {name} has a third component, and only plane slices are "
            "reconstructed; choose a 2-D scan."
        )
    plane, scaling = scaled_positions(positions[..., :2], encoding, name)
    noise_std = None
    paths = plane.reshape(averages, -1, *plane.shape[1:])
    if averages > 1 and np.ptp(paths, axis=0).max() < 1e-3:
        plane = paths[0]
        each = kspace.reshape(len(kspace), averages, -1, *kspace.shape[2:])
        kspace = each.mean(axis=1)
        power = float((np.abs(each - kspace[:, None]).astype(np.float64) ** 2).mean())
        noise_std = float(np.sqrt(power / (averages - 1))) or None
    else:
        averages = 1
    # Positions per field of view of the image, which may be less than that of the readout.
    _, height, width = encoding.image_shape
    full = np.array(encoding.matrix[:2], np.float32)
    reach = np.array([width, height], np.float32)
    plane = np.clip(plane * (reach / full), -reach / 2, reach / 2)
    samples = np.moveaxis(kspace, 2, 1).reshape(len(kspace), kspace.shape[2], -1)
    return Trajectory(
        samples, plane[..., ::-1].reshape(-1, 2), (height, width), averages, noise_std, scaling
    )
