"""The source runs on Linux, macOS and Windows: the kinds of what does not, found without them."""

from pathlib import Path, PurePath

import pytest
from everywhere import faults
from test_packaging import tracked_files

ROOT = Path(__file__).resolve().parents[1]
# These run where somebody measures or fuzzes, on Linux.
ELSEWHERE = ("tests/benchmarks/", "tests/helpers/crafted.py")
# Of tests counts what keeps a whole module from being collected, or cannot be there.
OF_USERS = ("napari_csc/", "docs/", "sample_data/")
RESERVED = {"con", "prn", "aux", "nul", *(f"{a}{n}" for a in ("com", "lpt") for n in range(1, 10))}


@pytest.mark.parametrize(
    "line",
    [
        "open('a.txt')",
        "open('a.txt', 'w')",
        "open('a.txt', mode='a', newline='')",
        "path.open()",
        "path.open('r')",
        "Path('a').read_text()",
        "path.write_text('ä')",
        "import fcntl",
        "from resource import getrlimit",
        "os.rename(a, b)",
        "os.fork()",
        "os.kill(pid, signal.SIGKILL)",
        "link.symlink_to(path)",
        "folder = '/" + "tmp/scans'",
        "if big:\n import resource",
        "path.write_bytes('#" + "!/bin/sh')",
    ],
)
def test_a_fault_is_found(line: str) -> None:
    assert len(list(faults(line))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "open('a.bin', 'rb')",
        "open('a.txt', encoding='utf-8')",
        "open('a.txt', **options)",
        "path.open('wb')",
        "Image.open(path)",
        "archive.open(name)",
        "path.read_text('utf-8')",
        "path.write_text('ä', 'utf-8')",
        "path.write_text('ä', encoding='utf-8')",
        "os.replace(a, b)",
        "try:\n import resource\nexcept ImportError:\n pass",
        "if sys.platform != 'win32':\n import fcntl",
        "def f():\n if sys.platform == 'win32':\n  return\n os.fork()",
        "user = os.getuid() if hasattr(os, 'getuid') else 0",
        "@posix_only\ndef test_a():\n os.fork()",
        "print('see /" + "tmp and others')",
    ],
)
def test_what_is_no_fault(line: str) -> None:
    assert not list(faults(line))


def test_the_source_runs_everywhere() -> None:
    found = []
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix != ".py" or name.startswith(ELSEWHERE):
            continue
        for line, fault in faults(path.read_text(encoding="utf-8")):
            if name.startswith(OF_USERS) or "encoding" not in fault:
                found.append(f"{name}:{line}: {fault}")
    # The place where tests are told what differs.
    assert not [one for one in found if not one.startswith("tests/helpers/systems.py")]


def test_names_of_files_are_good_everywhere() -> None:
    names = [path.relative_to(ROOT).as_posix() for path in tracked_files()]
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert not set(name) & set('<>:"\\|?*'), name
        assert len(name) < 150, name
        for part in PurePath(name).parts:
            assert part.partition(".")[0].casefold() not in RESERVED, name
            assert not part.endswith((" ", ".")), name
