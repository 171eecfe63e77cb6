"""Solvers for the weighted l1 synthesis problem."""

from napari_csc.core.solvers.admm import Admm, balanced_penalties
from napari_csc.core.solvers.blocked import BlockedSolver
from napari_csc.core.solvers.fista import Fista, chambolle_dossal
from napari_csc.core.solvers.status import SolverStatus
from napari_csc.core.solvers.unrolled import unrolled_admm, unrolled_fista

__all__ = [
    "Admm",
    "BlockedSolver",
    "Fista",
    "SolverStatus",
    "balanced_penalties",
    "chambolle_dossal",
    "unrolled_admm",
    "unrolled_fista",
]
