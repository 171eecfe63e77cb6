"""Arrays that belong together: the cells of a MATLAB cell, real and imaginary part."""

from __future__ import annotations

import re
from functools import partial

import numpy as np

from napari_csc.errors import CscError
from napari_csc.storage.content import Array, StoredArray

Arrays = dict[str, StoredArray]

_CELL = re.compile(r"(.+)\{\d+\}")
_PARTS = (("real", "imag"), ("re", "im"), ("r", "i"), ("real", "imaginary"))
_MOST_CELLS = 4096


def with_cells(arrays: Arrays) -> Arrays:
    """Return arrays in cells of one shape as one, stacked along a last axis; others as they are."""
    cells: dict[str, list[str]] = {}
    for name in arrays:
        found = _CELL.fullmatch(name)
        if found:
            cells.setdefault(found[1], []).append(name)
    result = dict(arrays)
    for name, members in cells.items():
        parts = [arrays[one] for one in members]
        alike = len({one.shape for one in parts}) == 1
        if not alike or not 1 < len(parts) <= _MOST_CELLS or name in arrays:
            continue
        dtype = np.result_type(*(one.dtype for one in parts))
        for one in members:
            del result[one]
        result[name] = StoredArray((*parts[0].shape, len(parts)), dtype, partial(_stacked, parts))
    return result


def _stacked(parts: list[StoredArray]) -> Array:
    return np.stack([one.read() for one in parts], axis=-1)


def with_joined_parts(arrays: Arrays) -> Arrays:
    """Return pairs such as ``kspace_real`` and ``kspace_imag`` as one complex array ``kspace``."""
    result = dict(arrays)
    for name in arrays:
        for first, second in _PARTS:
            other, whole = _counterpart(name, first, second)
            if other not in arrays or whole in result:
                continue
            real, imaginary = arrays[name], arrays[other]
            if real.shape != imaginary.shape or {real.dtype.kind, imaginary.dtype.kind} - set("fi"):
                continue
            if sum(size > 1 for size in real.shape) < 2:
                continue
            dtype = np.result_type(real.dtype, imaginary.dtype, np.complex64)
            del result[name], result[other]
            result[whole] = StoredArray(real.shape, dtype, partial(_joined, real, imaginary))
            break
    return result


def _counterpart(name: str, first: str, second: str) -> tuple[str, str]:
    """Return the name of the other part, and that of both; empty if the name tells no part."""
    stem, _, last = name.rpartition(".")
    stem = f"{stem}." if stem else ""
    camel = re.fullmatch(rf"(.*[a-z0-9]){first.capitalize()}", last)
    if camel:
        return f"{stem}{camel[1]}{second.capitalize()}", stem + camel[1]
    for pattern in (rf"(.+?)[_\-. ]?{first}", rf"{first}[_\-. ]?(.+)"):
        # A single letter needs a sign that sets it apart.
        strict = pattern.replace("]?", "]") if len(first) < 3 else pattern
        found = re.fullmatch(strict, last, re.IGNORECASE)
        if found:
            start, end = found.span(1)
            cut = last[:start] if start else last[end:]
            changed = re.sub(first, _in_case(second, cut), cut, flags=re.IGNORECASE)
            other = changed + last[start:] if start else last[:end] + changed
            return stem + other, stem + found[1]
    if last.lower() == first:
        return stem + _in_case(second, last), stem.removesuffix(".") or "data"
    return "", ""


def _in_case(word: str, like: str) -> str:
    letters = [sign for sign in like if sign.isalpha()]
    if letters and all(sign.isupper() for sign in letters):
        return word.upper()
    return word.capitalize() if letters and letters[0].isupper() else word


def _joined(real: StoredArray, imaginary: StoredArray) -> Array:
    first, second = np.asarray(real.read()), np.asarray(imaginary.read())
    if first.shape != second.shape:
        raise CscError("Real and imaginary part have different shapes; export them again.")
    values = np.empty(first.shape, np.result_type(first.dtype, second.dtype, np.complex64))
    values.real, values.imag = first, second
    return values
