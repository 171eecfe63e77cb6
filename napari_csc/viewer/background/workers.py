"""The lanes of background work, one for each kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari_csc.viewer.background.lane import Lane


class Lanes:
    """The lanes of background work: runs in one thread, all that is short in another.

    Movies take long, and so does the first comparison, which loads a large library.
    """

    def __init__(
        self,
        run: Callable[..., Any],
        short: Callable[..., Any],
        movies: Callable[..., Any],
        compare: Callable[..., Any],
        deliver: Any,
    ) -> None:
        self.run = Lane(run, deliver)
        self.load = Lane(short, deliver)
        self.fetch = Lane(short, deliver)
        self.choices = Lane(short, deliver)
        self.preview = Lane(short, deliver)
        self.facts = Lane(short, deliver)
        self.dictionary = Lane(short, deliver)
        self.networks = Lane(short, deliver)
        self.figures = Lane(short, deliver)
        self.rulers = Lane(short, deliver)
        self.removed = Lane(short, deliver)
        self.extra = Lane(short, deliver)
        self.look = Lane(short, deliver)
        self.compare = Lane(compare, deliver)
        self.sums = Lane(short, deliver)
        self.iterates = Lane(run, deliver)
        self.movies = Lane(movies, deliver)
        self.export = Lane(movies, deliver)
        self.sheet = Lane(compare, deliver)

    def close(self) -> None:
        """Stop everything."""
        for lane in vars(self).values():
            lane.close()
