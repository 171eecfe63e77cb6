"""Rows of panels that are made from annotated settings."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field
from qtpy.QtWidgets import QComboBox

from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.viewer.session import Session
from napari_csc.viewer.widgets import form
from napari_csc.viewer.widgets.form import fields_of
from napari_csc.viewer.widgets.parts import Panel

pytestmark = pytest.mark.gui

Share = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """One of each kind."""

    count: int = Field(default=3, title="Count", description="How many.", ge=1, le=9)
    share: Share | None = Field(default=0.5, title="Share")
    kind: Literal["wide", "narrow"] | None = None
    name: str = "x"


FIELDS = fields_of(Settings)


@pytest.fixture
def make(qapp):
    """Makes a field that lives as long as the test."""
    made: list[form.Field] = []

    def field(*arguments, **options) -> form.Field:
        made.append(form.Field(*arguments, **options))
        return made[-1]

    return field


def texts(field: form.Field) -> list[str]:
    box = field.native
    assert isinstance(box, QComboBox)
    return [box.itemText(index) for index in range(box.count())]


def test_title_tip_default_and_limits_are_those_of_the_settings(make) -> None:
    count = make(FIELDS["count"])
    assert (count.title, count.tip, count.value) == ("Count", "How many.", 3)
    assert count.native.accessibleName() == "Count"
    assert count.native.toolTip() == "How many."
    count.show(100)
    assert count.value == 9, "the limit"
    share = make(FIELDS["share"], widget_type="FloatSlider", step=0.01)
    assert share.value == 0.5
    share.show(7.0)
    assert share.value == 1.0, "limits within an annotation count, too"
    narrower = make(FIELDS["count"], widget_type="Slider", max=5)
    narrower.show(8)
    assert narrower.value == 5


def test_a_choice_that_is_left_open_has_a_name_of_its_own(make) -> None:
    kind = make(FIELDS["kind"], unset="as trained")
    assert texts(kind) == ["as trained", "wide", "narrow"]
    assert kind.value is None
    kind.show("narrow")
    kind.call_unset("as trained (wide)")
    assert texts(kind) == ["as trained (wide)", "wide", "narrow"]
    assert kind.value == "narrow"
    panel = Panel()
    kind.add_to(panel)
    assert texts(kind) == ["as trained (wide)", "wide", "narrow"], "wherever it is put"
    assert make(FIELDS["name"], [("An X", "x"), ("A Y", "y")]).value == "x"


def test_field_and_session_follow_one_another(make) -> None:
    settings, session = fields_of(ReconstructionSettings), Session()
    strength = make(settings["strength"], widget_type="FloatSlider", max=3.0, step=0.01)
    strength.bind(session, "strength")
    seen: list[object] = []
    session.events.strength.connect(seen.append)
    session.strength = 0.25
    assert strength.value == 0.25
    strength._widget.value = 0.7
    assert session.strength == 0.7
    assert seen == [0.25, 0.7], "told once each"
    norm = make(settings["norm"], unset="as trained")
    norm.bind(session, "norm")
    norm.native.setCurrentIndex(2)
    assert session.norm == "real-imaginary"
    session.norm = None
    assert norm.native.currentIndex() == 0


def test_settings_beyond_their_limits_are_shown_at_the_end(make) -> None:
    session = Session(iterations=5000)
    field = make(
        fields_of(ReconstructionSettings)["iterations"], widget_type="Slider", min=1, max=256
    )
    field.bind(session, "iterations", lambda: session.iterations or 64)
    assert (field.value, session.iterations) == (256, 5000)
    session.iterations = None
    assert (field.value, session.iterations) == (64, None)
