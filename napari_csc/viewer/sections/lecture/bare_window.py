"""A window of which only the middle and one bar are left, until it is as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from qtpy.QtCore import QByteArray, QEvent, QObject, Qt
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow, QWidget

_BAR = "napari-csc lecture"
_SLIDERS = "QtDims"
"""napari's class of the sliders below the image."""


@dataclass
class _Before:
    state: QByteArray
    hidden: list[QWidget] = field(default_factory=list)
    sizes: list[tuple[QDockWidget, int, int]] = field(default_factory=list)


class BareWindow(QObject):
    """Hides everything of a window but its middle and a bar below it.

    Parameters
    ----------
    window
        The window.
    on_close
        Called before the window closes while it is bare: napari keeps the layout of a window that
        closes, which must be the usual one.
    """

    def __init__(self, window: QMainWindow, on_close: Callable[[], None]) -> None:
        super().__init__()
        self._window: QMainWindow | None = window
        self._on_close = on_close
        self._before: _Before | None = None
        self._bar: QDockWidget | None = None

    def strip(self, bar: QWidget) -> None:
        """Hide everything but the middle, and put a bar below it."""
        window = self._window
        if window is None or self._before is not None:
            return
        before = _Before(window.saveState())
        before.sizes = [
            (dock, dock.width(), dock.height())
            for dock in window.findChildren(QDockWidget)
            if not dock.isHidden()
        ]
        others: list[QWidget | None] = [*(dock for dock, _, _ in before.sizes)]
        others += [window.menuBar(), window.statusBar(), *_sliders(window)]
        for one in others:
            if one is not None and not one.isHidden():
                before.hidden.append(one)
                one.hide()
        self._bar = dock = QDockWidget(window)
        dock.setObjectName(_BAR)
        dock.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
        dock.setTitleBarWidget(QWidget(dock))
        dock.setWidget(bar)
        bar.show()
        window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
        self._before = before
        window.installEventFilter(self)

    def restore(self) -> None:
        """Put everything back as it was."""
        window, before, dock = self._window, self._before, self._bar
        if window is None or before is None or dock is None:
            return
        # Of no use any more; it keeps no window alive.
        self._window = self._before = self._bar = None
        window.removeEventFilter(self)
        bar = dock.widget()
        if bar is not None:
            bar.hide()
            # It is used again, so it does not go with its dock.
            bar.setParent(None)
        window.removeDockWidget(dock)
        dock.deleteLater()
        for one in before.hidden:
            one.show()
        # Now, not when Qt has time for it: the window may be about to close.
        QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest.value)
        window.restoreState(before.state)
        docks = [dock for dock, _, _ in before.sizes]
        window.resizeDocks(docks, [one[1] for one in before.sizes], Qt.Orientation.Horizontal)
        window.resizeDocks(docks, [one[2] for one in before.sizes], Qt.Orientation.Vertical)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Put everything back before the window closes."""
        if event is not None and event.type() == QEvent.Type.Close:
            self._on_close()
        return False


def _sliders(window: QMainWindow) -> list[QWidget]:
    """Return the sliders below the image; napari has no name for them that is public."""
    found = []
    for one in window.findChildren(QWidget):
        meta = one.metaObject()
        if meta is not None and meta.className() == _SLIDERS:
            found.append(one)
    return found
