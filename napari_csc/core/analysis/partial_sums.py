"""The image as it grows: the smooth part, then the contribution of one filter after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from napari_csc.core.analysis.evenly_kept import DEFAULT_BUDGET, stride_within
from napari_csc.core.analysis.filter_figures import check_slice
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError

Tensor = torch.Tensor


@dataclass(frozen=True, eq=False)
class PartialSum:
    """The smooth part and the strongest contributions of one slice.

    Attributes
    ----------
    image : Tensor
        The sum (y, x), complex64.
    count, total : int
        How many filters are in it, and how many there are.
    share : float
        Share of the energy of the image: ``1 - ||x - x_n||^2 / ||x||^2``, 1 with all filters.
    added, following : int or None
        The filter that came last, and the one that comes next.
    """

    image: Tensor
    count: int
    total: int
    share: float
    added: int | None
    following: int | None


class PartialSums:
    """The partial sums of one slice, computed when they are asked for.

    Filters are added in the order of the energy of their contributions ``d_k * s_k``, the largest
    first. Some sums are kept, evenly spread, for others to begin with. Not to be used from two
    threads at once.

    Parameters
    ----------
    result
        The reconstruction.
    number
        The slice.
    budget
        Bytes for the sums that are kept.

    Raises
    ------
    CscError
        If there is no such slice.
    """

    def __init__(self, result: Reconstruction, number: int, budget: int = DEFAULT_BUDGET) -> None:
        check_slice(result, number)
        self._result, self._number = result, number
        self._image = result.image[number]
        self.total = len(result.dictionary)
        self._stride = stride_within(self.total + 1, self._image.nbytes, budget)
        self._energies: list[float] = []
        self._kept: dict[int, Tensor] = {0: result.low_pass[number], self.total: self._image}
        self._last = (0, self._kept[0])

    def order(self, checkpoint: Callable[[], None] = lambda: None) -> list[int]:
        """Return the filters in the order in which they are added.

        Parameters
        ----------
        checkpoint
            Called between filters; it may raise, and what was measured by then is kept.
        """
        for index in range(len(self._energies), self.total):
            checkpoint()
            self._energies.append(float(self._contribution(index).abs().square().sum()))
        return torch.tensor(self._energies).argsort(descending=True, stable=True).tolist()

    def at(self, count: int, checkpoint: Callable[[], None] = lambda: None) -> PartialSum:
        """Return the sum with the ``count`` strongest filters.

        Parameters
        ----------
        count
            Number of filters, 0 for the smooth part alone.
        checkpoint
            Called between filters; it may raise, and the sums made by then are kept.

        Raises
        ------
        CscError
            If there are not so many filters.
        """
        if not 0 <= count <= self.total:
            raise CscError(f"There are {self.total} filters, so {count} cannot be added.")
        order = self.order(checkpoint)
        image = self._grown_to(count, order, checkpoint)
        whole = float(self._image.abs().square().sum()) or 1.0
        rest = float((self._image - image).abs().square().sum())
        return PartialSum(
            image=image,
            count=count,
            total=self.total,
            share=1 - rest / whole,
            added=order[count - 1] if count else None,
            following=order[count] if count < self.total else None,
        )

    def _grown_to(self, count: int, order: list[int], checkpoint: Callable[[], None]) -> Tensor:
        begun = max(at for at in (*self._kept, self._last[0]) if at <= count)
        image = self._last[1] if begun == self._last[0] else self._kept[begun]
        for at in range(begun, count):
            checkpoint()
            image = image + self._contribution(order[at])
            self._last = (at + 1, image)
            if (at + 1) % self._stride == 0:
                self._kept.setdefault(at + 1, image)
        return image

    def _contribution(self, index: int) -> Tensor:
        return self._result.contributions(index, self._number)
