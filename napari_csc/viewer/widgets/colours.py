"""Colours that mean the same everywhere in the dock, legible on dark and on light themes."""

ACCENT = "#ff9f1c"
"""What is selected, and what a figure amounts to."""
FRAME = "#808080"
"""Frames and axes."""
# Found by search: of all kinds of green, amber and red that are legible on napari's dark and light
# themes, those that are furthest apart for every kind of colour vision.
GOOD = "#0d9393"
WARNING = "#998100"
PROBLEM = "#d92772"

DISTINCT = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
"""Told apart by all kinds of colour vision (Okabe and Ito)."""
