"""The state of the dock, without a viewer."""

from types import SimpleNamespace

import pytest

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import MapNetworkConfig, WeightMetadata
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.viewer.session import FALLBACK_MAPS, Session


@pytest.fixture
def session() -> Session:
    made = Session()
    made.use_dictionary("dct-8-5", Dictionary.dct(8, 5))
    return made


def v1(filters: int) -> WeightMetadata:
    config = MapNetworkConfig(kind="v1", n_filters=filters + 3)
    return WeightMetadata(name="v1:dct-8-5", architecture=config, dictionary_name="DCT-8 5x5")


def test_settings_are_those_of_the_command_line(session: Session) -> None:
    assert session.settings() == ReconstructionSettings(dictionary="dct-8-5", maps=FALLBACK_MAPS)
    session.iterations, session.shuffle_seed, session.dropped = 7, 2, (1, 3)
    expected = ReconstructionSettings(
        dictionary="dct-8-5", maps=FALLBACK_MAPS, iterations=7, shuffle_seed=2, dropped=(1, 3)
    )
    assert session.settings() == expected


def test_a_wrong_value_is_told_in_one_sentence(session: Session) -> None:
    session.iterations = 0
    with pytest.raises(CscError, match="iterations"):
        session.settings()


def test_every_change_is_an_event(session: Session) -> None:
    seen: list[object] = []
    session.events.strength.connect(seen.append)
    session.strength = 0.5
    session.strength = 0.5
    assert seen == [0.5]


def test_order_in_use_is_the_one_that_is_reconstructed_with(session: Session) -> None:
    session.dropped, session.shuffle_seed = (0, 5), 4
    ordered = session.ordered()
    expected = Dictionary.dct(8, 5).subset([1, 2, 3, 4, 6, 7]).permuted(4)
    assert ordered is not None
    assert ordered.order == expected.order


def test_another_dictionary_begins_anew(session: Session) -> None:
    session.shuffle_seed, session.dropped, session.selected = 1, (2,), 7
    session.use_dictionary("dct-4-3", Dictionary.dct(4, 3))
    assert (session.shuffle_seed, session.dropped, session.selected) == (None, (), 0)


def test_a_dictionary_of_the_same_name_is_not_taken_for_the_one_of_the_result(
    session: Session,
) -> None:
    def shown(used: Dictionary) -> tuple[int, ...]:
        settings = {"dictionary": "dct-8-5"}
        session.result = SimpleNamespace(dictionary=used, provenance={"settings": settings})
        return session.order_shown()

    whole = Dictionary.dct(8, 5)
    assert shown(whole) == tuple(range(8))
    assert shown(whole.permuted(order=[3, 1, 0, 2, 7, 6, 5, 4]).subset([0, 2, 5])) == (3, 0, 6)
    assert shown(Dictionary.random(8, 5, seed=1)) == ()
    assert shown(Dictionary.dct(8, 7)) == ()
    assert shown(Dictionary.dct(12, 5)) == ()


def test_the_last_filter_stays(session: Session) -> None:
    assert all(session.drop(index, True) for index in range(7))
    assert not session.drop(7, True)
    assert session.dropped == tuple(range(7))
    assert session.drop(3, False)
    assert 3 not in session.dropped


def test_v1_is_explained_when_it_does_not_fit(session: Session) -> None:
    session.networks = {"v1:dct-8-5": v1(8)}
    assert session.misfit("v1:dct-8-5") == ""
    session.drop(0, True)
    assert "7 are in use" in session.misfit("v1:dct-8-5")
    assert session.misfit("1.5sigma") == ""


def test_defaults_come_from_the_network(session: Session) -> None:
    assert session.default("iterations") == 64
    session.networks = {"mine": v1(8).model_copy(update={"iterations": 12})}
    session.maps = "mine"
    assert session.default("iterations") == 12


def test_another_solver_has_iterations_of_its_own(session: Session) -> None:
    session.solver = "admm"
    assert session.default("iterations") == 16
    session.solver = "fista"
    assert session.default("iterations") == 64
    session.networks = {"mine": v1(8).model_copy(update={"iterations": 12, "solver": "admm"})}
    session.maps = "mine"
    session.solver = None
    assert (session.default("solver"), session.default("iterations")) == ("admm", 12)
    assert session.settings().solver is None
