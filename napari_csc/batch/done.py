"""What was done completely before is known again within a second, without torch.

A note in the cache of the user says which inputs, asked how, made which results. It counts only as
long as all of these files are as they were; otherwise every scan is looked at.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from napari_csc.batch.identity import hashed, identity_of, state_of_file

_MOST_FILES = 20_000


def noted_results(
    inputs: Iterable[str], folder: Path, settings: dict[str, Any], options: dict[str, Any]
) -> tuple[list[Path], list[str]] | None:
    """Return the results of a batch that was completed before, and what was left out of it.

    Parameters
    ----------
    inputs
        Files, folders and patterns, as they were given.
    folder
        Where the results are.
    settings, options
        What is asked, by name.

    Returns
    -------
    tuple of list, or None
        None if anything has changed, or nothing is known.
    """
    try:
        note = json.loads(_place(inputs, folder, settings, options).read_text(encoding="utf-8"))
        results = [Path(path) for path in note["results"]]
        if not results or note["inputs"] != _listing(inputs, results):
            return None
        if note["states"] != [state_of_file(path) for path in results]:
            return None
        return results, [str(line) for line in note["left_out"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def note_results(
    inputs: Iterable[str],
    folder: Path,
    settings: dict[str, Any],
    options: dict[str, Any],
    results: list[Path],
    left_out: list[str],
) -> None:
    """Note that a batch is complete; where that cannot be written, it is looked at again."""
    from napari_csc.errors import CscError
    from napari_csc.storage.atomic import replacing

    with suppress(OSError, ValueError, CscError):
        place = _place(inputs, folder, settings, options)
        note = {
            "inputs": _listing(inputs, results),
            "results": [str(path.absolute()) for path in results],
            "states": [state_of_file(path) for path in results],
            "left_out": left_out,
        }
        place.parent.mkdir(parents=True, exist_ok=True)
        with replacing(place, overwrite=True) as part:
            part.write_text(json.dumps(note), encoding="utf-8")


def _place(
    inputs: Iterable[str], folder: Path, settings: dict[str, Any], options: dict[str, Any]
) -> Path:
    from platformdirs import user_cache_path

    asked = [str(Path(one).expanduser().absolute()) for one in inputs]
    name = hashed(asked, str(folder.absolute()), identity_of(settings), options)
    return user_cache_path("napari-csc") / "batches" / f"{name}.json"


def _listing(inputs: Iterable[str], results: list[Path]) -> str:
    """Return the state of all that inputs stand for, but for the results themselves."""
    made = {path.absolute() for path in results}
    found: dict[str, list[int]] = {}
    for one in inputs:
        path = Path(one).expanduser()
        is_pattern = not path.exists() and any(sign in str(path) for sign in "*?[")
        matches = [Path(match) for match in glob.glob(str(path))] if is_pattern else [path]
        for match in matches:
            for file in match.iterdir() if match.is_dir() else [match]:
                if file.absolute() not in made and not file.is_dir():
                    found[str(file.absolute())] = state_of_file(file)
                if len(found) > _MOST_FILES:
                    raise ValueError("too many files to compare")
    return hashed(found)
