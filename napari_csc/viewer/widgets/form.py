"""Rows of a panel made from annotated fields: titles, tips and limits stand with the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from magicgui.widgets import create_widget
from psygnal import Signal
from pydantic.fields import FieldInfo
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QWidget

from napari_csc.viewer.session import Session
from napari_csc.viewer.widgets.look import fit
from napari_csc.viewer.widgets.parts import Panel, narrow
from napari_csc.viewer.words import tr


def fields_of(annotated: type) -> dict[str, FieldInfo]:
    """Return the annotated fields of a pydantic model or dataclass, by name."""
    found: dict[str, FieldInfo] = annotated.__pydantic_fields__  # type: ignore[attr-defined]
    return found


def names_of(info: FieldInfo) -> tuple[str, ...]:
    """Return the words that a setting is chosen from; none if it is a number or a free text."""
    bare = _without_none(_annotation(info)[0])
    named = get_args(bare) if get_origin(bare) is Literal else ()
    return tuple(one for one in named if isinstance(one, str))


class Field:
    """One setting in a magicgui widget.

    Parameters
    ----------
    info
        Title, description, annotation, default and limits of the setting.
    choices
        Words and values to choose from, where the annotation does not name them.
    unset
        What to call None, where the setting can be left open.
    **options
        Options of the magicgui widget: ``widget_type``, and ``min``, ``max`` and ``step``, which
        may be narrower than the limits.

    Attributes
    ----------
    native : QWidget
        The Qt widget.
    """

    changed = Signal(object)
    """Somebody has set another value."""

    def __init__(
        self,
        info: FieldInfo,
        choices: Sequence[tuple[str, Any]] | None = None,
        unset: str = "",
        **options: Any,
    ) -> None:
        self.title, self.tip = tr(info.title or ""), tr(info.description or "")
        annotation, limits = _annotation(info)
        if not unset:
            # Where nothing stands for None, the widget shows what counts in its place.
            annotation = _without_none(annotation)
        options = {**limits, **options}
        if choices is None and (names := names_of(info)):
            choices = [(tr(one), one) for one in names]
        if choices is not None:
            options["choices"] = list(choices)
        self._widget = cast(Any, create_widget(annotation=annotation, options=options))
        if unset:
            self.call_unset(unset)
        default = info.get_default()
        if default is not None or unset:
            self.show(default)
        self.native: QWidget = self._widget.native
        if isinstance(self.native, QComboBox):
            narrow(self.native)
        for number in self.native.findChildren(QAbstractSpinBox):
            _fit_number(number)
        self.native.setAccessibleName(self.title)
        self.native.setToolTip(self.tip)
        self._widget.changed.connect(self.changed.emit)

    @property
    def value(self) -> Any:
        """What is set."""
        return self._widget.value

    def show(self, value: Any) -> None:
        """Show a value without telling anybody; one beyond the ends of the widget at the end."""
        least, most = getattr(self._widget, "min", None), getattr(self._widget, "max", None)
        if value is not None and least is not None and most is not None:
            value = min(max(value, least), most)
        with self._widget.changed.blocked():
            self._widget.value = value

    def limit(self, least: float, most: float) -> None:
        """Let the widget go from one number to another."""
        with self._widget.changed.blocked():
            self._widget.min, self._widget.max = least, most

    def call_unset(self, words: str) -> None:
        """Call None something else, such as the value that counts then."""
        widget, value = self._widget, self._widget.value
        if widget.null_string == words:
            return
        with widget.changed.blocked():
            widget.null_string = words
            # All anew: magicgui would put what is called otherwise to the end.
            widget.choices = ()
            widget.reset_choices()
            widget.value = value

    def bind(self, session: Session, name: str, shown: Callable[[], Any] | None = None) -> None:
        """Tie it to a field of the session, both ways.

        Parameters
        ----------
        session
            Holds the field.
        name
            Its name.
        shown
            Returns what to show; the value itself if None.
        """

        def store(value: Any) -> None:
            # Sliders go in steps that binary numbers do not hit.
            setattr(session, name, round(value, 3) if isinstance(value, float) else value)

        def show() -> None:
            self.show(getattr(session, name) if shown is None else shown())

        self.changed.connect(store)
        getattr(session.events, name).connect(show)
        show()

    def add_to(self, panel: Panel) -> None:
        """Put it into a row of a panel."""
        panel.add(self.title, self.native, self.tip)


def _fit_number(box: QAbstractSpinBox) -> None:
    """Let the number beside a slider be as narrow as it is; napari's theme gives it buttons."""
    box.setStyleSheet(f"{box.styleSheet()} min-width: 0px; min-height: 0px; padding: 0px;")
    fit(box, "0000")


def _annotation(info: FieldInfo) -> tuple[Any, dict[str, Any]]:
    """Return the bare annotation of a field, and its limits as options of a magicgui widget."""
    told = list(info.metadata)
    annotation = info.annotation
    parts = []
    for one in get_args(annotation) if _is_union(annotation) else (annotation,):
        while get_origin(one) is Annotated:
            one, *more = get_args(one)
            for each in more:
                told += each.metadata if isinstance(each, FieldInfo) else [each]
        parts.append(one)
    limits: dict[str, Any] = {}
    for each in told:
        if isinstance(each, Ge | Gt):
            limits["min"] = each.ge if isinstance(each, Ge) else each.gt
        elif isinstance(each, Le | Lt):
            limits["max"] = each.le if isinstance(each, Le) else each.lt
    return (parts[0] if len(parts) == 1 else Union[tuple(parts)]), limits  # noqa: UP007


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, UnionType)


def _without_none(annotation: Any) -> Any:
    left = [one for one in get_args(annotation) if one is not type(None)]
    return left[0] if _is_union(annotation) and len(left) == 1 else annotation
