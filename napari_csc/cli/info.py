"""What ``napari-csc info`` shows: this installation, or what a file holds."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from napari_csc.cli.options import Axes, Coil, Key, Kind, Repeat
from napari_csc.cli.parts import DATA_VARIABLE, load_scan, plain_errors

_PACKAGES = ("napari-csc", "torch", "numpy", "napari", "mrpro", "h5py", "nibabel", "qtpy")


@plain_errors
def info(
    path: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="scan or result")] = None,
    coil: Coil = None,
    key: Key = None,
    kind: Kind = None,
    axes: Axes = None,
    repeat: Repeat = None,
) -> None:
    """Show what is installed, or what a file holds and how it is understood."""
    from napari_csc.io import describe
    from napari_csc.storage.open_file import OpenFile

    if path is None:
        rows = installation()
    else:
        with OpenFile(path.expanduser()) as file:
            found = describe.result(file) if describe.is_result(file) else None
        rows = found or describe.acquisition(load_scan(path, None, coil, key, kind, axes, repeat))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        typer.echo(f"{name:<{width}}  {value}")


def installation() -> list[tuple[str, str]]:
    """Return versions, devices, dictionaries, map networks and the data folder."""
    import torch

    from napari_csc.core.dictionary.files import dictionary_names
    from napari_csc.core.maps import map_network_names

    devices = ["cpu"] + [
        f"cuda:{index} ({torch.cuda.get_device_name(index)})"
        for index in range(torch.cuda.device_count())
    ]
    rows = [(name, _version(name)) for name in _PACKAGES]
    rows += [
        ("python", platform.python_version()),
        ("devices", f"{', '.join(devices)}; {os.cpu_count()} cores"),
        ("dictionaries", ", ".join(dictionary_names())),
    ]
    networks = map_network_names()
    if not networks:
        rows.append(("map networks", "none"))
    rows += [(f"map network {name}", _validation(name)) for name in networks]
    return [*rows, ("data", os.environ.get(DATA_VARIABLE, "not set"))]


def _validation(name: str) -> str:
    """Return the validation figures that a weight file states."""
    from napari_csc.core.maps import load_map_network

    found = load_map_network(name).metadata.validation
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
