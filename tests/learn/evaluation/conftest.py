import pytest
from evaluated import GROUPS

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.learn.evaluation.images import evaluation_images
from napari_csc.learn.evaluation.situations import Condition


@pytest.fixture(scope="session")
def images(volumes):
    """Two slices of each of two subjects, 36 x 36."""
    return evaluation_images(volumes, GROUPS, per_subject=2)


@pytest.fixture(scope="session")
def scan(images):
    return Condition(0.05, 0.6).scan(images[0])


@pytest.fixture(scope="session")
def dictionary():
    return Dictionary.dct(6, 5)
