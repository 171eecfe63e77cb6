"""Solvers for the weighted l1 synthesis problem."""

from napari_csc.core.solvers.fista import Fista, SolverStatus, chambolle_dossal
from napari_csc.core.solvers.unrolled import unrolled_fista

__all__ = ["Fista", "SolverStatus", "chambolle_dossal", "unrolled_fista"]
