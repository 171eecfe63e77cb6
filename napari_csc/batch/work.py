"""What the processes of a batch do: look at a scan, reconstruct a slice, join the slices.

Results do not travel through the scheduler: each process writes its own file, so all processes
must see the same folders.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from napari_csc.batch.scans import PARTS, Order, Scan, state_of
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.join_slices import join_slices
from napari_csc.core.reconstruction.noise_question import refuse_unknown_noise
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.errors import CscError
from napari_csc.io.formats.csc_result import is_result, save
from napari_csc.io.load import load, load_result


@dataclass(frozen=True)
class Answer:
    """What a process says about its work.

    Attributes
    ----------
    problem : str
        One plain sentence, empty if there is none.
    slices : int
        Number of slices of the scan.
    missing : tuple of int
        Slices that remain to be reconstructed.
    is_done : bool
        Whether the result was there already.
    """

    problem: str = ""
    slices: int = 0
    missing: tuple[int, ...] = ()
    is_done: bool = False


def look(scan: Scan, order: Order) -> Answer:
    """Say what remains to be done for a scan."""
    return _told(lambda: _look(scan, order), scan, order)


def reconstruct_slice(scan: Scan, order: Order, index: int) -> Answer:
    """Reconstruct one slice and write it to the folder of finished slices."""

    def work() -> Answer:
        acquisition = _acquisition(scan, order).select(index)
        result = _reconstructor(order.settings.model_dump_json())(acquisition)
        save(result, _part(scan, order, index), overwrite=True)
        return Answer()

    return _told(work, scan, order)


def join(scan: Scan, order: Order) -> Answer:
    """Write the result of a scan of which all slices are finished, and clear them away."""

    def work() -> Answer:
        acquisition = _acquisition(scan, order)
        count = acquisition.shape[0]
        parts = [load_result(_part(scan, order, index)) for index in range(count)]
        joined = join_slices(parts, acquisition)
        save(joined, scan.target, overwrite=order.overwrite, acquisition=acquisition)
        shutil.rmtree(scan.parts(order), ignore_errors=True)
        return Answer(slices=count)

    return _told(work, scan, order)


def _look(scan: Scan, order: Order) -> Answer:
    acquisition = _acquisition(scan, order)
    if not order.accept_estimate:
        refuse_unknown_noise(acquisition)
    # Before any slice: settings that do not fit are told once.
    _reconstructor(order.settings.model_dump_json()).check(acquisition)
    count = acquisition.shape[0]
    if scan.target.exists() and not order.overwrite:
        if _is_same(scan.target, order, acquisition):
            return Answer(slices=count, is_done=True)
        raise CscError(
            f"{scan.target} exists and was made of another input or with other settings; choose "
            "another folder, or allow overwriting."
        )
    scan.parts(order).mkdir(parents=True, exist_ok=True)
    missing = tuple(index for index in range(count) if not _part(scan, order, index).exists())
    return Answer(slices=count, missing=missing)


def _is_same(target: Path, order: Order, acquisition: Acquisition) -> bool:
    if not is_result(target):
        return False
    provenance = load_result(target).provenance
    settings = order.settings.model_dump(mode="json")
    used = provenance.get("settings", {})
    # Where and how fast it was made does not matter.
    where = {"device", "memory_limit"}
    return (
        all(used.get(name) == value for name, value in settings.items() if name not in where)
        and provenance.get("input", {}).get("digest") == acquisition.digest
    )


def _part(scan: Scan, order: Order, index: int) -> Path:
    return scan.parts(order) / f"{index:05d}.h5"


def _told(work: Callable[[], Answer], scan: Scan, order: Order) -> Answer:
    """Do the work with the right number of threads; problems become one plain sentence."""
    torch.set_num_threads(order.threads)
    try:
        return work()
    except CscError as error:
        return Answer(problem=" ".join(str(error).split()))
    except FileNotFoundError as error:
        return Answer(problem=f"The file {error.filename} does not exist; check the path.")
    except MemoryError:
        return Answer(
            problem=f"{scan.source.name} does not fit into memory; use fewer processes (--workers)."
        )
    except Exception as error:
        return Answer(
            problem=f"{scan.source.name} could not be reconstructed "
            f"({type(error).__name__}: {' '.join(str(error).split())[:200]})."
        )


def _acquisition(scan: Scan, order: Order) -> Acquisition:
    asked = scan.options(order).items()
    options = tuple(sorted((name, _fixed(value)) for name, value in asked))
    return _loaded(scan.source, state_of(scan.source), options)


@lru_cache(maxsize=1)
def _loaded(source: Path, state: str, options: tuple[tuple[str, Any], ...]) -> Acquisition:
    """Load a scan; the last one is kept, because slices of a scan come one after the other."""
    acquisition = load(source, **dict(options))
    # One noise level for the whole scan, measured once.
    acquisition.noise_of_scan()
    return acquisition


@lru_cache(maxsize=1)
def _reconstructor(settings: str) -> Reconstructor:
    from napari_csc.core.reconstruction.settings import CompleteSettings

    return Reconstructor.from_settings(CompleteSettings.model_validate_json(settings))


def _fixed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def clear_parts(folder: Path) -> None:
    """Remove the folder of finished slices if nothing is left in it."""
    parts = folder / PARTS
    if parts.is_dir() and not any(parts.iterdir()):
        parts.rmdir()
