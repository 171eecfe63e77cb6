"""Random actions of a user against slow workers: what is shown belongs to what it names."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from napari.components import ViewerModel

from napari_csc.core.acquisition.corrections import corrected
from napari_csc.core.acquisition.lazy import initial_images
from napari_csc.core.acquisition.simulate import simulate_low_field
from napari_csc.core.analysis.filter_figures import against_the_others
from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.layers import (
    CODE,
    CONTRIBUTION,
    EDITED,
    INITIAL,
    KSPACE,
    LESION_WITHOUT,
    MAPS,
    RECONSTRUCTION,
    REFERENCE,
    RELATIVE,
    REMOVED,
    RULERS,
    SMOOTH,
    SMOOTH_CONTRIBUTION,
    SMOOTH_MAP,
    ScanLayers,
)
from napari_csc.viewer.layers.roles import EDITED_SUFFIX, GROUPS
from napari_csc.viewer.layers.tags import own
from napari_csc.viewer.models import Models
from napari_csc.viewer.sections.compare.pins import other_data
from napari_csc.viewer.sections.input import model as input_model
from napari_csc.viewer.sections.input.loading import loaded_scan
from napari_csc.viewer.sections.reconstruct import order
from napari_csc.viewer.sections.risk import model as risk_model
from napari_csc.viewer.session import Session
from napari_csc.viewer.workbench import Workbench

SEQUENCES = 40
ACTIONS = 24
_DICTIONARIES = ("dct-4-3", "random-4-3", "dct-6-3")


class Workers:
    """Workers that do a piece of work, or hand its answer over, when chance says so."""

    def __init__(self) -> None:
        self.queues: dict[str, list[Callable[[], None]]] = {}
        self.answers: list[Callable[[], None]] = []

    def named(self, name: str) -> Any:
        queue = self.queues.setdefault(name, [])

        class One:
            def __call__(self, function: Callable[[], None]) -> None:
                queue.append(function)

            def close(self) -> None:
                queue.clear()

        return One()

    def deliver(self, function: Callable[[], None]) -> None:
        self.answers.append(function)

    def step(self, chance: random.Random) -> bool:
        """Do one thing that waits: some work of some thread, or the oldest answer.

        False if nothing waits.
        """
        busy = [queue for queue in self.queues.values() if queue]
        if not busy and not self.answers:
            return False
        if self.answers and (not busy or chance.random() < 0.5):
            self.answers.pop(0)()
        else:
            chance.choice(busy).pop(0)()
        return True


class User:
    """A dock without Qt, and somebody who works it at random."""

    def __init__(self, seed: int, scans: dict[str, Any]) -> None:
        self.chance, self.scans, self.workers = random.Random(seed), scans, Workers()
        self.problems: list[str] = []
        self.said = ("", "")
        self.viewer = ViewerModel()
        self.session = Session(maps="1sigma", iterations=2, device="cpu")
        self.workbench = Workbench(
            self.session,
            ScanLayers(self.viewer),
            self.workers.deliver,
            self.problems.append,
            self.workers.named,
        )
        self.models = Models.of(self.workbench)
        # Here all threads are one, which would wait for itself.
        self.models.risk._free.clear = lambda: None
        self.figures: Any = None
        self.facts: Any = None
        self.models.dictionary.filter_figures.connect(lambda one: setattr(self, "figures", one))
        self.models.input.facts.connect(lambda one: setattr(self, "facts", one))
        self.workbench.message.connect(lambda *said: setattr(self, "said", said))
        self.models.dictionary.choose(_DICTIONARIES[0])
        self.done: list[str] = []
        self.sections = dict.fromkeys(
            ("Dictionary", "Display", "Compare", "Measure", "Inspect", "What if", "Trust"), True
        )

    # ---------------------------------------------------------------- actions

    def open(self) -> None:
        self.models.input.open_file(Path(self.chance.choice(list(self.scans))))

    def noise(self) -> None:
        self.session.noise_std = self.chance.choice([None, 0.5, 2.0])

    def extent(self) -> None:
        self.session.sampled = self.chance.choice([None, (12, 12), (8, 10)])

    def run(self) -> None:
        self.models.reconstruct.run()

    def cancel(self) -> None:
        self.models.reconstruct.cancel()

    def swap(self) -> None:
        self.models.dictionary.choose(self.chance.choice(_DICTIONARIES))

    def shuffle(self) -> None:
        self.session.shuffle_seed = self.chance.choice([None, 1, 2])

    def drop(self) -> None:
        self.models.dictionary.drop(self.chance.randrange(4), self.chance.random() < 0.5)

    def strength(self) -> None:
        self.session.strength = self.chance.choice([0.5, 1.0])

    def scroll(self) -> None:
        self.workbench.layers.go_to_slice(self.chance.randrange(4))

    def slices(self) -> None:
        self.session.slices = self.chance.choice(["current", "all"])

    def smooth(self) -> None:
        if self.sections["Dictionary"]:
            self.session.smooth_filter = self.chance.choice([None, 0, 1])

    def select(self) -> None:
        self.session.selected = self.chance.randrange(4)

    def layers_on_demand(self) -> None:
        roles = [CODE, CONTRIBUTION, RULERS, REMOVED, KSPACE, RELATIVE]
        if self.sections["Display"]:
            self.session.extra_layers ^= {self.chance.choice(roles)}

    def delete(self) -> None:
        if self.viewer.layers:
            self.viewer.layers.remove(self.chance.choice(list(self.viewer.layers)))

    def delete_all(self) -> None:
        self.viewer.layers.clear()

    def close(self) -> None:
        self.models.input.forget()

    def flip(self) -> None:
        self.workbench.layers.flip.flip()

    def section(self) -> None:
        """Open or close a section: what it made goes with it, and comes back."""
        name = self.chance.choice(list(self.sections))
        self.sections[name] = not self.sections[name]
        getattr(self.models, name.lower().replace(" ", "_")).section_toggled(self.sections[name])

    def what_if(self) -> None:
        """Edit maps, take it back, or show what the edit changed."""
        model = self.models.what_if
        chosen = self.chance.randrange(5)
        if chosen == 0:
            model.restore()
        elif chosen == 1:
            if self.sections["What if"]:
                model.toggle_difference()
        else:
            model.aim(self.chance.choice(["selected", "all"]))
            model.set_factor(self.chance.choice([0.0, 2.0, "forbid", 1.0]))

    def trust(self) -> None:
        """Ask about a place, the noise or a point."""
        if not self.sections["Trust"]:
            return
        model = self.models.trust
        ask = self.chance.choice(["lesion", "lesion", "noise", "point", "show"])
        if ask == "lesion":
            model.want(radius=1.0, contrast=1.0)
            model.ask_lesion((8.0, 7.0))
        elif ask == "noise":
            model.ask_noise()
        elif ask == "point":
            model.ask_point((8, 7))
        elif model.test is not None:
            model.show(self.chance.choice(["image", "all", "with"]))

    def risk(self) -> None:
        """Rank dictionaries or strengths, or stop that."""
        model = self.models.risk
        self.chance.choice([model.rank, model.try_strengths, model.cancel])()

    def pin(self) -> None:
        if not self.sections["Compare"]:
            return
        self.models.compare.pin(self.chance.choice(["A", "B"]))

    def play(self) -> None:
        self.models.play.choose(self.chance.choice(["iterates", "filters"]))
        self.models.play.player.play()

    def view(self) -> None:
        self.session.part = self.chance.choice(["magnitude", "phase"])

    def act(self) -> None:
        names = [
            *("open", "run") * 4,
            *("noise", "extent", "swap", "shuffle", "scroll", "delete", "layers_on_demand") * 2,
            *("cancel", "drop", "strength", "slices", "select", "delete_all", "close", "flip"),
            *("pin", "play", "view", "section", "section"),
            *("what_if", "what_if", "trust", "trust", "risk", "smooth"),
        ]
        self.take(names)

    def take(self, names: Sequence[str]) -> None:
        """Do one of these, and let some of the work that is under way go on."""
        name = self.chance.choice(names)
        self.done.append(name)
        getattr(self, name)()
        for _ in range(self.chance.randrange(6)):
            if not self.workers.step(self.chance):
                break
            self.done.append("·")
            self.check()

    # ---------------------------------------------------------------- what must hold

    def layer(self, role: str) -> Any:
        return self.workbench.layers.store.find(role)

    def values(self, role: str) -> Any:
        layer = self.layer(role)
        return None if layer is None else np.asarray(getattr(layer.data, "values", layer.data))

    def check(self) -> None:
        session, layers = self.session, self.workbench.layers
        acquisition, result = session.acquisition, session.result
        assert not [one for one in self.problems if "unexpected" in one], self.problems
        self.check_input()
        self.check_trust()
        self.check_edits()
        self.check_risk()
        if result is None:
            for role in (SMOOTH, MAPS):
                ahead = self.layer(role)
                if ahead is not None:
                    # Made ready for the result that is about to be shown.
                    assert self.models.reconstruct.is_running, role
                    assert not ahead.visible, role
                    assert own(ahead)["acquisition"].shape[1:] == acquisition.shape[1:], role
            for role in (CODE, CONTRIBUTION, RULERS, REMOVED, RELATIVE):
                assert self.layer(role) is None, role
            if not self.models.reconstruct.is_running:
                assert self.layer(RECONSTRUCTION) is None
            assert self.models.reconstruct.outcome is None
        else:
            outcome = self.models.reconstruct.outcome
            assert outcome is not None
            assert outcome.result is result
            assert outcome.job.acquisition is acquisition
            self.check_result()
        self.check_line()
        self.check_groups()
        overlay = self.viewer.canvas.overlays.text
        if overlay.visible:
            assert result is not None
            assert layers.has_result(layers.current_slice())
            assert f"filter {layers.maps._position}" in overlay.text

    def check_input(self) -> None:
        session, acquisition = self.session, self.session.acquisition
        shown = self.values(INITIAL)
        if acquisition is None:
            assert session.input_name == ""
            assert shown is None
            assert self.values(REFERENCE) is None
            assert self.facts is None
            return
        assert acquisition is self.scans[session.input_name]
        assert self.facts.name == session.input_name
        wanted = corrected(acquisition, session.sampled, session.noise_std)
        is_fresh = not self.waits_for("facts")
        plain = corrected(acquisition, None, None)
        if is_fresh:
            assert self.facts.noise_std == pytest.approx(wanted.noise_std)
        if shown is not None:
            # While the new facts are on their way, earlier ones of the same scan are shown.
            assert shown.shape == acquisition.shape
            if is_fresh:
                assert np.allclose(shown, np.asarray(initial_images(wanted)), atol=1e-5)
            else:
                near = np.abs(np.vdot(shown, np.asarray(initial_images(plain))))
                norms = np.linalg.norm(shown) * np.linalg.norm(np.asarray(initial_images(plain)))
                assert near > 0.8 * norms, "another scan"
        reference = self.values(REFERENCE)
        if reference is not None:
            assert np.array_equal(reference, np.asarray(acquisition.reference))
        kspace = self.layer(KSPACE)
        if kspace is not None:
            assert kspace.data.shape == (*acquisition.shape,)

    def check_result(self) -> None:
        session, result = self.session, self.session.result
        if not self.models.reconstruct.is_running and self.layer(RECONSTRUCTION) is not None:
            assert np.array_equal(self.values(RECONSTRUCTION), result.image)
        if self.layer(SMOOTH) is not None:
            assert np.array_equal(self.values(SMOOTH), result.low_pass)
        if self.layer(MAPS) is not None:
            assert np.array_equal(self.values(MAPS), result.sparsity_maps.transpose(0, 1))
        smooth = self.layer(SMOOTH_MAP)
        if smooth is not None:
            wanted = result.smooth_maps[:, session.smooth_filter] / result.noise_std
            assert np.array_equal(smooth.data, wanted)
        part = self.layer(SMOOTH_CONTRIBUTION)
        if part is not None:
            wanted = result.smooth_parts[:, session.smooth_filter]
            assert np.array_equal(self.values(SMOOTH_CONTRIBUTION), np.asarray(wanted))
            assert self.layer(CONTRIBUTION) is None
        self.check_filter()
        if self.layer(REMOVED) is not None and not self.waits_for("removed"):
            assert np.allclose(self.values(REMOVED).shape, result.image.shape)
        self.check_pins()

    def check_pins(self) -> None:
        """Pins are of this scan; where its matrix was another one, that is told."""
        pins = self.models.compare.pins
        for pin in pins.values():
            plain = np.asarray(initial_images(corrected(self.session.acquisition, None, None)))
            plain = plain[pin.slices.start : pin.slices.stop]
            norms = np.linalg.norm(pin.initial) * np.linalg.norm(plain)
            assert np.abs(np.vdot(pin.initial, plain)) > 0.8 * norms, "pinned of another scan"
        if len(pins) == 2:
            slices = self.models.compare.slices()
            told = "acquired matrix" in self.models.compare.differences()
            for number in slices:
                assert told == bool(other_data(pins["A"], pins["B"], number))

    def check_filter(self) -> None:
        """What is said to be of the selected filter is of that, or not there."""
        session, result = self.session, self.session.result
        position = session.position_shown()
        if position is None:
            left = [one for one in (CODE, CONTRIBUTION, RELATIVE) if self.layer(one) is not None]
            assert not left, "the result has no such filter"
            return
        assert self.layer(MAPS) is None or self.workbench.layers.maps._position == position
        for role, lane, values_of in (
            (CODE, "filter", lambda: result.sparse_codes[:, position]),
            (CONTRIBUTION, "filter", lambda: result.contributions(position)),
            (RELATIVE, "relative map", lambda: against_the_others(result, position)),
        ):
            if self.layer(role) is not None and not self.waits_for(lane):
                values = np.asarray(values_of())
                assert np.allclose(self.values(role), values, atol=1e-4, equal_nan=True), role

    def check_groups(self) -> None:
        """What a closed section made is out of the viewer."""
        for name, is_open in self.sections.items():
            if not is_open:
                left = [role for role in GROUPS[name] if self.layer(role) is not None]
                assert not left, f"{name} is closed"

    def check_trust(self) -> None:
        """Answers are of the result and the scan that are there."""
        model, result = self.models.trust, self.session.result
        if result is None:
            assert [model.test, model.noise, model.point, model.survival] == [None] * 4
            return
        if model.test is not None:
            index = model._number - self.workbench.layers.place().first_slice
            assert np.array_equal(model.test.without, result.image[index])
            layer = self.layer(LESION_WITHOUT)
            if layer is not None:
                assert np.array_equal(np.asarray(layer.data.values)[0], model.test.without)
        if model.noise is not None:
            assert model.noise.std.shape[1:] == result.image.shape[1:]
            assert model.noise.sigma == pytest.approx(result.noise_std)

    def check_edits(self) -> None:
        """What was edited says so, and nothing else does."""
        result, state = self.session.result, self.models.state.state
        is_edited = result is not None and bool(result.edits)
        if result is not None and state.has_result:
            assert ("EDITED" in state.text) == is_edited
        image = self.layer(RECONSTRUCTION)
        if image is not None and result is not None and not self.models.reconstruct.is_running:
            assert image.name.endswith(EDITED_SUFFIX) == is_edited
        difference = self.layer(EDITED)
        if difference is not None:
            assert is_edited
            assert np.array_equal(difference.data.second, result.image)

    def check_risk(self) -> None:
        """Rows are of the settings that are there."""
        model = self.models.risk
        for found in (model.table, getattr(model.curve, "ranking", model.curve)):
            if found is None:
                continue
            assert self.session.acquisition is not None
            for row in found.rows:
                if row.risk is not None:
                    scan = corrected(
                        self.session.acquisition, self.session.sampled, self.session.noise_std
                    )
                    assert row.risk.sigma == pytest.approx(scan.noise_std)

    def check_sum(self) -> None:
        """Codes and filters of the result stand in the same order."""
        result = self.session.result
        if result is not None:
            parts = sum(result.contributions(index) for index in range(len(result.dictionary)))
            assert torch.allclose(result.low_pass + parts, result.image, atol=1e-3)
            assert result.provenance["dictionary"]["order"] == list(result.dictionary.order)

    def waits_for(self, name: str) -> bool:
        lane = self.workbench._lanes.get(name)
        return lane is not None and lane.is_running

    def check_line(self) -> None:
        session, layers, state = self.session, self.workbench.layers, self.models.state.state
        if session.acquisition is None:
            assert state.kind == "nothing"
            return
        assert session.input_name in state.text
        number = layers.current_slice()
        assert f"slice {number} " in state.text or layers.slice_count() == 1
        assert (state.kind == "unfinished") == bool(layers.unfinished)
        if layers.unfinished:
            assert self.models.reconstruct.is_running
            return
        if session.result is None:
            assert state.kind in ("no result", "running")
            return
        job = self.models.reconstruct.outcome.job
        if job.slices is not None and number not in job.slices:
            assert state.kind == "other slice"
            return
        settings = session.settings().model_copy(update={"device": job.settings.device})
        is_same = (job.settings, job.sampled, job.noise_std) == (
            settings,
            session.sampled,
            session.noise_std,
        )
        assert state.kind == ("current" if is_same else "changed")
        assert job.settings.dictionary in state.text

    def settle(self) -> None:
        for _ in range(2000):
            if not self.workers.step(self.chance):
                break
            self.check()


@pytest.fixture(scope="module")
def scans() -> dict[str, Any]:
    """Three scans: two of one shape, one of another; what each shows is its own."""
    made = {}
    for number, (name, shape) in enumerate(
        (("one.h5", (3, 16, 16)), ("two.h5", (3, 16, 16)), ("three.h5", (2, 14, 18)))
    ):
        torch.manual_seed(number)
        image = torch.zeros(shape)
        image[:, 2 + 3 * number : 7 + 3 * number, 3:12] = 1 + torch.rand(shape[0], 5, 9)
        scan = simulate_low_field(image, 12, 0.1, torch.Generator().manual_seed(number))
        made[name] = scan
    return made


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_random_actions(
    seed: int, scans: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        input_model,
        "load_file",
        lambda path, **options: loaded_scan(
            scans[str(path)], Geometry.of_acquisition(scans[str(path)]), str(path)
        ),
    )
    monkeypatch.setattr(risk_model, "dictionary_names", lambda: list(_DICTIONARIES[:2]))
    monkeypatch.setattr(risk_model, "learned_folder", lambda: tmp_path)
    # Whether maps move with their filters, or a run has to follow.
    monkeypatch.setattr(order, "moves_with_filters", lambda settings, networks: seed % 3 > 0)
    user = User(seed, scans)
    try:
        user.settle()
        for _ in range(ACTIONS):
            user.act()
            user.check()
        user.settle()
        user.check_sum()
        assert user.workbench.is_idle
    except Exception as error:
        raise AssertionError(f"after {' '.join(user.done)}") from error
    finally:
        user.workbench.close()
