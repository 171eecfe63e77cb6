"""What ``napari-csc info`` shows: this installation, or what a file holds."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_csc.cli.options import Axes, Coil, Key, Kind, Repeat
from napari_csc.cli.parts import DATA_VARIABLE, load_scan, plain_errors

Rows = list[tuple[str, str]]

_PACKAGES = ("napari-csc", "torch", "numpy", "napari", "mrpro", "h5py", "nibabel", "qtpy")


@plain_errors
def info(
    path: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="scan or result")] = None,
    coil: Coil = None,
    key: Key = None,
    kind: Kind = None,
    axes: Axes = None,
    repeat: Repeat = None,
    report: Annotated[
        bool, typer.Option("--report", help="devices and threads as well, for a report of a bug")
    ] = False,
) -> None:
    """Show what is installed, or what a file holds and how it is understood."""
    if path is None:
        rows = [*installation(), *(hardware() if report else [])]
    else:
        rows = _of_file(path, coil, key, kind, axes, repeat)
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        typer.echo(f"{name:<{width}}  {value}")


def _of_file(path: Path, *options: Any) -> Rows:
    from napari_csc.io import describe
    from napari_csc.storage.open_file import OpenFile

    with OpenFile(path.expanduser()) as file:
        found = describe.result(file) if describe.is_result(file) else None
    return found or describe.acquisition(load_scan(path, None, *options))


def installation() -> Rows:
    """Return versions, dictionaries, map networks and the data folder; torch is not loaded."""
    from napari_csc.core.dictionary.names import dictionary_names
    from napari_csc.core.shipped_weights import weight_names

    rows = [(name, _version(name)) for name in _PACKAGES]
    rows += [
        ("python", platform.python_version()),
        ("cores", str(os.cpu_count())),
        ("dictionaries", ", ".join(dictionary_names())),
    ]
    networks = weight_names()
    if not networks:
        rows.append(("map networks", "none"))
    rows += [(f"map network {name}", _validation(name)) for name in networks]
    return [*rows, ("data", os.environ.get(DATA_VARIABLE, "not set"))]


def hardware() -> Rows:
    """Return the devices, how many threads compute, and what they do while they wait."""
    import torch

    from napari_csc.core.waiting_threads import told_of_waiting_threads

    devices = ["cpu"] + [
        f"cuda:{index} ({torch.cuda.get_device_name(index)})"
        for index in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [
        ("devices", ", ".join(devices)),
        ("threads", str(torch.get_num_threads())),
        ("waiting threads", told_of_waiting_threads()),
    ]


def _validation(name: str) -> str:
    """Return the validation figures that a weight file states."""
    from safetensors import SafetensorError

    from napari_csc.core.shipped_weights import description, weight_file

    try:
        found = description(weight_file(name)).get("validation", {})
    except (SafetensorError, KeyError, ValueError, OSError):
        return "damaged; install napari-csc again"
    figures = [
        f"{label} SSIM {found[label]['ssim']:.4f}"
        for label in ("network", "best scalar", "initial")
        if isinstance(found.get(label), dict) and "ssim" in found[label]
    ]
    if not figures:
        return "no validation figures"
    return f"{', '.join(figures)} ({found.get('settings', 'settings unknown')})"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
