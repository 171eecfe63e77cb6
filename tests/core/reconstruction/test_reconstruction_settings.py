import pytest
import torch
from helper import fresh_network, small_scan
from pydantic import ValidationError

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import NoiseScalar, save_map_network
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.settings import DEFAULTS, ReconstructionSettings
from napari_csc.errors import CscError

NAMES = ("iterations", "step_rule", "norm", "smooth", "low_pass_weight")
TRAINED = {
    "iterations": 7,
    "step_rule": "uniform",
    "norm": "real-imaginary",
    "smooth": "low-pass",
    "low_pass_weight": 3.5,
}
DICTIONARY = Dictionary.dct(6, 5)


def test_defaults_where_nothing_is_said():
    settings = Reconstructor(DICTIONARY, 0.3).settings
    assert {name: getattr(settings, name) for name in NAMES} == {
        "iterations": 64,
        "step_rule": "per-filter",
        "norm": "modulus",
        "smooth": "filters",
        "low_pass_weight": 10.0,
    }
    assert settings.iterations == DEFAULTS.iterations


def test_what_is_not_given_comes_from_the_weights():
    recon = Reconstructor(DICTIONARY, fresh_network(**TRAINED))
    assert {name: getattr(recon.settings, name) for name in NAMES} == TRAINED
    assert recon(small_scan()).provenance["maps"]["warnings"] == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("iterations", 9, "iterations 7, but 9"),
        ("step_rule", "per-filter", "step rule uniform, but per-filter"),
        ("norm", "modulus", "norm real-imaginary, but modulus"),
        ("smooth", "filters", "smooth low-pass, but filters"),
        ("low_pass_weight", 50.0, "low pass weight 3.5, but 50.0"),
    ],
)
def test_what_is_given_wins_and_is_told(name, value, words):
    recon = Reconstructor(DICTIONARY, fresh_network(**TRAINED), **{name: value})
    assert getattr(recon.settings, name) == value
    warnings = recon(small_scan()).provenance["maps"]["warnings"]
    assert len(warnings) == 1
    assert words in warnings[0]


def test_another_dictionary_than_the_one_of_v1_is_told():
    options = {"n_filters": 9, "dictionary_digest": DICTIONARY.digest, "dictionary_name": "mine"}
    network = fresh_network("v1", iterations=3, **options)
    own = Reconstructor(DICTIONARY.permuted(1), network)(small_scan())
    assert own.provenance["maps"]["warnings"] == []
    other = Reconstructor(Dictionary.random(6, 5), network)(small_scan())
    assert "mine" in other.provenance["maps"]["warnings"][0]


def test_digest_of_the_weights_is_in_the_provenance(tmp_path):
    path = tmp_path / "w.safetensors"
    save_map_network(fresh_network(iterations=2), path)
    settings = ReconstructionSettings(dictionary="dct-6-5", maps=str(path), device="cpu")
    recon = Reconstructor.from_settings(settings)
    assert recon(small_scan()).provenance["maps"]["digest"] == recon.maps.digest != ""


@pytest.mark.parametrize("maps", ["0.4", "1.5sigma", "network"])
def test_from_settings_equals_by_hand(tmp_path, maps):
    path = tmp_path / "w.safetensors"
    save_map_network(fresh_network(iterations=4), path)
    sources = {"0.4": 0.4, "1.5sigma": NoiseScalar(1.5), "network": fresh_network(iterations=4)}
    settings = ReconstructionSettings(
        dictionary="dct-12-6",
        dropped=(2, 7),
        shuffle_seed=5,
        maps=str(path) if maps == "network" else maps,
        strength=0.8,
        iterations=6,
        norm="real-imaginary",
        device="cpu",
    )
    dictionary = Dictionary.dct(12, 6).subset([k for k in range(12) if k not in (2, 7)]).permuted(5)
    by_hand = Reconstructor(
        dictionary, sources[maps], strength=0.8, iterations=6, norm="real-imaginary", device="cpu"
    )(small_scan())
    recon = Reconstructor.from_settings(settings)
    result = recon(small_scan())
    assert result.dictionary.order == dictionary.order
    assert torch.equal(result.image, by_hand.image)
    assert torch.equal(result.sparsity_maps, by_hand.sparsity_maps)
    assert recon.settings.model_dump(include={"dropped", "shuffle_seed", "strength"}) == {
        "dropped": (2, 7),
        "shuffle_seed": 5,
        "strength": 0.8,
    }


def test_complete_settings_repeat_the_result():
    settings = ReconstructionSettings(
        dictionary="random-9-5-seed2", shuffle_seed=3, maps="1.2sigma", iterations=5, device="cpu"
    )
    first = Reconstructor.from_settings(settings)
    text = first.settings.model_dump_json()
    again = Reconstructor.from_settings(ReconstructionSettings.model_validate_json(text))
    assert again.settings == first.settings
    assert torch.equal(again(small_scan()).image, first(small_scan()).image)


@pytest.mark.parametrize("scalar", [1 / 3, 1e-7, 123456.78, 0.1234567])
def test_settings_keep_every_digit_of_a_scalar(scalar):
    assert Reconstructor(DICTIONARY, scalar).settings.scalar_maps() == (scalar, False)
    noise = Reconstructor(DICTIONARY, NoiseScalar(scalar)).settings
    assert noise.scalar_maps() == (scalar, True)


@pytest.mark.parametrize("name", ["dct-12-6", "gabor-8-7", "random-9-5-seed2"])
def test_settings_of_a_dictionary_by_name_load_it_again(name):
    settings = Reconstructor(Dictionary.load(name), 0.3).settings
    assert Reconstructor.from_settings(settings).dictionary.digest == Dictionary.load(name).digest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.3", (0.3, False)),
        ("2", (2.0, False)),
        (".5", (0.5, False)),
        ("1e-2", (0.01, False)),
        ("1.5sigma", (1.5, True)),
        ("1.5 σ", (1.5, True)),
        (" 2 Sigma ", (2.0, True)),
        ("v3", None),
        ("-1", None),
        ("1.5 noise", None),
        ("sigma", None),
    ],
)
def test_scalar_maps(text, expected):
    assert ReconstructionSettings(maps=text).scalar_maps() == expected


def test_all_filters_dropped():
    settings = ReconstructionSettings(dictionary="dct-2-5", dropped=(0, 1), maps="1")
    with pytest.raises(CscError, match="At least one filter"):
        Reconstructor.from_settings(settings)


BAD = {
    "iterations": [0, -1, 1.5, True, False, "many", 10_001, float("nan"), float("inf")],
    "strength": [float("nan"), float("inf"), -1.0, "strong"],
    "low_pass_weight": [float("nan"), float("inf"), -1.0],
    "norm": ["l2", "", 3],
    "smooth": ["none", True],
    "step_rule": ["adaptive"],
    "solver": ["ista", "", 3],
    "device": ["gpu", "cuda:99", "", "nonsense:1"],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in BAD.items() for v in values])
def test_bad_settings_are_one_sentence(name, value):
    with pytest.raises(CscError) as caught:
        Reconstructor(DICTIONARY, 0.3, **{name: value})
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert name.replace("_", " ") in message


@pytest.mark.parametrize("value", [1, 64.0, 10_000])
def test_good_iterations(value):
    assert Reconstructor(DICTIONARY, 0.3, iterations=value).settings.iterations == value


def test_settings_are_frozen_and_closed():
    settings = ReconstructionSettings()
    with pytest.raises(ValidationError):
        settings.iterations = 3
    with pytest.raises(CscError, match="colour"):
        ReconstructionSettings.checked(colour="red")
