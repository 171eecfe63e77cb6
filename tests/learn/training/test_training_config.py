import pytest

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.errors import CscError
from napari_csc.learn.training.config import SHIPPED, JointConfig, load_config

GOOD = """
name = "mine"
steps = 5
[architecture]
kind = "v3"
"""


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.toml")))
def test_shipped_configurations(name):
    config = load_config(name)
    assert config.train_files
    assert config.validation_files
    assert not set(config.train_files) & set(config.validation_files)
    if config.architecture is not None and config.architecture.kind == "v1":
        smooth = 3 if config.smooth == "filters" else 0
        count = len(Dictionary.load(config.dictionary)) + smooth
        assert config.architecture.n_filters == count


def test_v3_is_trained_on_dictionaries_of_8_to_64_filters_of_5_to_11_pixels():
    config = load_config("v3")
    assert config.dictionary is None
    assert config.filter_counts == (8, 64)
    assert config.filter_sizes == (5, 11)


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    config = load_config(path)
    assert config.name == "mine"
    assert config.steps == 5
    assert load_config(str(path)) == config


def test_lines_of_toml_change_values():
    changed = load_config("v4", ["architecture.local = false", "steps = 7", 'name = "less"'])
    assert changed.architecture.local is False
    assert changed.architecture.channels == load_config("v4").architecture.channels
    assert (changed.steps, changed.name) == (7, "less")
    for wrong in ("steps", "step = 3", "architecture.local = 'perhaps'"):
        with pytest.raises(CscError, match="no valid training configuration"):
            load_config("v4", [wrong])


BAD = {
    "no TOML": "name = ",
    "not text": None,
    "no name": '[architecture]\nkind = "v3"\n',
    "no architecture": 'name = "x"\n',
    "unknown architecture": 'name = "x"\n[architecture]\nkind = "v9"\n',
    "unknown field": GOOD.replace("steps", "stepz"),
    "no steps": GOOD.replace("5", "0"),
    "text for a number": GOOD.replace("5", '"many"'),
    "unknown norm": 'norm = "l7"' + GOOD,
    "no iterations": "iterations = 0" + GOOD,
    "tiny crop": "crop = 4" + GOOD,
    "validate never": "validate_every = 0" + GOOD,
    "no filters": "filter_counts = [0, 8]" + GOOD,
    "counts the wrong way round": "filter_counts = [64, 8]" + GOOD,
    "sizes the wrong way round": "filter_sizes = [11, 5]" + GOOD,
    "no noise": "noise_variances = [0.0, 0.0]" + GOOD,
    "negative noise": "noise_variances = [-0.2, 0.3]" + GOOD,
    "more samples than there are": "sampled_shares = [0.5, 1.5]" + GOOD,
    "negative low-pass weight": "low_pass_weight = -1.0" + GOOD,
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_fail_plainly(tmp_path, name):
    path = tmp_path / "bad.toml"
    if BAD[name] is None:
        path.write_bytes(bytes(range(128, 256)))
    else:
        path.write_text(BAD[name])
    with pytest.raises(CscError, match=r"bad\.toml"):
        load_config(path)


JOINT = """
name = "x"
learned = "dct-6-5"
learned_name = "y"
solver = "admm"
[architecture]
kind = "v5"
"""
BAD_JOINT = {
    "fista": JOINT.replace("admm", "fista"),
    "low-pass": 'smooth = "low-pass"' + JOINT,
    "more steps for the estimate than steps": "steps = 3\nestimate_steps = 4" + JOINT,
    "no counts": "counts = []" + JOINT,
    "tiny grids": JOINT + "[cpu]\nshapes = [[8, 8]]\n",
    "images the wrong way round": JOINT + "[cpu]\nimages = [4, 2]\n",
    "no image without a share": JOINT + "[images]\nleaves = 1.5\n",
    "unknown property": JOINT + "[images]\nleafs = 0.5\n",
}


def test_a_joint_training_is_known_by_its_learned_dictionary(tmp_path):
    path = tmp_path / "joint.toml"
    path.write_text(JOINT)
    assert isinstance(load_config(path), JointConfig)
    assert isinstance(load_config("v5", ["images.leaves = 0.1"]), JointConfig)
    assert load_config("v5", ["images.leaves = 0.1"]).images.leaves == 0.1
    assert not isinstance(load_config("v4"), JointConfig)


@pytest.mark.parametrize("name", BAD_JOINT)
def test_bad_joint_files_fail_plainly(tmp_path, name):
    path = tmp_path / "bad.toml"
    path.write_text(BAD_JOINT[name])
    with pytest.raises(CscError, match=r"bad\.toml"):
        load_config(path)


@pytest.mark.parametrize("name", ["v99", "", "none.toml", "../v3"])
def test_unknown_configurations(name):
    with pytest.raises(CscError, match="no training configuration"):
        load_config(name)
