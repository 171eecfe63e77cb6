"""What each layer of the plugin is, by name."""

INITIAL = "initial image"
RECONSTRUCTION = "reconstruction"
SMOOTH = "smooth part"
MAPS = "sparsity maps"
REFERENCE = "reference"
KSPACE = "sampled k-space (log)"
CODE = "code of the filter"
CONTRIBUTION = "contribution of the filter"
SMOOTH_CONTRIBUTION = "contribution of a smooth filter"
RULERS = "ruling filters"
SMOOTH_MAP = "map of a smooth filter"
RELATIVE = "map against the others"
REMOVED = "taken away"
LINES = "lines to measure"
REGIONS = "regions to measure"
PLACE = "pixel looked at"
ITERATE = "iterate"
PARTIAL_SUM = "partial sum"
PIN_A = "result A"
PIN_B = "result B"
EDITED = "difference to the unedited result"
LESION_WITHOUT = "without the lesion"
LESION_WITH = "with the lesion"
LESION_CHANGE = "what the lesion changed"
LESION_IDEAL = "ideal: as the scanner sees it"
LESION_PLACE = "place of the lesion"
LESION_MAP = "contrast that is kept"
NOISE_LEFT = "noise left"
SWIPE = "swipe A | B"
DIFFERENCE = "difference B − A"
LEFT = "left"
RIGHT = "right"

EDITED_SUFFIX = " · edited maps"
"""Behind the names of layers of a result whose maps were changed by hand."""

OUTPUTS = (
    SMOOTH,
    RECONSTRUCTION,
    MAPS,
    SMOOTH_MAP,
    RELATIVE,
    CONTRIBUTION,
    SMOOTH_CONTRIBUTION,
    CODE,
    REMOVED,
    RULERS,
    NOISE_LEFT,
    LESION_MAP,
    EDITED,
)
"""Made by a run, from bottom to top."""

PLAYED = (ITERATE, PARTIAL_SUM)
"""Shown one picture after the other, in place of the reconstruction."""

COMPARED = (PIN_A, PIN_B, SWIPE, DIFFERENCE, LEFT, RIGHT)
"""Made of pinned results, above all outputs, from bottom to top."""

TESTED = (LESION_WITHOUT, LESION_WITH, LESION_CHANGE, LESION_IDEAL)
"""Made to see what became of a lesion, in place of the image."""

GROUPS = {
    "Dictionary": (SMOOTH_MAP,),
    "Display": (CONTRIBUTION, SMOOTH_CONTRIBUTION, CODE, REMOVED, RULERS, RELATIVE, KSPACE),
    "Inspect": (PLACE,),
    "Play": PLAYED,
    "Compare": COMPARED,
    "Measure": (LINES, REGIONS),
    "What if": (EDITED,),
    "Trust": (*TESTED, LESION_PLACE, LESION_MAP, NOISE_LEFT),
}
"""By the section of the dock that makes them: they come and go with it.

The list of layers of napari has no groups of its own; each layer is tagged with the one it is of.
"""


def group_of(role: str) -> str | None:
    """Return the section that makes layers of a role; None for input and result themselves."""
    return next((name for name, roles in GROUPS.items() if role in roles), None)
