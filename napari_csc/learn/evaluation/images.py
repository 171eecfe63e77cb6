"""Test images by anatomy and subject, on square grids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from napari_csc.core.acquisition.simulate import IMAGE_MAXIMUM
from napari_csc.errors import CscError
from napari_csc.learn.training.data import smooth_field

Image = npt.NDArray[np.float32]

# Which files of the data folder are which anatomy; all of them were kept out of the training.
DEFAULT_GROUPS: dict[str, tuple[str, ...]] = {
    "brain": ("brain_volumes/torchio_t2*",),
    "knee": ("other_anatomy/fair_knee3d.mat:dataT", "other_anatomy/fair_knee3d.mat:dataR"),
    "abdomen": ("other_anatomy/abdomen.dcm",),
    "shoulder": ("other_anatomy/shoulder.dcm",),
}
_LEAST_FILLED = 0.12
_FILLED_LEVEL = 0.1


@dataclass(frozen=True, eq=False)
class EvaluationImage:
    """One slice of one subject.

    Attributes
    ----------
    group, subject : str
        Anatomy, and who (or which file) it is.
    number : int
        Which of the subject's slices.
    image : Tensor
        Complex image (y, x) of largest magnitude 10, with a smooth phase.
    object : Tensor
        Pixels (y, x) that show the object, bool: above 5 % of the maximum, holes filled.
    """

    group: str
    subject: str
    number: int
    image: torch.Tensor
    object: torch.Tensor


def evaluation_images(
    folder: str | Path,
    groups: Mapping[str, Sequence[str]] | None = None,
    size: int = 320,
    per_subject: int = 4,
) -> list[EvaluationImage]:
    """Read evenly spaced slices of each subject.

    Parameters
    ----------
    folder
        Folder that the patterns are relative to.
    groups
        Anatomy to file patterns; ``file.mat:key`` names an array. `DEFAULT_GROUPS` if None.
    size
        Widest grid; larger images are scaled down to it, and all are padded to squares.
    per_subject
        Slices of each subject.

    Raises
    ------
    CscError
        If a pattern matches nothing, or a file shows nothing.
    """
    found = []
    for group, patterns in (groups or DEFAULT_GROUPS).items():
        for pattern in patterns:
            for name, stack in _stacks(Path(folder), pattern):
                found += _slices(group, name, stack, size, per_subject)
    return found


def _stacks(folder: Path, pattern: str) -> list[tuple[str, Image]]:
    from napari_csc.learn.training.volumes import read_stack

    pattern, _, key = pattern.partition(":")
    above = Path(pattern).parent
    names = Path(pattern).name
    directory = above if above.is_absolute() else folder / above
    paths = [p for p in sorted(directory.glob("*")) if fnmatch(p.name, names)]
    if not paths:
        raise CscError(f"No test image matches {pattern} in {folder}; give others with --images.")
    # Two arrays of one file are two subjects.
    named = [(f"{path.name}:{key}" if key else path.name, path) for path in paths]
    return [(name, read_stack(path, key)) for name, path in named]


def _slices(group: str, name: str, stack: Image, size: int, count: int) -> list[EvaluationImage]:
    # The slices of a volume lie across its shortest axis.
    stack = np.moveaxis(stack, int(np.argmin(stack.shape)), 0)
    stack = stack / max(float(np.quantile(stack, 0.999)), 1e-12)
    shares = (stack > _FILLED_LEVEL).mean(axis=(1, 2))
    filled = np.nonzero(shares > _LEAST_FILLED)[0]
    if len(filled) == 0:
        raise CscError(f"{name} shows nothing in any slice; leave it out.")
    chosen = filled[np.unique(np.linspace(0, len(filled) - 1, count + 2).round().astype(int)[1:-1])]
    if len(filled) <= count:
        chosen = filled
    return [_prepared(group, name, int(number), stack[number], size) for number in chosen]


def _prepared(group: str, name: str, number: int, plane: Image, size: int) -> EvaluationImage:
    from scipy.ndimage import binary_fill_holes
    from skimage.transform import resize

    height, width = plane.shape
    shrink = min(1.0, size / max(height, width))
    if shrink < 1:
        shape = (round(shrink * height), round(shrink * width))
        plane = resize(plane, shape, order=1, anti_aliasing=True)
    height, width = plane.shape
    size = max(height, width)
    square = np.zeros((size, size), np.float32)
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = np.clip(plane, 0, None)
    square *= IMAGE_MAXIMUM / square.max()
    rng = np.random.default_rng((7, number))
    phase = smooth_field(size, rng)
    inside = binary_fill_holes(square > 0.05 * IMAGE_MAXIMUM)
    return EvaluationImage(
        group,
        name,
        number,
        torch.from_numpy((square * np.exp(1j * phase)).astype(np.complex64)),
        torch.from_numpy(inside),
    )
