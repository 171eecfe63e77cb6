"""How much memory may be taken: of the machine, of its container, and by this process."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from systems import posix_only

from napari_csc.core.reconstruction import devices
from napari_csc.core.reconstruction.main_memory import free_of_groups

MB = 2**20


def group(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


def test_groups_of_version_2_and_those_above(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("0::/outer/inner\n")
    root = tmp_path / "groups"
    group(root / "outer/inner", memory__max="max", memory__current=5 * MB)
    group(
        root / "outer",
        memory__max=100 * MB,
        memory__current=40 * MB,
        memory__stat=f"anon 1\ninactive_file {10 * MB}",
    )
    assert free_of_groups(root, own) == [70 * MB]


def test_groups_of_version_1(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("4:memory:/box\n3:cpu:/elsewhere\n")
    box = {"memory__limit_in_bytes": 50 * MB, "memory__usage_in_bytes": 60 * MB}
    group(tmp_path / "memory/box", **box)
    group(tmp_path / "memory", memory__limit_in_bytes=2**63 - 4096, memory__usage_in_bytes=MB)
    assert free_of_groups(tmp_path, own) == [0]


def test_no_groups(tmp_path: Path) -> None:
    assert free_of_groups(tmp_path, tmp_path / "none") == []


def test_processes_share_what_is_free() -> None:
    alone = devices.free_memory(torch.device("cpu"))
    assert alone is not None
    devices.share_memory(4)
    try:
        shared = devices.free_memory(torch.device("cpu"))
    finally:
        devices.share_memory(1)
    assert shared is not None
    assert shared < alone / 2


@posix_only
def test_a_limit_of_the_process_counts() -> None:
    import resource

    code = (
        "import resource; from napari_csc.core.reconstruction import main_memory as m\n"
        f"own = m.psutil_vms() + {64 * MB}\n"
        "resource.setrlimit(resource.RLIMIT_AS, (own, own))\n"
        "print(m.free_main_memory())"
    ).replace("m.psutil_vms()", "__import__('psutil').Process().memory_info().vms")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) <= 64 * MB
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != 64 * MB


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (OSError(12, "Cannot allocate memory"), True),
        (RuntimeError("shapes differ"), False),
        (KeyError("out of memory"), False),
    ],
)
def test_the_words_for_memory_that_ran_out(error: Exception, is_memory: bool) -> None:
    assert devices.is_out_of_memory(error) == is_memory
