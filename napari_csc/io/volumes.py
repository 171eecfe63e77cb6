"""Image volumes from NIfTI, NRRD, MATLAB and NumPy files, as (slice, y, x) for training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_csc.core.errors import CscError

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mat", ".npy")


@dataclass(frozen=True)
class Volume:
    """Magnitude images of one series.

    Attributes
    ----------
    name : str
        File name without suffix.
    data : ndarray
        Shape (slice, y, x), float32, scaled to a 99.9 % quantile of one, not negative.
    spacing : tuple of float
        Distance of pixels along (slice, y, x), in the file's unit.
    """

    name: str
    data: npt.NDArray[np.float32]
    spacing: tuple[float, float, float]

    def turned(self, axis: int) -> npt.NDArray[np.float32]:
        """Return the slices across another axis, (slice, y, x)."""
        return np.moveaxis(self.data, axis, 0)

    @property
    def is_isotropic(self) -> bool:
        """Whether slices across every axis have nearly square pixels."""
        return max(self.spacing) <= 1.3 * min(self.spacing)


def read_volume(path: str | Path) -> Volume:
    """Read a volume.

    Raises
    ------
    CscError
        If the format is unknown or the file holds no volume.
    """
    path = Path(path)
    suffix = "".join(path.suffixes[-2:]) if path.name.endswith(".nii.gz") else path.suffix
    if suffix not in SUFFIXES:
        raise CscError(f"{path.name} is no volume file; use one of {', '.join(SUFFIXES)}.")
    try:
        data, spacing = _READERS[suffix](path)
    except CscError:
        raise
    except Exception as error:
        raise CscError(f"{path.name} could not be read as a {suffix} volume: {error}") from error
    if data.ndim != 3:
        raise CscError(f"{path.name} has {data.ndim} axes; a volume with three is needed.")
    magnitude = np.abs(np.nan_to_num(data)).astype(np.float32)
    return Volume(path.name.removesuffix(suffix), magnitude / _top(magnitude, path), spacing)


def _top(magnitude: npt.NDArray[np.float32], path: Path) -> float:
    top = float(np.quantile(magnitude, 0.999))
    if top <= 0:
        raise CscError(f"{path.name} is empty: nearly all values are zero.")
    return top


Read = tuple[npt.NDArray[Any], tuple[float, float, float]]


def _read_nifti(path: Path) -> Read:
    import nibabel

    image = nibabel.as_closest_canonical(nibabel.load(path))  # type: ignore[attr-defined]
    x, y, z = (float(size) for size in image.header.get_zooms()[:3])
    # RAS to (slice, y, x) with anterior at the top.
    data = np.asarray(image.dataobj, dtype=np.float32)
    return np.ascontiguousarray(data.transpose(2, 1, 0)[:, ::-1]), (z, y, x)


def _read_nrrd(path: Path) -> Read:
    import nrrd

    data, header = nrrd.read(str(path))
    directions = np.asarray(header.get("space directions", np.eye(3)), dtype=float)
    x, y, z = (float(size) for size in np.linalg.norm(directions, axis=1))
    return data.transpose(2, 1, 0), (z, y, x)


def _read_matlab(path: Path) -> Read:
    from scipy.io import loadmat, whosmat

    names = [name for name, shape, _ in whosmat(path) if len(shape) == 3]
    if not names:
        raise CscError(f"{path.name} holds no array with three axes.")
    data = loadmat(path, variable_names=names[:1])[names[0]]
    return np.moveaxis(data, -1, 0), (5.0, 1.0, 1.0)


def _read_numpy(path: Path) -> Read:
    return np.load(path, allow_pickle=False), (1.0, 1.0, 1.0)


_READERS = {
    ".nii": _read_nifti,
    ".nii.gz": _read_nifti,
    ".nrrd": _read_nrrd,
    ".mat": _read_matlab,
    ".npy": _read_numpy,
}
