import inspect

import pytest
import torch
from helper import metadata, small_scan

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps.source import MapSource
from napari_csc.core.reconstruction.keywords import GivenSettings
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.settings import (
    DEFAULTS,
    CompleteSettings,
    ReconstructionSettings,
)

DICTIONARY = Dictionary.dct(6, 5)
OWN = {"dictionary", "shuffle_seed", "dropped", "maps"}


def test_keywords_are_the_settings():
    expected = set(ReconstructionSettings.model_fields) - OWN
    parameters = inspect.signature(Reconstructor).parameters
    assert set(parameters) - {"dictionary", "maps", "map_cache", "last_codes"} == expected
    assert set(GivenSettings.__annotations__) == expected
    for name in expected:
        assert parameters[name].default == ReconstructionSettings.model_fields[name].default
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("name", ["colour", "dropped"])
def test_what_is_no_keyword_is_refused(name):
    with pytest.raises(TypeError, match=name):
        Reconstructor(DICTIONARY, 0.3, **{name: ()})


def test_as_trained_is_decided_in_one_place():
    trained = metadata(solver="admm", iterations=12, smooth="low-pass", low_pass_weight=3.5)
    given = ReconstructionSettings(maps="mine")
    complete = CompleteSettings.of(given, trained)
    assert (complete.solver, complete.iterations, complete.smooth) == ("admm", 12, "low-pass")
    assert complete.low_pass_weight == 3.5
    other = CompleteSettings.of(given.model_copy(update={"solver": "fista"}), trained)
    assert (other.solver, other.iterations, other.smooth) == ("fista", 64, "low-pass")
    assert CompleteSettings.of(complete) == complete
    assert CompleteSettings.of(ReconstructionSettings()) == DEFAULTS


class Ramp(MapSource):
    """Maps that grow along x, in units of the noise."""

    digest = "ramp 1"

    @property
    def source_name(self):
        return "ramp"

    def maps_of(self, request):
        return torch.linspace(0, 3, request.shape[2]).expand(request.shape).clone()

    def is_at_hand(self, request):
        return False


def test_any_source_of_maps_will_do():
    seen = []
    made = Reconstructor(DICTIONARY, Ramp(), iterations=3, device="cpu")
    result = made(small_scan(), seen.append, early_picture=True)
    expected = torch.linspace(0, 3, result.image.shape[2]) * small_scan().noise_std
    torch.testing.assert_close(result.sparsity_maps[0, 0, 0], expected)
    assert (result.provenance["maps"]["name"], result.provenance["maps"]["digest"]) == (
        "ramp",
        "ramp 1",
    )
    assert seen[0].stage == "early picture"
    assert (made.maps.title, made.maps.misfit(3), made.settings.iterations) == ("ramp", None, 3)
