"""The codes of the run before, to start the next one from while somebody tries things out."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import torch

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.solvers import BlockedSolver

Tensor = torch.Tensor


@dataclass(frozen=True, eq=False)
class Ended:
    """What a run has ended with.

    Attributes
    ----------
    synthesis : SynthesisOperator
        Its filters.
    codes : Tensor or BlockedSolver
        The codes (K, y, x), or the solver that has them.
    pull : Tensor or None
        What pulls at the codes, where the solver keeps that and is not kept itself.
    maps : Tensor
        The maps (K, y, x), before strength and edits.
    source
        What gave them.
    problem
        What else the solver was built of.
    """

    synthesis: SynthesisOperator
    codes: Tensor | BlockedSolver
    pull: Tensor | None
    maps: Tensor
    source: Hashable
    problem: Hashable

    @property
    def names(self) -> list[bytes]:
        """What tells each filter from others."""
        return _names(self.synthesis)

    @property
    def nbytes(self) -> int:
        """Bytes that are kept."""
        others = sum(one.nbytes for one in (self.pull, self.maps) if one is not None)
        return self.codes.nbytes + others

    def codes_and_pull(self) -> tuple[Tensor, Tensor | None]:
        """Return the codes and what pulls at them, each (K, y, x)."""
        if isinstance(self.codes, Tensor):
            return self.codes, self.pull
        return self.codes.codes, self.codes.pull()


class LastCodes:
    """The codes that runs ended with, by the scan, the slice and the filter they belong to.

    A run that is given them starts where the one before has ended, with whatever it has in common
    with it: after another strength, norm, number of iterations or map with all codes; after filters
    were left out or shuffled with those of the filters that are left; after another dictionary
    with those of the smooth filters. It ends near what a run from zeros gives, but not there: with
    a fixed number of iterations an image depends on its start. So nothing starts like this unless
    it is asked to, and the provenance tells it. Safe to use from several threads.

    While somebody tries things out, only the first picture need come at once: with ``is_quick``
    a run shows a quick picture that starts from the codes, and then begins from zeros as ever.

    Parameters
    ----------
    largest
        Bytes to keep at most; the slices that were not reconstructed for longest go first.
    is_quick
        Whether only quick pictures start from the codes, and no result does. They are early
        pictures of `napari_csc.Reconstructor`, see `napari_csc.core.reconstruction.progress`.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import torch
    >>> from napari_csc.core.reconstruction.last_codes import LastCodes
    >>> image = torch.zeros(24, 24)
    >>> image[6:18, 8:16] = 1
    >>> scan = csc.simulate_low_field(image, 16, generator=torch.Generator().manual_seed(0))
    >>> last, filters = LastCodes(), csc.Dictionary.dct(8, 5)
    >>> first = csc.Reconstructor(filters, csc.NoiseScalar(1.5), last_codes=last)(scan)
    >>> again = csc.Reconstructor(filters, csc.NoiseScalar(1.6), last_codes=last)(scan)
    >>> first.provenance["start"], again.provenance["start"]
    ('zero codes', 'the codes of the run before')
    """

    def __init__(self, largest: int = 1_000_000_000, is_quick: bool = False) -> None:
        self._largest, self.is_quick = largest, is_quick
        self._kept: OrderedDict[Hashable, Ended] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, key: Hashable, synthesis: SynthesisOperator, solver: BlockedSolver) -> bool:
        """Have a solver begin with what is known; return whether anything is."""
        last, names = self._get(key), _names(synthesis)
        known = {} if last is None else {name: row for row, name in enumerate(last.names)}
        if last is None or not any(name in known for name in names):
            return False
        kept, pulled = last.codes_and_pull()
        codes = torch.zeros_like(synthesis.spectra)
        pull = None if pulled is None else torch.zeros_like(codes)
        for number, name in enumerate(names):
            if name not in known:
                continue
            codes[number] = kept[known[name]]
            if pull is not None and pulled is not None:
                pull[number] = pulled[known[name]]
        solver.begin_from(codes, pull)
        return True

    def find(
        self, key: Hashable, synthesis: SynthesisOperator, problem: Hashable
    ) -> tuple[Ended, list[int]] | None:
        """Return what ended with a solver of all these filters, and which rows are theirs there.

        None if there is none, or if the solver was built of another problem.
        """
        last, names = self._get(key), _names(synthesis)
        if last is None or isinstance(last.codes, Tensor) or last.problem != problem:
            return None
        known = {name: row for row, name in enumerate(last.names)}
        if not all(name in known for name in names):
            return None
        return last, [known[name] for name in names]

    def take(self, key: Hashable, ended: Ended) -> bool:
        """Keep this no more, so that nobody else goes on with it; return whether it was there."""
        with self._lock:
            is_there = self._kept.get(key) is ended
            if is_there:
                del self._kept[key]
            return is_there

    def synthesis(self, filters: Tensor, shape: tuple[int, int]) -> SynthesisOperator:
        """Return the operator of filters (K, ky, kx) on a grid (y, x): the last one, if it is."""
        with self._lock:
            known = [one.synthesis for one in self._kept.values()]
        for one in known:
            is_same = one.shape == shape and one.filters.device == filters.device
            if is_same and torch.equal(one.filters, filters):
                return one
        return SynthesisOperator(filters, shape)

    def keep(self, key: Hashable, ended: Ended) -> None:
        """Keep what a run has ended with, in place of what was kept for the same slice."""
        with self._lock:
            self._kept.pop(key, None)
            if ended.nbytes > self._largest:
                return
            self._kept[key] = ended
            while sum(one.nbytes for one in self._kept.values()) > self._largest:
                self._kept.popitem(last=False)

    def _get(self, key: Hashable) -> Ended | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)


def _names(synthesis: SynthesisOperator) -> list[bytes]:
    """Return what tells each filter from others."""
    return [one.tobytes() for one in synthesis.filters.cpu().numpy()]
