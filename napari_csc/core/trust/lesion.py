"""A lesion that nobody has: its shape, its contrast, and the image that it would add."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from napari_csc.core.trust.object_mask import object_mask
from napari_csc.errors import CscError

Tensor = torch.Tensor
Array = npt.NDArray[np.float64]

Unit = Literal["mean", "sigma"]
Shape = Literal["disc", "line", "mask"]

_LARGEST_CONTRAST = 1000.0
# The phase of the image is smoothed over this many pixels, so that noise does not tear the lesion.
_PHASE_WIDTH = 1.0


@dataclass(frozen=True, eq=False)
class Lesion:
    """A lesion to be inserted into a scan.

    Attributes
    ----------
    at : (y, x) or None
        Its middle, in pixels; None for a mask.
    radius : float
        Of a disc, or half the width of a line; in pixels. The edge is soft over one pixel.
    contrast : float
        How much brighter or darker, in ``unit``; positive.
    unit : str
        ``"mean"``: share of the mean magnitude there, or ``"sigma"``: noise of the data.
    dark : bool
        Whether it is darker than its surroundings.
    shape : str
        ``"disc"``, ``"line"`` or ``"mask"``.
    length, angle : float
        Of a line: pixels from end to end, and degrees from the x axis towards the y axis.
    mask : array or None
        Weights (y, x) between 0 and 1 of a lesion of any other shape.

    Raises
    ------
    CscError
        If a value cannot be.

    Examples
    --------
    >>> import napari_csc as csc
    >>> csc.Lesion((20, 24), radius=3, contrast=0.2).words
    'A bright disc of 3 px and 20 %'
    >>> csc.Lesion((20, 24), radius=1, contrast=4, unit="sigma", dark=True, shape="line").words
    'A dark line of 12 x 2 px and 4 sigma'
    """

    at: tuple[float, float] | None = None
    radius: float = 3.0
    contrast: float = 0.2
    unit: Unit = "mean"
    dark: bool = False
    shape: Shape = "disc"
    length: float = 12.0
    angle: float = 0.0
    mask: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no lesion."""
        if self.unit not in ("mean", "sigma"):
            raise CscError(f"The contrast can be in 'mean' or in 'sigma', not in {self.unit!r}.")
        if self.shape not in ("disc", "line", "mask"):
            raise CscError(f"A lesion is a 'disc', a 'line' or a 'mask', not {self.shape!r}.")
        if not _is_number(self.contrast) or not 0 < self.contrast <= _LARGEST_CONTRAST:
            raise CscError(
                f"The contrast of a lesion must be more than 0, but is {self.contrast}; say dark "
                "for a dark one."
            )
        if self.dark and self.unit == "mean" and self.contrast > 1:
            raise CscError("A dark lesion cannot take away more than all; give 1 or less.")
        if self.shape == "mask":
            if self.mask is None:
                raise CscError("A lesion of the shape 'mask' needs its mask.")
            return
        if self.at is None or len(self.at) != 2 or not all(_is_number(one) for one in self.at):
            raise CscError("A lesion needs the place (y, x) of its middle.")
        if not _is_number(self.radius) or not self.radius > 0:
            raise CscError(f"The radius of a lesion must be more than 0, but is {self.radius}.")
        if self.shape == "line" and not (_is_number(self.length) and self.length > 0):
            raise CscError(f"The length of a line must be more than 0, but is {self.length}.")

    @property
    def words(self) -> str:
        """What it is, to begin a sentence with."""
        return self.told()

    def told(self, millimetres: float | None = None) -> str:
        """Return what it is, with the size of a disc in mm if that of a pixel is known."""
        kind = "dark" if self.dark else "bright"
        own = "" if millimetres is None else f" ({self.radius * millimetres:.2g} mm)"
        size = {
            "disc": f"disc of {self.radius:g} px{own}",
            "line": f"line of {self.length:g} x {2 * self.radius:g} px",
            "mask": "lesion of your shape",
        }[self.shape]
        strength = (
            f"{100 * self.contrast:g} %" if self.unit == "mean" else f"{self.contrast:g} sigma"
        )
        return f"A {kind} {size} and {strength}"

    def weights(self, shape: tuple[int, int]) -> Array:
        """Return how much of it is in each pixel (y, x), 0 to 1.

        Raises
        ------
        CscError
            If none of it lies in the image, or the mask is of another shape.
        """
        if self.shape == "mask":
            return _checked_mask(self.mask, shape)
        assert self.at is not None
        y, x = (float(one) for one in self.at)
        if not (-0.5 <= y <= shape[0] - 0.5 and -0.5 <= x <= shape[1] - 0.5):
            raise CscError(
                f"The lesion at ({y:g}, {x:g}) lies outside the image of {shape[0]} x {shape[1]} "
                "pixels."
            )
        rows, columns = np.mgrid[: shape[0], : shape[1]]
        rows, columns = rows - y, columns - x
        if self.shape == "line":
            turned = math.radians(self.angle)
            along = columns * math.cos(turned) + rows * math.sin(turned)
            across = rows * math.cos(turned) - columns * math.sin(turned)
            beyond = np.maximum(np.abs(along) - self.length / 2, 0)
            distance = np.hypot(across, beyond)
        else:
            distance = np.hypot(rows, columns)
        found: Array = np.clip(self.radius + 0.5 - distance, 0, 1)
        if not found.any():
            raise CscError("The lesion is smaller than a pixel here; make its radius larger.")
        return found


def pixel_size(unit: str, spacing: tuple[float, float, float]) -> float | None:
    """Return the size of a pixel in mm, where it is known and the same along both axes.

    Examples
    --------
    >>> from napari_csc.core.trust.lesion import pixel_size
    >>> pixel_size("mm", (5, 1.5, 1.5)), pixel_size("pixel", (1, 1, 1))
    (1.5, None)
    """
    _, tall, wide = spacing
    is_known = unit == "mm" and abs(tall - wide) <= 0.01 * max(tall, wide)
    return (tall + wide) / 2 if is_known else None


@dataclass(frozen=True, eq=False)
class Inserted:
    """A lesion in its place.

    Attributes
    ----------
    image : Tensor
        What it adds to the image (y, x), complex64.
    turn : Tensor
        What turns it to real and positive numbers (y, x), complex64 of modulus one.
    inside : Tensor
        Its pixels (y, x), bool: half of its strength or more.
    amplitude : float
        Its contrast in units of the image; positive.
    local_mean : float
        Mean magnitude of the image there.
    """

    image: Tensor
    turn: Tensor
    inside: Tensor
    amplitude: float
    local_mean: float

    def along(self, image: Tensor) -> Tensor:
        """Return the part (y, x) of an image along the lesion: positive where it looks like it."""
        return (image * self.turn).real

    def recovered(self, image: Tensor) -> float:
        """Return the share of its mean that an image holds inside of it."""
        wanted = self.along(self.image)[self.inside].double().mean()
        return float(self.along(image)[self.inside].double().mean() / wanted)


def inserted(lesion: Lesion, image: Tensor, sigma: float) -> Inserted:
    """Return a lesion in its place in an image.

    Parameters
    ----------
    lesion
        The lesion.
    image
        The reconstruction (y, x), complex; the lesion takes its phase.
    sigma
        Noise unit of the image.

    Raises
    ------
    CscError
        If it lies outside the image or the object, or would be darker than black.
    """
    shape = (int(image.shape[0]), int(image.shape[1]))
    weights = lesion.weights(shape)
    inside = weights >= 0.5 * weights.max()
    values = image.cpu().numpy()
    magnitude = np.abs(values)
    if object_mask(values)[inside].mean() < 0.5:
        raise CscError("The lesion lies outside the object; choose a place inside of it.")
    mean = float(magnitude[inside].mean())
    amplitude = lesion.contrast * (mean if lesion.unit == "mean" else sigma)
    if lesion.dark and amplitude > mean:
        raise CscError(
            f"A dark lesion of {lesion.contrast:g} sigma would be darker than black here, where "
            f"the image has {mean / sigma:.2g} sigma; make it weaker."
        )
    phase = _smooth_phase(values)
    sign = -1.0 if lesion.dark else 1.0
    return Inserted(
        torch.from_numpy(sign * amplitude * weights * phase).to(torch.complex64),
        torch.from_numpy(sign * phase.conj()).to(torch.complex64),
        torch.from_numpy(inside),
        amplitude,
        mean,
    )


def _smooth_phase(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if not values.imag.any():
        return np.where(values.real < 0, -1.0, 1.0) + 0j
    smooth = ndimage.gaussian_filter(values.real, _PHASE_WIDTH) + 1j * ndimage.gaussian_filter(
        values.imag, _PHASE_WIDTH
    )
    return np.exp(1j * np.angle(smooth))


def _checked_mask(mask: Any, shape: tuple[int, int]) -> Array:
    found = np.asarray(mask, dtype=float)
    if found.shape != tuple(shape):
        raise CscError(
            f"The mask of the lesion has the shape {found.shape}, but the image {tuple(shape)}."
        )
    if not np.isfinite(found).all() or found.min() < 0 or found.max() > 1:
        raise CscError("The mask of a lesion must hold numbers from 0 to 1.")
    if not found.any():
        raise CscError("The mask of the lesion holds no pixel; draw it over the image.")
    return found


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False
