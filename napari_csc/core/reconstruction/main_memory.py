"""How much main memory may still be taken: by the machine, its container, and this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")
# Version 1 of control groups says "no limit" by a number near 2^63.
_NO_LIMIT = 2**60


def free_main_memory(sharers: int = 1) -> int:
    """Return the bytes that this process may still take.

    Parameters
    ----------
    sharers
        Processes that share what is free on the machine and in its container.
    """
    import psutil

    shared = min([int(psutil.virtual_memory().available), *free_of_groups()])
    own = _free_of_process()
    return shared // sharers if own is None else min(own, shared // sharers)


def free_of_groups(groups: Path = _GROUPS, own: Path = _OWN_GROUPS) -> list[int]:
    """Return what the control groups of this process leave, those above it included.

    Parameters
    ----------
    groups
        Where the control groups are mounted.
    own
        The file that names those of this process.
    """
    return [free for folder in _folders(groups, own) if (free := _free_of(folder)) is not None]


def _folders(groups: Path, own: Path) -> Iterator[Path]:
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers not in ("", "memory") and "memory" not in controllers.split(","):
            continue
        root = groups / "memory" if controllers else groups
        place = PurePosixPath(name.lstrip("/"))
        # In a container the name may be that outside of it: then the root is its own.
        for part in (place, *place.parents):
            yield root / part


def _free_of(folder: Path) -> int | None:
    """Return what one group leaves; files it has read can be forgotten and count as free."""
    for limit, used, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            most = int((folder / limit).read_text(encoding="utf-8"))
            taken = int((folder / used).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            # No such file, or the word "max".
            continue
        if most < _NO_LIMIT:
            return max(0, most - taken + _counted(folder / "memory.stat", cache))
    return None


def _counted(path: Path, name: str) -> int:
    try:
        words = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        return next((int(one[1]) for one in words if one[0] == name), 0)
    except (OSError, ValueError, IndexError):
        return 0


def _free_of_process() -> int | None:
    """Return what ``ulimit -v`` leaves of the addresses of this process; None without a limit."""
    try:
        import resource
    except ImportError:
        # Windows has none.
        return None
    import psutil

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY:
        return None
    return max(0, most - int(psutil.Process().memory_info().vms))
