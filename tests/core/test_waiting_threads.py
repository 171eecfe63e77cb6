"""What threads that wait are told, each case in a process of its own."""

import json
import os
import subprocess
import sys

import pytest

CODE = """
import json, os, sys
{before}
import napari_csc.{package}
from napari_csc.core.waiting_threads import told_of_waiting_threads
names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
print(json.dumps([{{name: os.environ.get(name) for name in names}}, told_of_waiting_threads()]))
"""


def told(before: str = "", package: str = "cli", **given: str) -> tuple[dict[str, str], str]:
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(before=before, package=package)],
        env={**environment, **given},
        capture_output=True,
        text=True,
        check=True,
    )
    found, sentence = json.loads(done.stdout)
    return found, sentence


@pytest.mark.parametrize("package", ["cli", "viewer"])
def test_they_sleep_after_a_moment(package: str) -> None:
    found, sentence = told(package=package)
    assert found["GOMP_SPINCOUNT"] == "2000"
    assert found["KMP_BLOCKTIME"] == "0"
    assert found["OMP_WAIT_POLICY"] is None
    assert sentence == "sleep after a moment"


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_what_the_user_has_set_stays(name: str) -> None:
    value = "ACTIVE" if name == "OMP_WAIT_POLICY" else "123"
    found, sentence = told(**{name: value})
    assert {one for one, set_to in found.items() if set_to is not None} == {name}
    assert found[name] == value
    assert f"{name}={value}" in sentence


def test_it_is_told_when_it_is_too_late() -> None:
    # A module of that name will do: what counts is that it is there.
    found, sentence = told("import types; sys.modules['torch'] = types.ModuleType('torch')")
    assert found["GOMP_SPINCOUNT"] is None
    assert "loaded before" in sentence


def test_info_needs_no_torch() -> None:
    code = "import sys; from napari_csc.cli.info import installation; rows = dict(installation());"
    code += " assert 'v5' in str(rows) and 'dct-32-9' in rows['dictionaries'], rows;"
    code += " assert 'SSIM' in rows['map network v3'], rows; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
