"""Where a long piece of work stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_csc.viewer.images.views import Array


@dataclass(frozen=True, eq=False)
class Step:
    """Where a running job stands."""

    text: str
    done: int = 0
    total: int = 0
    objective: float | None = None
    seconds: float = 0.0
    slice_index: int = 0
    shape: tuple[int, int, int] = (0, 0, 0)
    picture: Array | None = None
    """The current image (y, x) of that slice, complex, ten times a second at most."""
    kind: Literal["rough", "quick", "unfinished"] = "unfinished"
    """What the picture is: made before the maps are known; gone on from the run before, while this
    one begins anew; or of an iteration before the last."""
