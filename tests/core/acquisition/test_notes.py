import pickle

import pytest
from helper import random_complex

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.notes import add_note, notes_of
from napari_csc.errors import CscError, NeedsChoice


def test_notes_are_told_once_and_stay_with_the_scan():
    scan = Acquisition.from_kspace(random_complex(3, 16, 16), metadata={"notes": ["From a file."]})
    told = scan.with_notes("Coil 2 left out.", "From a file.", "")
    assert told.notes == ("From a file.", "Coil 2 left out.")
    assert scan.notes == ("From a file.",)
    assert told.select(1).notes == told.notes
    assert told.digest == scan.digest


@pytest.mark.parametrize("found", [None, 3, [1, "", None]])
def test_notes_that_are_none(found):
    assert notes_of({"notes": found}) == ()


def test_one_text_is_one_note():
    metadata = {"notes": "An image."}
    add_note(metadata, "Turned.")
    assert metadata["notes"] == ["An image.", "Turned."]


def test_a_choice_arrives_whole_from_another_process():
    error = NeedsChoice("Image or k-space? Give kind.", "kind", [("image", "an image")])
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, CscError)
    assert (str(again), again.option, again.choices) == (str(error), "kind", error.choices)
