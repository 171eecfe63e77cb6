"""Keep inferred maps, so that what does not change them does not wait for the network."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

import torch

Tensor = torch.Tensor
Kept = tuple[Tensor, ...]


class MapCache:
    """The maps that were inferred last, by everything that they depend on.

    Iterations, strength, norm and solver do not change the maps of a network, so live changes of
    these need not wait for it. What a network makes of the image alone is kept as well, so that
    another dictionary does not wait for that. Safe to use from several threads.

    Parameters
    ----------
    largest
        Bytes to keep at most; the maps that were not used for longest go first.

    Examples
    --------
    >>> import napari_csc as csc
    >>> cache, network = csc.MapCache(), csc.load_map_network("v4")
    >>> slow = csc.Reconstructor(csc.Dictionary.dct(8, 5), network, map_cache=cache)
    >>> live = csc.Reconstructor(csc.Dictionary.dct(8, 5), network, iterations=4, map_cache=cache)
    """

    def __init__(self, largest: int = 500_000_000) -> None:
        self._largest = largest
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Tensor | None:
        """Return the maps of a key; they must not be changed."""
        found = self.get_all(key)
        return None if found is None else found[0]

    def put(self, key: Hashable, maps: Tensor) -> None:
        """Keep maps; larger ones than the cache are not kept."""
        self.put_all(key, (maps,))

    def get_all(self, key: Hashable) -> Kept | None:
        """Return the tensors of a key; they must not be changed."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put_all(self, key: Hashable, tensors: Kept) -> None:
        """Keep tensors that belong together; larger ones than the cache are not kept."""
        with self._lock:
            if _bytes(tensors) > self._largest:
                return
            self._kept[key] = tensors
            while sum(_bytes(one) for one in self._kept.values()) > self._largest:
                self._kept.popitem(last=False)


def _bytes(tensors: Kept) -> int:
    return sum(one.nbytes for one in tensors)
