from pathlib import Path

import yaml

import napari_csc
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import map_network_names
from napari_csc.core.options import DEFAULT_DICTIONARY, DEFAULT_NETWORK
from napari_csc.core.reconstruction.settings import ReconstructionSettings


def test_the_defaults_are_there():
    assert DEFAULT_NETWORK in map_network_names()
    assert Dictionary.load(DEFAULT_DICTIONARY).source == DEFAULT_DICTIONARY


def test_settings_and_manifest_begin_with_them():
    settings = ReconstructionSettings()
    manifest = Path(napari_csc.__file__).with_name("napari.yaml").read_text()
    start = yaml.safe_load(manifest)["contributions"]["configurations"]["start"]["properties"]
    assert start["dictionary"]["default"] == settings.dictionary == DEFAULT_DICTIONARY
    assert start["maps"]["default"] == settings.maps == DEFAULT_NETWORK
