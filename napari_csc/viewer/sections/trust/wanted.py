"""What is asked about a place of a result, and what is shown of the answer. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.trust.lesion import Unit
from napari_csc.viewer.background.lane import Ticket
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

    @property
    def both(self) -> tuple[Acquisition, Reconstruction]:
        """Scan and result, as all questions take them."""
        return self.acquisition, self.result

    def given(self, ticket: Ticket, slice_name: str = "slice_number") -> dict[str, Any]:
        """Return the slice, and how to tell and to be told things, as all questions take them."""
        return {
            slice_name: self.index,
            "on_progress": ticket.report,
            "should_stop": ticket.should_stop,
        }
