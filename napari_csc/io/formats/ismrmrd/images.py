"""Images in ISMRMRD (MRD) files: groups of headers and pixels beside, or instead of, readouts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.notes import add_note
from napari_csc.errors import CscError
from napari_csc.io.arrays.meaning import image_acquisition
from napari_csc.io.formats.ismrmrd.geometry import affine_of_heads
from napari_csc.io.headers.radiological import spacing_of
from napari_csc.io.headers.table import geometry_rows
from napari_csc.io.requests import LoadRequest
from napari_csc.storage.hdf5.safety import own_dataset, own_item

if TYPE_CHECKING:
    import h5py

Heads = npt.NDArray[np.void]

# How a key calls what tells images at the same place apart, and the entry of the header.
_CHOSEN = {
    "series": "image_series_index",
    "type": "image_type",
    **{name: name for name in ("contrast", "phase", "repetition", "set", "average")},
}
_NEEDED = {"matrix_size", "field_of_view", "position", "read_dir", "phase_dir", "slice_dir"}
_NEEDED |= {"slice", *_CHOSEN.values()}
_TYPES = {1: "magnitude", 2: "phase", 3: "real part", 4: "imaginary part", 5: "complex"}


def image_series(group: h5py.Group) -> list[str]:
    """Return the names of the groups of images in a group."""
    import h5py

    found = []
    for name in group:
        item = own_item(group, name)
        if not isinstance(item, h5py.Group):
            continue
        header, data = own_item(item, "header"), own_item(item, "data")
        if isinstance(header, h5py.Dataset) and isinstance(data, h5py.Dataset):
            fields = set(header.dtype.names or ())
            found += [name] if fields >= _NEEDED else []
    return found


def load_images(group: h5py.Group, path: Path, request: LoadRequest, key: str) -> Acquisition:
    """Return the images of a file, slices sorted by their places.

    ``key`` chooses among several, such as ``"images=image_1,contrast=0"``; names are images,
    series, type (1 magnitude, 2 phase, 3 real, 4 imaginary, 5 complex), contrast, phase,
    repetition, set and average. Without it the first of each is taken.
    """
    if request.kind == "k-space" or request.axes is not None:
        raise CscError(f"{path.name} holds images and states their axes; leave kind and axes out.")
    name, _ = asked_images(key)
    names = image_series(group)
    name = name or names[0]
    if name not in names:
        raise CscError(f"{path.name} has no images {name!r}; it has {', '.join(names)[:100]}.")
    header = own_dataset(group[name], "header", path)
    if header.dtype.hasobject:
        # Nothing in a header has a variable length, or points elsewhere.
        raise CscError(f"The headers of images in {path.name} are damaged; export them again.")
    heads: Heads = header[()]
    stored = own_dataset(group[name], "data", path)
    if heads.ndim != 1 or stored.ndim != 5 or len(stored) != len(heads) or not len(heads):
        raise CscError(f"The images {name!r} in {path.name} are damaged; export them again.")
    others = {"images": f"{name} of {', '.join(names)[:100]}"} if len(names) > 1 else {}
    return images_of(path, heads, lambda rows: _pixels(path, stored, rows), request, key, others)


def images_of(
    path: Path,
    heads: Heads,
    pixels: Callable[[list[int]], npt.NDArray[Any]],
    request: LoadRequest,
    key: str,
    others: dict[str, str],
) -> Acquisition:
    """Return images as a scan, slices sorted by their places.

    Parameters
    ----------
    path
        The file.
    heads
        A header for each image.
    pixels
        Gives the pixels of rows, (entry, slice, coil, y, x).
    request
        What is asked for.
    key
        Of it what chooses among the images; see `load_images`.
    others
        Choices that were made before, for people.
    """
    _, asked = asked_images(key)
    rows, choices = _rows(path, heads, asked)
    choices = {**others, **choices}
    rows, note = _in_order(path, heads, rows)
    images = pixels(rows)
    if images.shape[1] > 1 and len(rows) > 1:
        raise CscError(f"{path.name} holds {len(rows)} volumes; save one of them alone.")
    # (slice, coil, y, x): of one volume the slices, else one slice an entry.
    images = images[0] if len(rows) == 1 else images[:, 0]
    coils, height, width = images.shape[1:]
    chosen = heads[rows]
    spacing, unit, affine = _geometry(chosen, (len(images), height, width))
    kind = _TYPES.get(int(chosen[0]["image_type"]), "")
    metadata: dict[str, Any] = {"path": str(path), "format": "ISMRMRD", "kind": "image"}
    metadata["header"] = {
        **({"Image": kind} if kind else {}),
        **geometry_rows((len(images), height, width), spacing, unit, affine),
        **({"Coils": str(coils)} if coils > 1 else {}),
    }
    metadata |= {} if affine is None else {"affine": affine}
    metadata |= {} if request.key is None else {"key": request.key}
    if choices:
        metadata["choices"] = "; ".join(f"{one} {text}" for one, text in choices.items())
    add_note(metadata, note)
    extra = {"spacing": spacing, "unit": unit, "metadata": metadata}
    return image_acquisition(images[:, :, None], request, extra)


def asked_images(key: str) -> tuple[str | None, dict[str, int]]:
    """Return the name of the images that a key asks for, and the numbers it asks for."""
    name, numbers = None, {}
    for part in filter(None, (one.strip() for one in key.split(","))):
        word, _, value = (one.strip() for one in part.partition("="))
        if word == "images" and value:
            name = value
        elif word in _CHOSEN and re.fullmatch("[0-9]{1,9}", value):
            numbers[word] = int(value)
        else:
            raise CscError(
                f"The key {key!r} cannot be used; write it like 'images=image_0,contrast=1', with "
                f"images, {', '.join(_CHOSEN)}."
            )
    return name, numbers


def _rows(path: Path, heads: Heads, asked: dict[str, int]) -> tuple[list[int], dict[str, str]]:
    """Return the rows that are asked for, the first of each choice, and what else there is."""
    rows, choices = np.arange(len(heads)), {}
    for word, entry in _CHOSEN.items():
        values = np.unique(heads[entry][rows]).tolist()
        wanted = asked.get(word, values[0])
        if wanted not in values:
            listed = ", ".join(str(one) for one in values[:12])
            raise CscError(f"{path.name} has no images of {word} {wanted}; there is {listed}.")
        if len(values) > 1:
            choices[word] = f"{wanted} of {', '.join(str(one) for one in values[:12])}"
        rows = rows[heads[entry][rows] == wanted]
    return rows.tolist(), choices


def _in_order(path: Path, heads: Heads, rows: list[int]) -> tuple[list[int], str]:
    """Return rows by slice, or by place where the numbers do not follow it, and a note."""
    numbers = heads["slice"][rows]
    places = heads["position"][rows]
    if len(rows) > 1 and not numbers.any() and not places.any():
        note = "The images tell neither slice nor place; they were taken in the order of the file."
        return rows, note
    if len(np.unique(numbers)) < len(rows):
        raise CscError(
            f"{path.name} has several images of a slice that nothing tells apart; save one series "
            "alone."
        )
    rows = [rows[place] for place in np.argsort(numbers)]
    normal = heads["slice_dir"][rows[0]].astype(np.float64)
    offsets = heads["position"][rows].astype(np.float64) @ normal
    steps = np.diff(offsets)
    if not np.isfinite(offsets).all() or (steps > 0).all() or (steps < 0).all():
        return rows, ""
    if len(np.unique(offsets)) < len(offsets):
        return rows, ""
    return [rows[place] for place in np.argsort(offsets)], ""


def _pixels(path: Path, stored: h5py.Dataset, rows: list[int]) -> npt.NDArray[Any]:
    """Return the pixels of rows, (entry, slice, coil, y, x)."""
    fields = stored.dtype.names
    is_pair = fields is not None and set(fields) == {"real", "imag"}
    kinds = [stored.dtype[one].kind for one in fields or ()] or [stored.dtype.kind]
    if not all(kind in ("iuf" if is_pair else "iufc") for kind in kinds):
        raise CscError(f"The images in {path.name} hold no numbers; export them again.")
    read = np.stack([stored[row] for row in rows])
    if is_pair:
        read = (read["real"] + 1j * read["imag"]).astype(np.complex64)
    return checked_pixels(path, read)


def checked_pixels(path: Path, read: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return stored pixels (entry, coil, slice, y, x) as (entry, slice, coil, y, x).

    Raises
    ------
    CscError
        If there are none, or they are no numbers.
    """
    if not read.size:
        raise CscError(f"The images in {path.name} have no pixels; export them again.")
    if not np.isfinite(read).all():
        raise CscError(
            f"The images in {path.name} contain NaN or infinite values; replace them before "
            "loading."
        )
    return read.transpose(0, 2, 1, 3, 4)


def _geometry(
    heads: Heads, shape: tuple[int, int, int]
) -> tuple[tuple[float, float, float], str, npt.NDArray[np.float64] | None]:
    """Return spacing, unit and affine of (slice, y, x), as far as the headers tell."""
    x, y, z = (float(one) for one in heads[0]["field_of_view"])
    slices, height, width = shape
    if not (np.isfinite([x, y, z]).all() and min(x, y, z) > 0):
        return (1.0, 1.0, 1.0), "pixel", None
    # A series has the thickness of a slice there, a volume that of all.
    depth = z / (slices if len(heads) == 1 else 1)
    # Single precision tells six digits.
    depth, y, x = (float(f"{one:.6g}") for one in (depth, y / height, x / width))
    affine = affine_of_heads(list(heads), (depth, y, x), shape)
    return (depth, y, x) if affine is None else spacing_of(affine), "mm", affine
