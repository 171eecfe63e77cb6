"""The codes of the run before, to start the next one from while somebody tries things out."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

import torch

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.solvers import BlockedSolver

Tensor = torch.Tensor
# The code of a filter, and what pulls at it, where the solver keeps that.
_Kept = tuple[Tensor, Tensor | None]


class LastCodes:
    """The codes that runs ended with, by the scan, the slice and the filter they belong to.

    A run that is given them starts where the one before has ended, with whatever it has in common
    with it: after another strength, norm, number of iterations or map with all codes; after filters
    were left out or shuffled with those of the filters that are left; after another dictionary
    with those of the smooth filters. It ends near what a run from zeros gives, but not there: with
    a fixed number of iterations an image depends on its start. So nothing starts like this unless
    it is asked to, and the provenance tells it. Safe to use from several threads.

    Parameters
    ----------
    largest
        Bytes to keep at most; the slices that were not reconstructed for longest go first.

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

    def __init__(self, largest: int = 1_000_000_000) -> None:
        self._largest = largest
        self._kept: OrderedDict[Hashable, dict[bytes, _Kept]] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, key: Hashable, synthesis: SynthesisOperator, solver: BlockedSolver) -> bool:
        """Have a solver begin with what is known; return whether anything is."""
        with self._lock:
            known = dict(self._kept.get(key, {}))
            if key in self._kept:
                self._kept.move_to_end(key)
        names = _names(synthesis)
        if not any(name in known for name in names):
            return False
        codes = torch.zeros_like(synthesis.spectra)
        pull = None if any(one[1] is None for one in known.values()) else torch.zeros_like(codes)
        for number, name in enumerate(names):
            if name not in known:
                continue
            codes[number], pulled = known[name]
            if pull is not None and pulled is not None:
                pull[number] = pulled
        solver.begin_from(codes, pull)
        return True

    def keep(self, key: Hashable, synthesis: SynthesisOperator, solver: BlockedSolver) -> None:
        """Keep the codes of a solver, on its device, in place of those kept for the same slice."""
        codes, pull = solver.codes, solver.pull()
        pulls = [None] * len(codes) if pull is None else list(pull)
        kept = dict(zip(_names(synthesis), zip(codes, pulls, strict=True), strict=True))
        with self._lock:
            self._kept.pop(key, None)
            if _bytes(kept) > self._largest:
                return
            self._kept[key] = kept
            while sum(_bytes(one) for one in self._kept.values()) > self._largest:
                self._kept.popitem(last=False)


def _names(synthesis: SynthesisOperator) -> list[bytes]:
    """Return what tells each filter from others."""
    return [one.tobytes() for one in synthesis.filters.cpu().numpy()]


def _bytes(kept: dict[bytes, _Kept]) -> int:
    return sum(one.nbytes for both in kept.values() for one in both if one is not None)
