"""The words for the choices, on the ground that everything in ``core`` stands on."""

from typing import Literal

Norm = Literal["modulus", "real-imaginary"]
"""What the maps weigh: the modulus of complex codes, or real and imaginary part apart."""

Smooth = Literal["filters", "low-pass", "low-pass-cg"]
"""What carries the smooth part; see `napari_csc.core.dictionary.smooth_modes.SMOOTH_MODES`."""

StepRule = Literal["per-filter", "uniform"]
"""How long the steps of FISTA are."""

Rule = Literal["shrunk", "fitted"]
"""Which codes make the image: those that were shrunk last, as in the paper, or those that fit the
data; see `napari_csc.core.solvers.fit`."""

Until = Literal["iterations", "convergence"]
"""When a solver is done: after a number of iterations, or when the image hardly changes."""

Solver = str
"""Name of a solver; see `napari_csc.core.solvers.table.SOLVERS`."""

GAUSSIAN_WIDTHS = (2.0, 4.0, 8.0)
"""Standard deviations, in pixels, of the smooth filters that join the dictionary."""

DEFAULT_DICTIONARY = "brain-64-unrolled"
"""The dictionary in use where nobody names one."""

DEFAULT_NETWORK = "v5"
"""The map network in use where nobody names one."""
