import pytest
from qtpy.QtWidgets import QInputDialog

from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.viewer.sections.reconstruct.presets import BUILT_IN, Presets
from napari_csc.viewer.session import SETTING_FIELDS, Session


@pytest.fixture
def presets(tmp_path) -> Presets:
    return Presets(tmp_path / "presets")


def test_kept_and_replaced(presets: Presets) -> None:
    assert presets.names() == list(BUILT_IN)
    mine = ReconstructionSettings(maps="2sigma", dropped=(1, 4), shuffle_seed=3, norm="modulus")
    presets.save("knee, 0.055 T", mine)
    presets.save("Größe (64)", ReconstructionSettings(dictionary="dct-64-11"))
    assert presets.names() == [*BUILT_IN, "Größe (64)", "knee, 0.055 T"]
    assert presets.load("knee, 0.055 T") == mine
    presets.save("knee, 0.055 T", ReconstructionSettings())
    assert presets.load("knee, 0.055 T") == ReconstructionSettings()
    assert [one.suffix for one in presets.folder.iterdir()] == [".json"] * 2
    presets.delete("knee, 0.055 T")
    with pytest.raises(CscError, match="any more; choose another"):
        presets.load("knee, 0.055 T")


@pytest.mark.parametrize("name", ["", "../out", "a/b", ".hidden", "x" * 61, "a\nb"])
def test_names_that_cannot_be(presets: Presets, name: str) -> None:
    with pytest.raises(CscError, match="cannot be called"):
        presets.save(name, ReconstructionSettings())
    assert not presets.folder.exists()


def test_those_that_are_always_there_stay(presets: Presets) -> None:
    for name, settings in BUILT_IN.items():
        assert presets.load(name) == settings
        with pytest.raises(CscError, match="always there"):
            presets.save(name, ReconstructionSettings())
        with pytest.raises(CscError, match="always there"):
            presets.delete(name)
        fields = {"dictionary" if one == "dictionary_name" else one for one in SETTING_FIELDS}
        changed = {
            key
            for key, value in settings.model_dump().items()
            if value != getattr(ReconstructionSettings(), key)
        }
        assert changed <= fields, "the dock can show all of it"


@pytest.mark.parametrize("content", ["", "{", '{"strength": -1}', '{"unknown": 1}', "[]"])
def test_a_damaged_one(presets: Presets, content: str) -> None:
    presets.folder.mkdir()
    (presets.folder / "mine.json").write_text(content)
    with pytest.raises(CscError, match="'mine' cannot be read"):
        presets.load("mine")


@pytest.mark.gui
def test_in_the_dock(dock, qtbot, monkeypatch, tmp_path) -> None:
    panel, session = dock.presets_panel, dock.session
    panel._presets = Presets(tmp_path)
    session.maps, session.strength, session.solver = "2sigma", 0.7, "admm"
    session.dropped, session.shuffle_seed, session.rule = (1,), 5, "fitted"
    kept = session.settings()
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: ("mine", True))
    panel.save_button.click()
    assert dock.messages[-1] == ("good", "The settings are kept as mine.")
    assert panel.name_box.currentText() == "mine"
    fresh = Session()
    for name in SETTING_FIELDS:
        setattr(session, name, getattr(fresh, name))
    dock.models.dictionary.choose("gabor-6-5")
    qtbot.waitUntil(lambda: session.dictionary_name == "gabor-6-5")
    panel.use_button.click()
    qtbot.waitUntil(lambda: session.dictionary_name == "dct-8-5")
    assert session.settings() == kept
    assert len(session.ordered()) == 7
    panel.delete_button.click()
    assert panel.name_box.findText("mine") == -1
    assert not panel.delete_button.isEnabled()
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: ("a/b", True))
    panel.save_button.click()
    assert dock.messages[-1][0] == "problem"
