"""Image volumes from files of many formats, as (slice, y, x) for training and evaluation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from napari_csc.core.kspace.fourier import kspace_to_image
from napari_csc.errors import CscError

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mat", ".npy", ".dcm", ".h5")


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
    magnitude, spacing = _read(path, "")
    if len(magnitude) == 1:
        raise CscError(f"{path.name} holds a single slice; a volume with three axes is needed.")
    name = path.name.removesuffix(_suffix(path))
    return Volume(name, magnitude / _top(magnitude, path), spacing)


def read_stack(path: str | Path, key: str = "") -> npt.NDArray[np.float32]:
    """Read the magnitude slices (slice, y, x) of a volume or of a single image.

    Parameters
    ----------
    path
        A volume file, see `SUFFIXES`.
    key
        Name of the array in a MATLAB file; the first with three axes if empty.

    Raises
    ------
    CscError
        If the format is unknown or the file holds no image.
    """
    return _read(Path(path), key)[0]


def _suffix(path: Path) -> str:
    return path.name[-7:] if path.name.lower().endswith(".nii.gz") else path.suffix


def _read(path: Path, key: str) -> tuple[npt.NDArray[np.float32], tuple[float, float, float]]:
    suffix = _suffix(path).lower()
    if suffix not in SUFFIXES:
        raise CscError(f"{path.name} is no volume file; use one of {', '.join(SUFFIXES)}.")
    try:
        data, spacing = _read_matlab(path, key) if suffix == ".mat" else _READERS[suffix](path)
    except CscError:
        raise
    except Exception as error:
        raise CscError(f"{path.name} could not be read as a {suffix} volume: {error}") from error
    if data.ndim == 2:
        data = data[None]
    if data.ndim != 3:
        raise CscError(f"{path.name} has {data.ndim} axes; a volume with three is needed.")
    return np.abs(np.nan_to_num(data)).astype(np.float32), spacing


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
    from napari_csc.io.formats.nrrd.storage import read_stored

    data, header = read_stored(path)
    directions = np.asarray(header.get("space directions", np.eye(3)), dtype=float)
    x, y, z = (float(size) for size in np.linalg.norm(directions, axis=1))
    return data.transpose(2, 1, 0), (z, y, x)


def _read_matlab(path: Path, key: str) -> Read:
    from scipy.io import loadmat, whosmat

    names = [name for name, shape, _ in whosmat(path) if len(shape) == 3]
    if not names:
        raise CscError(f"{path.name} holds no array with three axes.")
    if key and key not in names:
        raise CscError(f"{path.name} has no volume {key!r}; it has {', '.join(names)}.")
    data = loadmat(path, variable_names=[key or names[0]])[key or names[0]]
    return np.moveaxis(data, -1, 0), (5.0, 1.0, 1.0)


def _read_numpy(path: Path) -> Read:
    return np.load(path, allow_pickle=False), (1.0, 1.0, 1.0)


def _read_dicom(path: Path) -> Read:
    from napari_csc.io.formats.dicom.frames import quietly, read_frames
    from napari_csc.io.formats.dicom.pixels import stack

    with quietly():
        frames = read_frames(path)
        if not frames:
            raise CscError(f"{path.name} holds no image.")
        y, x = frames[0].pixel_spacing() or (1.0, 1.0)
        return stack(frames), (frames[0].measure("SliceThickness") or 1.0, y, x)


def _read_hdf5(path: Path) -> Read:
    """Read the layout of fastMRI and M4Raw: finished images, else k-space, coils combined."""
    import h5py

    with h5py.File(path) as file:
        for name in ("reconstruction_rss", "reconstruction_esc"):
            if isinstance(file.get(name), h5py.Dataset):
                return np.asarray(file[name]), (1.0, 1.0, 1.0)
        if not isinstance(file.get("kspace"), h5py.Dataset):
            raise CscError(
                f"{path.name} has neither reconstruction_rss, reconstruction_esc nor kspace, as "
                "files of fastMRI and M4Raw have."
            )
        kspace = np.asarray(file["kspace"])
    if kspace.ndim not in (3, 4):
        raise CscError(
            f"The k-space of {path.name} has {kspace.ndim} axes; (slice, y, x) or (slice, coil, y, "
            "x) is needed."
        )
    images = kspace_to_image(torch.from_numpy(kspace)).abs().numpy()
    combined = images if kspace.ndim == 3 else np.sqrt((images**2).sum(1))
    return combined, (1.0, 1.0, 1.0)


_READERS = {
    ".nii": _read_nifti,
    ".nii.gz": _read_nifti,
    ".nrrd": _read_nrrd,
    ".npy": _read_numpy,
    ".dcm": _read_dicom,
    ".h5": _read_hdf5,
}
