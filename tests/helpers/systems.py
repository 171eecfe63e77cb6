"""What differs from system to system, in one place for all tests."""

import sys
from pathlib import Path

import psutil
import pytest

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such thing")


def linked(link: Path, to: Path, *, folder: bool = False) -> Path:
    """Make a symbolic link, or skip the test: on Windows that takes rights of its own."""
    try:
        link.symlink_to(to, target_is_directory=folder)
    except OSError:
        if sys.platform != "win32":
            raise
        pytest.skip("no rights to make links")
    return link


def peak_bytes() -> int:
    """Return the most memory that this process has had."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def kill_with_children(pid: int) -> None:
    """End a process and all that it has started, at once."""
    parent = psutil.Process(pid)
    for process in [parent, *parent.children(recursive=True)]:
        process.kill()


def program(folder: Path, name: str, code: str) -> Path:
    """Write a program of that name that runs Python code; it sees its own standard input."""
    script = folder / f"{name}.py"
    script.write_text(code, encoding="utf-8")
    if sys.platform == "win32":
        started = folder / f"{name}.bat"
        started.write_text(f'@"{sys.executable}" "{script}" %*\n', encoding="utf-8")
        return started
    started = folder / name
    started.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n', encoding="utf-8")
    started.chmod(0o755)
    return started
