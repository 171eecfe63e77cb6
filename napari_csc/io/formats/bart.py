"""BART pairs of files: text header (.hdr) and complex64 values in Fortran order (.cfl)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.notes import add_note
from napari_csc.errors import CscError, NeedsChoice
from napari_csc.io.arrays.axes import Asked, ordered
from napari_csc.io.arrays.encoded import centred_along, leaning_of
from napari_csc.io.arrays.kind import decided, meaning_of
from napari_csc.io.arrays.meaning import image_acquisition, kspace_acquisition
from napari_csc.io.arrays.reader import in_the_middle
from napari_csc.io.arrays.repeats import without_repeats
from napari_csc.io.arrays.wrapped import WRAPPED, shifted
from napari_csc.io.content_to_write import KSPACE, Exported, plain_kspace
from napari_csc.io.formats.format import COMPLEX_FIRST, Format, Writer
from napari_csc.io.headers.mr_header import times
from napari_csc.io.requests import SLICE_COUNT, LoadRequest, WriteRequest
from napari_csc.storage.atomic import replacing_all
from napari_csc.storage.content import Array, check_size
from napari_csc.storage.open_file import OpenFile

_FIRST_LINE = b"# Dimensions"
_LONGEST_HEADER = 2**16
# Names of the 16 dimensions, in their order.
_NAMES = (
    *("read", "phase1", "phase2", "coil", "maps", "TE", "coeff", "coeff2"),
    *("iter", "cshift", "time", "time2", "level", "slice", "average", "batch"),
)
_CHOSEN = ("TE", "time", "time2", "batch")
_USED = ("read", "phase1", "phase2", "coil", "slice", "average", *_CHOSEN)
_DTYPE = np.dtype("<c8")
_DIMENSIONS = len(_NAMES)
_COIL, _SLICE = _NAMES.index("coil"), _NAMES.index("slice")


@dataclass(frozen=True)
class BartPair:
    """A pair of files, checked against each other, not read yet."""

    values: OpenFile
    sizes: dict[str, int]
    command: str

    @classmethod
    def of(cls, file: OpenFile) -> BartPair:
        """Find the other file of a pair and read the header.

        Raises
        ------
        CscError
            If one of the files is missing, the header is none, or they do not belong together.
        """
        path = file.path
        header, values = path.with_suffix(".hdr"), path.with_suffix(".cfl")
        for one in (header, values):
            if not one.is_file():
                raise CscError(
                    f"{path.name} is half of a BART pair, but {one.name} is missing; copy both "
                    "files into one folder."
                )
        text = file.beside(header).start().read(_LONGEST_HEADER)
        lines = [line.strip() for line in text.decode("ascii", "replace").splitlines()]
        stated = lines[1] if len(lines) > 1 else ""
        if not text.startswith(_FIRST_LINE) or not re.fullmatch(r"\d{1,18}( +\d{1,18})*", stated):
            raise CscError(
                f"{header.name} is no BART header: '# Dimensions' and a line of whole numbers are "
                "needed; export the pair again."
            )
        sizes = [int(one) for one in stated.split()]
        if len(sizes) > len(_NAMES) or min(sizes) < 1:
            raise CscError(
                f"{header.name} states {len(sizes)} dimensions, the smallest of size {min(sizes)}; "
                f"up to {len(_NAMES)} of at least 1 are needed, so export the pair again."
            )
        check_size(tuple(sizes), _DTYPE, values)
        claimed, there = math.prod(sizes) * _DTYPE.itemsize, values.stat().st_size
        if claimed != there:
            raise CscError(
                f"{header.name} claims {claimed} bytes, but {values.name} has {there}; the files "
                "do not belong together or are cut off, so copy or export both again."
            )
        command = lines[lines.index("# Command") + 1 :][:1] if "# Command" in lines else []
        shown = " ".join(one for one in command if one.isprintable())[:200]
        sizes += [1] * (len(_NAMES) - len(sizes))
        return cls(file.beside(values), dict(zip(_NAMES, sizes, strict=True)), shown)

    def table(self) -> dict[str, str]:
        """Return the header for people."""
        matrix = times([self.sizes[name] for name in _NAMES[:3]])
        rows = {"Encoded matrix": matrix, "Coils": str(self.sizes["coil"])}
        labels = {"slice": "Slices", "average": "Averages", "TE": "Echoes", "time": "Time points"}
        rows |= {
            label: str(self.sizes[name]) for name, label in labels.items() if self.sizes[name] > 1
        }
        return rows | ({"Command": self.command} if self.command else {})


def sniff(file: OpenFile) -> bool:
    """Return whether this is a BART header, or the values that one stands beside."""
    if file.head.startswith(_FIRST_LINE):
        return True
    # The values have no mark of their own.
    if file.path.suffix.lower() != ".cfl":
        return False
    header = file.path.with_suffix(".hdr")
    if not header.is_file():
        return not all(32 <= byte < 127 or byte in b"\t\r\n" for byte in file.head[:256])
    return file.beside(header).head.startswith(_FIRST_LINE)


def load_bart(file: OpenFile, request: LoadRequest) -> Acquisition:
    """Return the asked-for slices of a pair, given by either of its files.

    ``read`` is x, ``phase1`` y, ``phase2`` the second phase-encoded direction of a 3-D scan, whose
    slices the transform gives. Averages are averaged; of TE, time, time2 and batch one is chosen
    with a key such as ``"TE=1,time=3"``, else the first. Whether the pair holds k-space or an image
    is found by its content, unless stated; so is whether ``phase2`` holds slices, where many put
    them. ``axes`` names the dimensions longer than one, in their order.
    """
    path = file.path
    pair = BartPair.of(file)
    _refuse_unusable(pair)
    picked, choices = _picked(pair, request.key)
    sizes = pair.sizes
    numbers = [0] if sizes["phase2"] > 1 else request.slice_numbers(sizes["slice"])
    stored = np.memmap(pair.values.raw, _DTYPE, "r", shape=tuple(sizes.values()), order="F")
    metadata: dict[str, Any] = {
        "path": str(path),
        "format": "BART",
        "header": pair.table(),
        **({"choices": choices} if choices else {}),
        **({"key": request.key} if request.key else {}),
    }
    if request.axes is not None:
        return _as_named(stored, picked, request, metadata)
    data = _arranged(stored, picked, numbers)
    _refuse_not_finite(data, path)
    # The strongest partition of a volume tells what it is, as a slice does.
    strongest = int((np.abs(data) ** 2).sum(axis=(0, 1, 2, 4, 5)).argmax())
    meaning = meaning_of(np.ascontiguousarray(data[:, :, :, strongest]))
    kind = decided(meaning, ["", path.stem], path.name, request.kind)
    metadata["kind"] = kind
    if sizes["phase2"] == 1:
        metadata[SLICE_COUNT] = sizes["slice"]
    is_believed = meaning.is_clear and meaning.kind == "k-space"
    is_stack = sizes["phase2"] > 1 and (
        kind == "image" or (is_believed and _holds_slices(data[0], pair))
    )
    if is_stack and kind == "k-space":
        add_note(metadata, f"Dimension 2 was taken as {sizes['phase2']} slices, not as kz.")
    if kind == "k-space":
        data = in_the_middle(data, meaning, request, metadata)
    if sizes["phase2"] > 1 and not is_stack:
        found = _volume_of_kspace(data[0], request, metadata)
        return found if request.slice is None else found.select(request.slice)
    plane = data[0].transpose(2, 0, 1, 3, 4) if is_stack else data[:, :, :, 0]
    return _of_slices(plane, kind, request, metadata, has_chosen=not is_stack)


def _of_slices(
    data: Array, kind: str, request: LoadRequest, metadata: dict[str, Any], has_chosen: bool
) -> Acquisition:
    """Return the acquisition of slices (slice, coil, repeat, y, x)."""
    extra = {"metadata": metadata}
    if kind == "image":
        found = image_acquisition(data, request, extra)
    else:
        found = kspace_acquisition(data, request, False, extra)
    return found if has_chosen or request.slice is None else found.select(request.slice)


def _as_named(
    stored: Array, picked: dict[str, int], request: LoadRequest, metadata: dict[str, Any]
) -> Acquisition:
    """Return the acquisition of an array whose axes the caller has named."""
    path = Path(metadata["path"])
    kept = ("read", "phase1", "phase2", "coil", "slice", "average")
    array = np.asarray(
        stored[tuple(slice(None) if n in kept else picked.get(n, 0) for n in _NAMES)]
    )
    array = array.reshape([n for n in array.shape if n > 1], order="F")
    _refuse_not_finite(array, path)
    asked = Asked(request.axes, request.kind, has_mask=request.mask is not None)
    found = ordered(array, asked, "last", path.name)
    meaning = meaning_of(found.data)
    metadata["kind"] = decided(meaning, ["", path.stem], path.name, request.kind)
    metadata["axes"] = ",".join(found.names)
    add_note(metadata, *found.notes)
    data = np.ascontiguousarray(found.data)
    if metadata["kind"] == "k-space":
        data = in_the_middle(data, meaning, request, metadata)
    return _of_slices(data, metadata["kind"], request, metadata, has_chosen=False)


def _holds_slices(volume: Array, pair: BartPair) -> bool:
    """Return whether dimension 2 of k-space (coil, repeat, kz, y, x) holds slices.

    Raises
    ------
    NeedsChoice
        If both fit.
    """
    leaning = leaning_of(volume, 2)
    if leaning != "unclear":
        return leaning == "slices"
    long = [one for one in _USED[:6] if pair.sizes[one] > 1]
    words = {"read": "x", "phase1": "y", "average": "repeat"}
    choices = [
        (",".join({**words, "phase2": one}.get(name, name) for name in long), text)
        for one, text in (("kz", "a phase-encoded direction"), ("slice", "slices"))
    ]
    listed = " or ".join(f"axes={value!r} ({text})" for value, text in choices)
    raise NeedsChoice(
        f"Dimension 2 of {pair.values.path.name} may be phase-encoded, or slices; say {listed}.",
        "axes",
        choices,
    )


def _refuse_not_finite(data: Array, path: Path) -> None:
    if not np.isfinite(data).all():
        raise CscError(
            f"{path.with_suffix('.cfl').name} contains NaN or infinite values; replace them (by "
            "zero, say) before loading."
        )


def _refuse_unusable(pair: BartPair) -> None:
    name, sizes = pair.values.path.name, pair.sizes
    unusable = [one for one in _NAMES if one not in _USED and sizes[one] > 1]
    if unusable:
        raise CscError(
            f"{name} has {', '.join(f'{sizes[one]} along {one}' for one in unusable)}, which is no "
            "plain k-space or image; choose one with 'bart slice' and load that."
        )
    if sizes["read"] == 1 or sizes["phase1"] == 1:
        raise CscError(
            f"{name} has one sample along read or phase1, so that it is no Cartesian k-space; "
            "samples along a trajectory are taken by Acquisition.from_trajectory."
        )
    if sizes["phase2"] > 1 and sizes["slice"] > 1:
        raise CscError(
            f"{name} holds {sizes['slice']} slabs of a 3-D scan, and one is reconstructed at a "
            "time; choose one with 'bart slice 13' and load that."
        )


def _picked(pair: BartPair, key: str | None) -> tuple[dict[str, int], str]:
    """Return the number chosen along each dimension that takes one, and what to say of it."""
    asked: dict[str, int] = {}
    for part in filter(None, (key or "").replace(" ", "").split(",")):
        name, _, digits = part.partition("=")
        if name not in _CHOSEN or not re.fullmatch("[0-9]{1,9}", digits):
            raise CscError(
                f"The key {key!r} cannot be used; write it like 'TE=1,time=0', with "
                f"{', '.join(_CHOSEN)}."
            )
        asked[name] = int(digits)
    told = []
    for name in _CHOSEN:
        number, count = asked.setdefault(name, 0), pair.sizes[name]
        if number >= count:
            has = pair.values.path.name
            raise CscError(f"{has} has no {name} {number}; there is 0 to {count - 1}.")
        if count > 1:
            told.append(f"{name} {number} of 0 to {count - 1}")
    return asked, "; ".join(told)


def _arranged(stored: Array, picked: dict[str, int], slices: list[int]) -> Array:
    """Read what is wanted as (slice, coil, repeat, kz, y, x)."""
    kept = ("read", "phase1", "phase2", "coil", "average")
    parts = []
    for number in slices:
        index = tuple(
            slice(None) if name in kept else number if name == "slice" else picked.get(name, 0)
            for name in _NAMES
        )
        x, y, kz, coil, repeat = range(5)
        parts.append(np.asarray(stored[index]).transpose(coil, repeat, kz, y, x))
    return np.ascontiguousarray(np.stack(parts), dtype=np.complex64)


def _volume_of_kspace(data: Array, request: LoadRequest, metadata: dict[str, Any]) -> Acquisition:
    coil = request.coil
    if coil is not None and not isinstance(coil, str):
        if not 0 <= int(coil) < len(data):
            raise CscError(f"Coil {coil} does not exist; the coils are 0 to {len(data) - 1}.")
        data = data[int(coil) : int(coil) + 1]
        metadata["coil"] = int(coil)
    # Partitions stand for slices here: what counts are the differences.
    data, note = centred_along(data, 2)
    if metadata.get(WRAPPED) == "y,x":
        # Whoever left out the shift of two directions left out that of the third.
        data = shifted(data, 2)
    add_note(metadata, note)
    by_slice, noise_std = without_repeats(data.transpose(2, 0, 1, 3, 4), request, metadata)
    metadata["transformed"] = "the phase-encoded direction kz was transformed to slices"
    mask = np.ones(data.shape[-2:], bool) if isinstance(request.mask, str) else request.mask
    return Acquisition.from_volume_kspace(
        by_slice.transpose(1, 0, 2, 3),
        mask=mask,
        coil_maps=request.coil_maps,
        noise_std=noise_std,
        noise_scan=request.noise_scan,
        metadata=metadata,
    )


def write_bart(content: Exported, request: WriteRequest) -> list[Path]:
    """Write images or k-space; x is ``read``, y ``phase1``.

    Spacing and orientation have no place in these files.

    Raises
    ------
    CscError
        If one of the files exists and may not be overwritten, or cannot be written.
    """
    is_kspace = content.kind == KSPACE
    values = plain_kspace(content) if is_kspace else content.values[:, None]
    slices, coils, height, width = values.shape
    sizes = [1] * _DIMENSIONS
    sizes[0], sizes[1], sizes[_COIL], sizes[_SLICE] = width, height, coils, slices
    text = f"# Dimensions\n{' '.join(str(size) for size in sizes)}\n# Creator\nnapari-csc\n"
    paths = [request.path.with_suffix(ending) for ending in (".cfl", ".hdr")]
    # The header is what makes the values a pair, so it is the last.
    with replacing_all(paths, request.overwrite) as (data, header):
        data.write_bytes(_stored(values))
        header.write_text(text, encoding="ascii")
    return paths


def _stored(values: Array) -> memoryview:
    """Return (slice, coil, y, x) in Fortran order of (x, y, coil, slice): as it stands."""
    return np.ascontiguousarray(values, dtype="<c8").reshape(-1).view(np.uint8).data


FORMAT = Format(
    "BART (.cfl, .hdr)",
    (".cfl", ".hdr"),
    sniff,
    load_bart,
    reads_slices=True,
    writers=(Writer("bart", "BART", (".cfl", ".hdr"), (*COMPLEX_FIRST, KSPACE), write_bart),),
)
