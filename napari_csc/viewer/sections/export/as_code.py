"""A run as code: the command and the Python that do the same again. No Qt, no napari."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.viewer.sections.reconstruct.job import Job


def as_command(job: Job, output: str = "result.h5") -> str:
    """Return the ``napari-csc reconstruct`` command of a run.

    Raises
    ------
    CscError
        If the input is no file.
    """
    words = ["napari-csc", "reconstruct", str(_path(job)), "-o", output]
    settings = _settings(job.settings_here)
    if edits := settings.pop("map_edits", None):
        words += ["--map-edits", json.dumps(edits)]
    for name, value in settings.items():
        option = {"dropped": "drop", "memory_limit": "memory"}.get(name, name)
        for one in value if isinstance(value, tuple) else (value,):
            words += [f"--{option.replace('_', '-')}", str(one)]
    for name, value in _load_options(job).items():
        for one in value if name == "slice" else (value,):
            text = ",".join(map(str, one)) if isinstance(one, tuple) else str(one)
            words += [f"--{name.replace('_', '-')}", text]
    return shlex.join(words)


def as_python(job: Job, output: str = "result.h5") -> str:
    """Return the Python of a run.

    Raises
    ------
    CscError
        If the input is no file.
    """
    options = {
        name: list(value) if name == "slice" else value
        for name, value in _load_options(job).items()
    }
    load = _call("csc.load", [repr(str(_path(job)))], options)
    settings = _call("csc.ReconstructionSettings", [], _settings(job.settings_here))
    return (
        "import napari_csc as csc\n\n"
        f"acquisition = {load}\n"
        f"settings = {settings}\n"
        "result = csc.Reconstructor.from_settings(settings)(acquisition)\n"
        f"csc.save(result, {output!r}, acquisition=acquisition)\n"
    )


def _call(function: str, arguments: list[str], keywords: dict[str, Any]) -> str:
    every = [*arguments, *(f"{name}={value!r}" for name, value in keywords.items())]
    line = f"{function}({', '.join(every)})"
    if len(line) <= 88:
        return line
    inner = "".join(f"    {one},\n" for one in every)
    return f"{function}(\n{inner})"


def _path(job: Job) -> Path:
    path = job.acquisition.metadata.get("path")
    if not path:
        raise CscError(
            "This scan was made in the viewer and has no file; save it first (File > Save), open "
            "the file, and run again."
        )
    return Path(str(path))


def _settings(settings: ReconstructionSettings) -> dict[str, Any]:
    """Return the settings that differ from the defaults, and dictionary and maps in any case."""
    plain = ReconstructionSettings()
    chosen = settings.model_dump()
    return {
        name: value
        for name, value in chosen.items()
        if value is not None and (name in ("dictionary", "maps") or value != getattr(plain, name))
    }


def _load_options(job: Job) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if job.slices is not None:
        options["slice"] = job.slices
    if job.sampled is not None:
        options["acquired"] = job.sampled
    if job.noise_std is not None:
        options["noise_std"] = job.noise_std
    return options
