"""Reads slices of large scans in the background when they are looked at. No Qt."""

from __future__ import annotations

from napari_csc.core.acquisition.lazy import LazyImages
from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.images.views import Array
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench


class SliceReading:
    """Keeps the initial image of a large scan black until its slice has been read.

    Parameters
    ----------
    workbench
        Layers, lanes and messages.
    """

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self._layers = workbench, workbench.layers
        self._lane = workbench.lane("slices", ("acquisition",), thread="input")
        self._wanted: tuple[LazyImages, int] | None = None

    def attach(self, images: Array | LazyImages) -> None:
        """Read from now on what is missing of these images when it is looked at."""
        self._wanted = None
        if isinstance(images, LazyImages):
            images.on_missing = lambda number: self._fetch(images, number)

    def _fetch(self, images: LazyImages, number: int) -> None:
        if self._wanted == (images, number):
            return
        self._wanted = (images, number)
        self._workbench.say(tr("Reading slice {number}…").format(number=number))

        def done(_: Array) -> None:
            self._wanted = None
            self._workbench.say(tr("Slice {number} has been read.").format(number=number))
            self._layers.refresh_initial()

        def work(ticket: Ticket) -> Array:
            images.quick_look(number)
            ticket.report(number)
            return images.image(number)

        def failed(sentence: str) -> None:
            # Asked for again only when somebody comes back to it.
            self._workbench.fail(sentence)

        self._lane.start(
            work, Handlers(done, failed, progress=lambda _: self._layers.refresh_initial())
        )
