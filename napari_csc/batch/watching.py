"""Scans that arrive in a folder, reconstructed one after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_csc.batch.scans import Scan, result_name
from napari_csc.batch.tasks import told_failure
from napari_csc.io.watch import Arrival, FolderWatch


def watch_folder(
    watch: FolderWatch,
    work: Callable[[Arrival], None],
    failed: Callable[[Arrival, str], None],
    wait: Callable[[], bool],
) -> int:
    """Work on each scan that arrives, until waiting is over.

    Parameters
    ----------
    watch
        The folder.
    work
        Reconstructs a scan. What goes wrong with one is told, and the next one taken.
    failed
        Is told a scan, and what is wrong with it, in a sentence.
    wait
        Waits for a moment, and returns whether to go on.

    Returns
    -------
    int
        How many scans were reconstructed.

    Raises
    ------
    CscError
        If the folder has gone.
    """
    done = 0
    while True:
        for arrival in watch.look():
            try:
                work(arrival)
                done += 1
            except Exception as error:
                scan = Scan(arrival.path, arrival.path, arrival.key)
                failed(arrival, told_failure(scan, error).problem)
        if not wait():
            return done


def free_target(arrival: Arrival, folder: Path) -> Path:
    """Return a name for the result of a scan that no file has yet.

    Examples
    --------
    >>> from pathlib import Path
    >>> from napari_csc.batch.watching import free_target
    >>> from napari_csc.io.watch import Arrival
    >>> _ = Path("scan.h5").write_text("a result")
    >>> free_target(Arrival(Path("in/scan.mrd")), Path(".")).name
    'scan_2.h5'
    """
    name = result_name(arrival.path, arrival.key)
    target, number = folder / f"{name}.h5", 1
    while target.exists():
        number += 1
        target = folder / f"{name}_{number}.h5"
    return target
