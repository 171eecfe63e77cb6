"""What users do to layers, exports and comparisons between all else: names still tell the truth."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_belongs import User, scans  # noqa: F401

from napari_csc.core.analysis.filter_figures import removed
from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.layers import PIN_A, PIN_B, RECONSTRUCTION, REMOVED
from napari_csc.viewer.layers.roles import (
    COMPARED,
    DIFFERENCE,
    LESION_MAP,
    NOISE_LEFT,
    OUTPUTS,
    PLAYED,
    TESTED,
)
from napari_csc.viewer.sections.input import model as input_model
from napari_csc.viewer.sections.input.loading import loaded_scan
from napari_csc.viewer.sections.risk import model as risk_model

SEQUENCES = 12
ACTIONS = 24
OTHERS = (
    *("rename", "move", "colours", "alien", "undo", "redo", "iterations", "norm", "maps"),
    *("run", "run", "open", "compare", "compare", "blink", "gain", "trust_map", "trust_map"),
    *("export", "pin", "pin", "scroll", "play", "stop_playing"),
)


class Stranger(User):
    """A user who also works on the layers themselves, exports, and goes back and forth."""

    def __init__(self, seed: int, scans: dict[str, Any], folder: Path) -> None:  # noqa: F811
        super().__init__(seed, scans)
        self.folder, self.count = folder, 0

    def rename(self) -> None:
        if self.viewer.layers:
            layer = self.chance.choice(list(self.viewer.layers))
            layer.name = self.chance.choice(["mine", "reconstruction", "result A", "initial image"])

    def move(self) -> None:
        count = len(self.viewer.layers)
        if count > 1:
            self.viewer.layers.move(self.chance.randrange(count), self.chance.randrange(count))

    def colours(self) -> None:
        layers = [one for one in self.viewer.layers if hasattr(one, "contrast_limits")]
        if layers:
            layer = self.chance.choice(layers)
            layer.contrast_limits, layer.colormap = (0.0, 5.0), "viridis"

    def alien(self) -> None:
        """A layer of another program that is named like one of ours."""
        self.viewer.add_image(np.ones((5, 20, 12)), name="reconstruction")

    def undo(self) -> None:
        self.models.history.undo()

    def redo(self) -> None:
        self.models.history.redo()

    def iterations(self) -> None:
        self.session.iterations = self.chance.choice([1, 2, 3])

    def norm(self) -> None:
        self.session.norm = self.chance.choice(["modulus", "real-imaginary"])

    def maps(self) -> None:
        self.session.maps = self.chance.choice(["1sigma", "2sigma"])

    def compare(self) -> None:
        if self.sections["Compare"]:
            views = ["A", "B", "difference", "swipe", "result"]
            self.models.compare.show(self.chance.choice(views))

    def blink(self) -> None:
        if self.sections["Compare"]:
            self.models.compare.blink()

    def gain(self) -> None:
        self.models.compare.set_gain(self.chance.choice([1, 5, 10]))

    def trust_map(self) -> None:
        if self.sections["Trust"]:
            trust = self.models.trust
            trust.want(radius=1.0, contrast=1.0)
            self.chance.choice([trust.ask_map, trust.ask_curve, trust.cancel])()

    def export(self) -> None:
        self.count += 1
        self.models.export.images(self.folder / f"{self.count}.npy", "complex")

    def stop_playing(self) -> None:
        self.models.play.leave()

    def act(self) -> None:
        if self.chance.random() < 0.5:
            super().act()
            return
        self.take(OTHERS)

    def check(self) -> None:
        super().check()
        session, result = self.session, self.session.result
        assert all(one.endswith((".", "!")) for one in self.problems), self.problems
        if self.layer(REMOVED) is not None and not self.waits_for("removed"):
            assert np.allclose(
                self.values(REMOVED),
                removed(result, self.models.reconstruct.outcome.acquisition),
                atol=1e-5,
            )
        trust = self.models.trust
        if trust.survival is not None and self.layer(LESION_MAP) is not None:
            shown = self.values(LESION_MAP)[0]
            assert np.allclose(shown, np.asarray(trust.survival.image), equal_nan=True)
        if trust.noise is not None and self.layer(NOISE_LEFT) is not None:
            assert np.allclose(self.values(NOISE_LEFT), np.asarray(trust.noise.in_sigma))
        pins = self.models.compare.pins
        for name, role in (("A", PIN_A), ("B", PIN_B)):
            if self.layer(role) is not None:
                assert np.array_equal(self.values(role), pins[name].image)
        assert self.layer(DIFFERENCE) is None or len(pins) == 2
        for role in (*OUTPUTS, *PLAYED, *COMPARED, *TESTED):
            layer = self.layer(role)
            assert layer is None or session.acquisition is not None, f"{role} of a closed scan"
            if layer is not None and role in OUTPUTS:
                assert tuple(layer.data.shape[-2:]) == session.acquisition.shape[1:], role


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_strange_actions(
    seed: int,
    scans: dict[str, Any],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(
        input_model,
        "load_file",
        lambda path, **options: loaded_scan(
            scans[str(path)], Geometry.of_acquisition(scans[str(path)]), str(path)
        ),
    )
    monkeypatch.setattr(risk_model, "dictionary_names", lambda: ["dct-4-3", "random-4-3"])
    monkeypatch.setattr(risk_model, "learned_folder", lambda: tmp_path)
    user = Stranger(seed, scans, tmp_path)
    try:
        user.settle()
        for _ in range(ACTIONS):
            user.act()
            user.check()
        user.settle()
        assert user.workbench.is_idle
        if user.session.result is not None and user.layer(RECONSTRUCTION) is not None:
            user.models.export.images(tmp_path / "last.npy", "complex")
            user.settle()
            written = np.load(tmp_path / "last.npy")
            assert np.allclose(np.squeeze(written), np.squeeze(user.values(RECONSTRUCTION)))
    except Exception as error:
        raise AssertionError(f"after {' '.join(user.done)}") from error
    finally:
        user.workbench.close()
