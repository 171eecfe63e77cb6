"""Regions of an image that JSON can tell: rectangles, polygons, ellipses, masks."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from napari_csc.errors import CscError

Mask = npt.NDArray[np.bool_]

_MOST_POINTS = 2000
_FARTHEST = 1e6
_Place = Annotated[float, Field(ge=-_FARTHEST, le=_FARTHEST)]
_Count = Annotated[int, Field(ge=0, le=2**40)]


class Region(BaseModel):
    """Pixels of an image (y, x), as few numbers that a file can keep.

    Make it with `rectangle`, `polygon`, `ellipse` or `of_mask`. Pixel (0, 0) has its centre at
    (0, 0), so that the first pixel reaches from -0.5 to 0.5.

    Attributes
    ----------
    kind : str
        ``"rectangle"``, ``"polygon"``, ``"ellipse"`` or ``"mask"``.
    points : tuple of (y, x)
        Two opposite corners of a rectangle, the vertices of a polygon, or the four corners of the
        rectangle that an ellipse fills, one after the other; in pixels.
    shape : tuple of int or None
        Size (y, x) of the image that a mask was drawn on.
    runs : tuple of int
        Of a mask, row after row: how many pixels lie outside, then inside, and so on in turn.

    Examples
    --------
    >>> from napari_csc.core.maps.region import Region
    >>> Region.rectangle((1, 2), (2, 4)).mask((4, 6)).sum()
    np.int64(6)
    >>> import numpy as np
    >>> drawn = Region.of_mask(np.eye(3) > 0)
    >>> drawn.runs, bool((drawn.mask((3, 3)) == (np.eye(3) > 0)).all())
    ((0, 1, 3, 1, 3, 1), True)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["rectangle", "polygon", "ellipse", "mask"]
    points: Annotated[tuple[tuple[_Place, _Place], ...], Field(max_length=_MOST_POINTS)] = ()
    shape: tuple[_Count, _Count] | None = None
    runs: tuple[_Count, ...] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        needed = {"rectangle": (2, 2), "polygon": (3, _MOST_POINTS), "ellipse": (4, 4)}
        if self.kind == "mask":
            if self.shape is None or sum(self.runs) > math.prod(self.shape):
                raise ValueError("a mask needs its shape, and runs that fit into it")
            return self
        least, most = needed[self.kind]
        if not least <= len(self.points) <= most:
            count = f"{least}" if least == most else f"{least} to {most}"
            raise ValueError(f"a region of the kind {self.kind} needs {count} points")
        return self

    @classmethod
    def rectangle(cls, first: npt.ArrayLike, last: npt.ArrayLike) -> Region:
        """Return the pixels between two opposite corners (y, x), both included."""
        return cls._checked(
            kind="rectangle",
            points=_pairs(np.stack([np.asarray(first, float), np.asarray(last, float)])),
        )

    @classmethod
    def polygon(cls, vertices: npt.ArrayLike) -> Region:
        """Return the pixels whose centres lie in a polygon with vertices (y, x)."""
        return cls._checked(kind="polygon", points=_pairs(vertices))

    @classmethod
    def ellipse(cls, corners: npt.ArrayLike) -> Region:
        """Return the pixels whose centres lie in the ellipse in a rectangle of four corners."""
        return cls._checked(kind="ellipse", points=_pairs(corners))

    @classmethod
    def of_mask(cls, mask: npt.ArrayLike) -> Region:
        """Return the pixels that are marked in a mask (y, x).

        Raises
        ------
        CscError
            If it has not two axes, or marks nothing.
        """
        marked = np.asarray(mask) != 0
        if marked.ndim != 2:
            raise CscError(f"A mask must have the axes (y, x), but has {marked.ndim} axes.")
        if not marked.any():
            raise CscError("The region holds no pixel; draw it over the image.")
        flat = marked.ravel().astype(np.int8)
        edges = np.flatnonzero(np.diff(flat, prepend=0))
        runs = np.diff(edges, prepend=0, append=flat.size)
        # Pixels outside at the end need not be told.
        kept = runs if flat[-1] else runs[:-1]
        return cls._checked(
            kind="mask",
            shape=(int(marked.shape[0]), int(marked.shape[1])),
            runs=tuple(int(one) for one in kept),
        )

    @classmethod
    def _checked(cls, **values: Any) -> Region:
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            told = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
            raise CscError(f"The region cannot be used: {told}.") from error

    def mask(self, shape: tuple[int, int]) -> Mask:
        """Return the pixels (y, x), bool, in an image of a shape.

        Raises
        ------
        CscError
            If none lies in the image, or a mask was drawn on an image of another size.
        """
        found = self._pixels(shape)
        if not found.any():
            raise CscError("The region holds no pixel of the image; draw it over the image.")
        return found

    def _pixels(self, shape: tuple[int, int]) -> Mask:
        if self.kind == "polygon":
            return polygon_mask(self.points, shape)
        if self.kind == "ellipse":
            return ellipse_mask(self.points, shape)
        if self.kind == "rectangle":
            (top, bottom), (left, right) = (sorted(ends) for ends in zip(*self.points, strict=True))
            y, x = np.ogrid[: shape[0], : shape[1]]
            inside: Mask = (y >= top) & (y <= bottom) & (x >= left) & (x <= right)
            return inside
        if self.shape != tuple(shape):
            raise CscError(
                f"The region was drawn on an image of {self.shape} pixels, but this one has "
                f"{tuple(shape)}."
            )
        flat = np.zeros(math.prod(shape), dtype=bool)
        ends = np.cumsum(self.runs, dtype=np.int64)
        for first, last in zip(ends[::2], ends[1::2], strict=False):
            flat[first:last] = True
        return flat.reshape(shape)

    @property
    def sentence(self) -> str:
        """What it is, in a few words."""
        if self.kind == "mask":
            return f"a drawn region of {sum(self.runs[1::2])} pixels"
        rows, columns = zip(*self.points, strict=True)
        return (
            f"the {self.kind} from ({min(rows):.0f}, {min(columns):.0f}) to "
            f"({max(rows):.0f}, {max(columns):.0f})"
        )


def _pairs(points: npt.ArrayLike) -> tuple[tuple[float, float], ...]:
    try:
        array = np.asarray(points, dtype=float)
    except (TypeError, ValueError) as error:
        raise CscError("The points of a region must be pairs (y, x) of numbers.") from error
    if array.ndim != 2 or array.shape[1] != 2 or not np.isfinite(array).all():
        raise CscError("The points of a region must be pairs (y, x) of finite numbers.")
    return tuple((float(y), float(x)) for y, x in array)


def polygon_mask(vertices: npt.ArrayLike, shape: tuple[int, int]) -> Mask:
    """Return the pixels (y, x) whose centres lie in a polygon with vertices (y, x)."""
    from skimage.draw import polygon2mask

    mask: Mask = polygon2mask(shape, np.asarray(vertices, dtype=float))
    return mask


def ellipse_mask(corners: npt.ArrayLike, shape: tuple[int, int]) -> Mask:
    """Return the pixels whose centres lie in the ellipse that fills a rectangle.

    Parameters
    ----------
    corners
        The four corners (y, x) of the rectangle, one after the other; it may be turned.
    shape
        Shape of the image.
    """
    first, second, third, fourth = np.asarray(corners, dtype=float)
    centre = (first + third) / 2
    axes = np.column_stack([(second - first) / 2, (fourth - first) / 2])
    if abs(np.linalg.det(axes)) < 1e-9:
        return np.zeros(shape, dtype=bool)
    places = np.moveaxis(np.indices(shape), 0, -1) - centre
    inside: Mask = ((places @ np.linalg.inv(axes).T) ** 2).sum(-1) <= 1
    return inside
