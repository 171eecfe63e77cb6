"""Colours that mean the same everywhere in the dock, legible on dark and on light themes."""

ACCENT = "#ff9f1c"
"""What is selected, and what a figure amounts to."""
FRAME = "#808080"
"""Frames and axes."""
GOOD = "#3a9d5d"
WARNING = "#d08a1d"
PROBLEM = "#e0533d"

DISTINCT = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
"""Told apart by all kinds of colour vision (Okabe and Ito)."""
