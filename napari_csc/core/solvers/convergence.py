"""When iterations have converged: the image hardly changes any more, for a while.

After the usual number of iterations an image is still a few per cent away from the minimiser, which
networks have learned to make use of. Who wants the minimiser itself, to compare models and not
solvers, goes on until this says so.
"""

from __future__ import annotations

from dataclasses import dataclass

CONVERGED_CHANGE = 1e-5
"""``||x_n - x_{n-1}|| / ||x_n||`` below which an image hardly changes."""
MOST_TO_CONVERGENCE = 2000
"""Iterations after which it is enough."""
# A change may be small once by chance: where momentum turns, for instance.
_IN_A_ROW = 8


@dataclass
class Convergence:
    """Watches the change of the image from iteration to iteration.

    Examples
    --------
    >>> from napari_csc.core.solvers.convergence import Convergence
    >>> watch = Convergence()
    >>> [watch.reached(change) for change in (1e-3, *[1e-6] * 8)][-2:]
    [False, True]
    """

    tolerance: float = CONVERGED_CHANGE
    in_a_row: int = _IN_A_ROW
    _count: int = 0

    def reached(self, change: float) -> bool:
        """Take note of a change; return whether it has been small for long enough."""
        self._count = self._count + 1 if change < self.tolerance else 0
        return self._count >= self.in_a_row
