"""What a worker does to open a session: everything is loaded and checked before any is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.errors import CscError
from napari_csc.io.load import load_result
from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.images.place import Place
from napari_csc.viewer.images.views import Windows
from napari_csc.viewer.sections.compare.pins import Name, Pin
from napari_csc.viewer.sections.input.loading import (
    LoadedResult,
    LoadedScan,
    load_file,
    loaded_result,
)
from napari_csc.viewer.sections.kept import document
from napari_csc.viewer.sections.kept.document import PinFact, ScanFact, SessionFacts
from napari_csc.viewer.sections.reconstruct.job import Job, Outcome, measured, prepared


@dataclass(frozen=True, eq=False)
class Opened:
    """A session that is ready to be shown."""

    facts: SessionFacts
    source: Path | None
    """The file of the scan; None if the session holds it."""
    scan: LoadedScan | None
    alone: LoadedResult | None
    """A result without its scan."""
    dictionary: Dictionary
    outcome: Outcome | None
    pins: dict[Name, Pin]


def open_session(path: Path) -> Opened:
    """Load a session.

    Raises
    ------
    CscError
        If it is damaged, or of another version, or its scan or filters are missing or have changed.
    """
    facts = document.read(path)
    with TemporaryDirectory() as folder:
        files = document.unpack(path, Path(folder))
        scan, source = _scan(facts.scan, files, path)
        alone = None
        result_file = document.result_in(files)
        if facts.scan is None and result_file is not None:
            result = load_result(result_file)
            geometry = Geometry(scale=result.spacing, units=(result.unit,) * 3)
            alone = loaded_result(result, geometry, path.stem)
            dictionary = alone.dictionary
        else:
            dictionary = _dictionary(facts)
        outcome = None
        if facts.result is not None and result_file is not None and scan is not None:
            made = facts.result
            result = load_result(result_file)
            job = Job(scan.acquisition, made.settings, made.slices, made.sampled, made.noise_std)
            outcome = Outcome(
                job=job,
                acquisition=prepared(job),
                result=result,
                windows=Windows.of(result),
                seconds=made.seconds,
                figures=measured(result),
            )
        pins = {name: _pin(fact, files, name, scan) for name, fact in facts.pins.items()}
    return Opened(facts, source, scan, alone, dictionary, outcome, pins)


def _scan(
    fact: ScanFact | None, files: dict[str, Path], session: Path
) -> tuple[LoadedScan | None, Path | None]:
    if fact is None:
        return None, None
    held = document.scan_in(files)
    source = None if fact.path is None else _found(fact, session)
    if source is None and held is None:
        raise CscError(
            f"The scan {fact.path or fact.name} of this session is not there any more; put it back "
            "where it was, or beside the session."
        )
    options = {} if source is None else fact.options
    file = source or held
    assert file is not None
    loaded = load_file(file, **options)
    if not isinstance(loaded, LoadedScan) or loaded.acquisition.digest != fact.digest:
        raise CscError(
            f"The scan {fact.path or fact.name} is not the one that this session was saved with: "
            "its data have changed since. Nothing was opened."
        )
    if source is None:
        # Not what the file in the session is called.
        loaded = replace(loaded, facts=replace(loaded.facts, name=fact.name))
    return loaded, source


def _found(fact: ScanFact, session: Path) -> Path | None:
    """Return where a scan is: where it was, else where it lies from the folder of the session."""
    places = [Path(fact.path or "")]
    if fact.relative is not None:
        places.append(session.parent / fact.relative)
    return next((place for place in places if place.exists()), None)


def _dictionary(facts: SessionFacts) -> Dictionary:
    name = facts.settings.dictionary
    dictionary = Dictionary.load(name)
    if facts.dictionary_digest and dictionary.digest != facts.dictionary_digest:
        raise CscError(
            f"The filters {name} are not those that this session was saved with: they have changed "
            "since. Nothing was opened."
        )
    return dictionary


def _pin(fact: PinFact, files: dict[str, Path], name: Name, scan: LoadedScan | None) -> Pin:
    arrays = document.pin_in(files, name)
    geometry = Geometry() if scan is None else scan.geometry
    return Pin(
        image=arrays["image"],
        initial=arrays["initial"],
        reference=arrays.get("reference"),
        place=Place(fact.first_slice, geometry, fact.window),
        input_name=fact.input_name,
        input_digest=fact.input_digest,
        settings=fact.settings,
        words=fact.words,
    )
