"""A kind of network that somebody adds works everywhere by its row alone."""

import pytest
import torch
from helper import fresh_network, metadata, small_scan

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import (
    NETWORKS,
    MapNetwork,
    build_map_network,
    load_map_network,
    network_misfit,
    network_title,
    save_map_network,
)
from napari_csc.core.maps.base import CHUNK_PIXELS
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError


class Flat(MapNetwork):
    """One learned level."""

    def __init__(self, metadata):
        super().__init__(metadata)
        self.level = torch.nn.Parameter(torch.tensor(1.5))

    def forward(self, image, synthesis, mask, checkpoint=None, chunk_pixels=CHUNK_PIXELS):
        return self.level.expand(len(image), len(synthesis), *image.shape[-2:]).clone()

    def working_bytes(self, shape, n_filters, chunk_pixels):
        return 0


def test_a_new_kind_is_trained_saved_loaded_and_used(monkeypatch, tmp_path):
    monkeypatch.setitem(NETWORKS, "flat", Flat)
    network = build_map_network(metadata("flat", iterations=4))
    path = tmp_path / "flat.safetensors"
    save_map_network(network, path)
    settings = ReconstructionSettings(dictionary="dct-6-5", maps=str(path), device="cpu")
    made = Reconstructor.from_settings(settings)
    assert (made.settings.maps, made.settings.iterations) == (str(path), 4)
    result = made(small_scan())
    expected = Reconstructor(Dictionary.dct(6, 5), network, device="cpu")(small_scan())
    assert torch.equal(result.image, expected.image)
    assert network.title == network_title(network.metadata) == "fresh flat"
    assert network.misfit(1000) is network_misfit(network.metadata, 1000) is None


def test_an_unknown_kind_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "flat.safetensors"
    monkeypatch.setitem(NETWORKS, "flat", Flat)
    save_map_network(build_map_network(metadata("flat")), path)
    monkeypatch.undo()
    with pytest.raises(CscError, match=r"flat\.safetensors.*'flat'.*v1, v3, v4"):
        load_map_network(path)
    with pytest.raises(CscError, match="'flat'"):
        build_map_network(metadata("flat"))
    assert network_title(metadata("flat")) == "fresh flat"


def test_titles_of_those_that_are_shipped():
    titles = {
        name: network_title(metadata(name[:2]).model_copy(update={"name": name}))
        for name in ("v4", "v3", "v1:dct-32-9", "v4-mine")
    }
    assert titles == {
        "v4": "V4, for any dictionary",
        "v3": "V3, for any dictionary",
        "v1:dct-32-9": "V1, for dct-32-9 only",
        "v4-mine": "v4-mine",
    }


@pytest.mark.parametrize("kind", ["v3", "v4"])
def test_any_dictionary_fits(kind):
    assert fresh_network(kind).misfit(7) is None


def test_v1_tells_what_it_needs():
    network = fresh_network("v1", n_filters=11, dictionary_name="DCT-8 5x5")
    assert network.misfit(8) is None
    assert network.misfit(11, "low-pass") is None
    assert "8 filters of DCT-8 5x5, but 9 are in use" in network.misfit(9)
    assert "11 filters" in network.misfit(8, "low-pass")
