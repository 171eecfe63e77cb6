"""What is asked about a place of a result, and what is shown of the answer. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.trust.lesion import Unit
from napari_csc.viewer.layers import LESION_CHANGE, LESION_IDEAL, LESION_WITH, LESION_WITHOUT
from napari_csc.viewer.sections.trust.layers import PICTURES

Question = Literal["lesion", "point"]
View = Literal["image", "all", "with", "without", "change", "ideal"]
VIEWS: dict[View, tuple[str, ...]] = {
    "image": (),
    "all": PICTURES,
    "without": (LESION_WITHOUT,),
    "with": (LESION_WITH,),
    "change": (LESION_CHANGE,),
    "ideal": (LESION_IDEAL,),
}


@dataclass(frozen=True)
class Wanted:
    """What lesion is asked about; its place is clicked.

    Attributes
    ----------
    radius : float
        In pixels.
    contrast : float
        In ``unit``.
    unit : str
        ``"mean"``: of the local mean, or ``"sigma"``: of the noise.
    dark : bool
        Whether it is darker than its surroundings.
    shape : str
        ``"disc"``, ``"line"``, or ``"mask"``: the last region that was drawn.
    """

    radius: float = 3.0
    contrast: float = 0.2
    unit: Unit = "mean"
    dark: bool = False
    shape: Literal["disc", "line", "mask"] = "disc"


@dataclass(frozen=True, eq=False)
class Subject:
    """The result that is asked about, its scan, and the slice that is looked at."""

    result: Reconstruction
    acquisition: Acquisition
    index: int
    number: int
    """The slice, counted in the result and in the input."""
