"""Layers of the selected filter are of that filter, or not there; whatever changes which it is."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_belongs import User, scans  # noqa: F401

from napari_csc.core.analysis.filter_figures import against_the_others
from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.layers import CODE, CONTRIBUTION, RELATIVE
from napari_csc.viewer.sections.input import model as input_model
from napari_csc.viewer.sections.input.loading import loaded_scan

ROLES = (CODE, CONTRIBUTION, RELATIVE)


@pytest.fixture
def user(scans: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: F811
    """Somebody who has a result of four filters, and looks at what filter 2 does."""
    scan = scans["one.h5"]
    monkeypatch.setattr(
        input_model,
        "load_file",
        lambda path, **options: loaded_scan(scan, Geometry.of_acquisition(scan), str(path)),
    )
    user = User(0, {"one.h5": scan})
    user.models.input.open_file(Path("one.h5"))
    user.settle()
    user.run()
    user.settle()
    user.session.extra_layers = frozenset(ROLES)
    user.session.selected = 2
    user.settle()
    assert_of(user, 2)
    yield user
    user.workbench.close()


def assert_of(user: User, position: int) -> None:
    """All layers of the selected filter are there, and are of the filter at a position."""
    result = user.session.result
    wanted = (
        result.sparse_codes[:, position],
        result.contributions(position),
        against_the_others(result, position),
    )
    for role, values in zip(ROLES, wanted, strict=True):
        np.testing.assert_allclose(user.values(role), np.asarray(values), atol=1e-4)
    assert user.workbench.layers.maps._position == position


def assert_none(user: User) -> None:
    assert [user.layer(role) for role in ROLES] == [None] * 3


def test_another_dictionary_has_none_until_it_is_taken_back(user: User) -> None:
    """What was chosen of the other dictionary is looked at in the result, if that has it."""
    user.models.dictionary.choose("dct-6-3")
    user.settle()
    assert_none(user)
    user.session.selected = 3
    user.settle()
    assert_none(user)
    user.models.history.undo()
    user.settle()
    assert user.session.dictionary_name == "dct-4-3"
    assert_of(user, user.session.selected)
    user.models.history.redo()
    user.settle()
    assert_none(user)


def test_work_for_a_filter_is_given_up_when_the_dictionary_changes(user: User) -> None:
    user.session.selected = 0
    # Before the worker has answered; the other dictionary begins with its filter 0, too.
    user.models.dictionary.choose("random-4-3")
    user.settle()
    assert user.session.selected == 0
    assert_none(user)


def test_a_filter_that_was_left_out_has_none(user: User) -> None:
    user.session.drop(1, True)
    user.run()
    user.settle()
    assert_of(user, 1)
    user.session.selected = 1
    user.settle()
    assert_none(user)
    assert user.session.extra_layers == frozenset(ROLES), "wanted still"
    user.session.selected = 3
    user.settle()
    assert_of(user, 2)


@pytest.mark.parametrize("seed", range(3))
def test_orders_and_results_between_all_of_that(user: User, seed: int) -> None:
    user.chance = random.Random(seed)
    for _ in range(12):
        steps = (user.shuffle, user.run, user.select, user.swap, user.models.history.undo)
        user.chance.choice(steps)()
        user.settle()
        user.check_filter()
