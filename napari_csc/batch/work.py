"""What the processes of a batch do: look at a scan, reconstruct a slice, join the slices.

Results do not travel through the scheduler: each process writes its own file, so all processes
must see the same folders.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from napari_csc.batch.identity import WHERE, program_version
from napari_csc.batch.scans import PARTS, Order, Scan, state_of
from napari_csc.batch.tasks import Answer, told_failure
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.devices import set_threads
from napari_csc.core.reconstruction.join_slices import join_slices
from napari_csc.core.reconstruction.noise_question import refuse_unknown_noise
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.reconstruction.settings import CompleteSettings, ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.io.formats.csc_result import provenance_of_file, save
from napari_csc.io.load import files_read, load, load_result
from napari_csc.storage.atomic import remove_leftovers
from napari_csc.storage.targets import check_target, plain_failure, protecting


def look(scan: Scan, order: Order) -> Answer:
    """Say what remains to be done for a scan."""
    return _told(lambda: _look(scan, order), scan, order)


def reconstruct_slice(scan: Scan, order: Order, index: int) -> Answer:
    """Reconstruct one slice and write it to the folder of finished slices."""

    def work() -> Answer:
        # Another batch in the same folder may have been faster.
        if not _part(scan, order, index).exists() and not _is_finished(scan, order):
            _write_part(scan, order, index)
        return Answer()

    return _told(work, scan, order)


def join(scan: Scan, order: Order) -> Answer:
    """Write the result of a scan of which all slices are finished, and clear them away."""

    def work() -> Answer:
        acquisition = _acquisition(scan, order)
        count = acquisition.shape[0]
        if not _is_finished(scan, order):
            parts = [_sound_part(scan, order, index) for index in range(count)]
            joined = join_slices(parts, acquisition)
            try:
                with protecting(files_read(scan.source)):
                    save(joined, scan.target, overwrite=order.overwrite, acquisition=acquisition)
            except CscError:
                # Again, another batch may have been faster.
                if not _is_finished(scan, order):
                    raise
        shutil.rmtree(scan.parts(order), ignore_errors=True)
        return Answer(slices=count)

    return _told(work, scan, order)


def _look(scan: Scan, order: Order) -> Answer:
    acquisition = _acquisition(scan, order)
    if not order.accept_estimate:
        refuse_unknown_noise(acquisition)
    # Before any slice: settings that do not fit are told once.
    _reconstructor(order).check(acquisition)
    count = acquisition.shape[0]
    if scan.target.exists() and not order.overwrite:
        if _is_same(scan.target, order, acquisition):
            return Answer(slices=count, is_done=True)
        raise CscError(
            f"{scan.target} exists and was made of another input or with other settings, filters, "
            "weights or version; choose another folder, or allow overwriting."
        )
    with protecting(files_read(scan.source)):
        check_target(scan.target, order.overwrite)
    missing = tuple(index for index in range(count) if not _part(scan, order, index).exists())
    return Answer(slices=count, missing=missing)


def _is_finished(scan: Scan, order: Order) -> bool:
    """Return whether somebody else has written the result meanwhile."""
    if order.overwrite or not scan.target.exists():
        return False
    return _is_same(scan.target, order, _acquisition(scan, order))


def _is_same(target: Path, order: Order, acquisition: Acquisition) -> bool:
    """Return whether a result was made of the same input with the same in all that counts."""
    try:
        provenance = provenance_of_file(target)
    except CscError:
        return False
    recorded: dict[str, dict[str, Any]] = {}
    for name in ("settings", "input", "dictionary", "maps"):
        found = provenance.get(name)
        if not isinstance(found, dict):
            return False
        recorded[name] = found
    made = _reconstructor(order)
    settings = order.settings.model_dump(mode="json", exclude=set(WHERE))
    # A result that is older than a setting was made with its default.
    plain = ReconstructionSettings().model_dump(mode="json")
    versions = provenance.get("versions")
    return (
        all(
            recorded["settings"].get(name, plain[name]) == value for name, value in settings.items()
        )
        and recorded["input"].get("digest") == acquisition.digest
        and recorded["input"].get("noise_std") == acquisition.noise_std
        and recorded["dictionary"].get("digest") == made.dictionary.digest
        and recorded["maps"].get("digest") == made.maps.digest
        and isinstance(versions, dict)
        and versions.get("napari-csc") == program_version()
    )


def _write_part(scan: Scan, order: Order, index: int) -> None:
    result = _reconstructor(order)(_acquisition(scan, order).select(index))
    part = _part(scan, order, index)
    for is_last in (False, True):
        with plain_failure(part):
            part.parent.mkdir(parents=True, exist_ok=True)
        try:
            save(result, part, overwrite=True)
            return
        except CscError:
            # A batch that has just ended may have taken the folder away.
            if is_last or part.parent.is_dir():
                raise


def _sound_part(scan: Scan, order: Order, index: int) -> Reconstruction:
    """Return the result of a slice, made anew if its file is damaged or has gone."""
    path = _part(scan, order, index)
    if path.exists():
        try:
            part = load_result(path)
            if part.provenance["dictionary"]["digest"] == _reconstructor(order).dictionary.digest:
                return part
        except (CscError, KeyError, TypeError):
            # What is wrong with it does not matter: it is made anew.
            pass
    _write_part(scan, order, index)
    return load_result(path)


def _part(scan: Scan, order: Order, index: int) -> Path:
    return scan.parts(order) / f"{index:05d}.h5"


def _told(work: Callable[[], Answer], scan: Scan, order: Order) -> Answer:
    """Do the work with the right number of threads; problems become one plain sentence."""
    set_threads(order.threads)
    try:
        return work()
    except Exception as error:
        return told_failure(scan, error)


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


def _reconstructor(order: Order) -> Reconstructor:
    contents = order.current_contents()
    if order.contents and contents != order.contents:
        raise CscError(
            "The dictionary, the weights or the program were replaced while the batch ran; run it "
            "again."
        )
    return _built(order.settings.model_dump_json(), contents)


@lru_cache(maxsize=1)
def _built(settings: str, contents: str) -> Reconstructor:
    """Build what reconstructs; again if files behind the settings have changed."""
    return Reconstructor.from_settings(CompleteSettings.model_validate_json(settings))


def _fixed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def clear_parts(folder: Path) -> None:
    """Remove what killed batches have left half, and the folder of finished slices if empty."""
    remove_leftovers(folder)
    parts = folder / PARTS
    # Where another batch works in it, or it is not there, it stays as it is.
    with suppress(OSError):
        for one in parts.iterdir():
            remove_leftovers(one)
        parts.rmdir()
