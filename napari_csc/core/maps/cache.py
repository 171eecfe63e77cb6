"""Keep inferred maps, so that what does not change them does not wait for the network."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

import torch

Tensor = torch.Tensor


class MapCache:
    """The maps that were inferred last, by everything that they depend on.

    Iterations, strength, norm and solver do not change the maps of a network, so live changes of
    these need not wait for it. Safe to use from several threads.

    Parameters
    ----------
    largest
        Bytes to keep at most; the maps that were not used for longest go first.
    """

    def __init__(self, largest: int = 500_000_000) -> None:
        self._largest = largest
        self._kept: OrderedDict[Hashable, Tensor] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Tensor | None:
        """Return the maps of a key; they must not be changed."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Hashable, maps: Tensor) -> None:
        """Keep maps; larger ones than the cache are not kept."""
        with self._lock:
            if maps.nbytes > self._largest:
                return
            self._kept[key] = maps
            while sum(one.nbytes for one in self._kept.values()) > self._largest:
                self._kept.popitem(last=False)
