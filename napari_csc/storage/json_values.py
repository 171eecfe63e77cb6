"""Values that readers find, as JSON and back without loss."""

import json
import re
from typing import Any

import numpy as np

# What `to_json` writes: NumPy would make structures, and texts of any length, of other words.
_PLAIN = re.compile(r"[<>|=]?(?:[biuf](?:1|2|4|8|12|16)|U\d+)")
_ARRAY, _COMPLEX, _TUPLE = "__array__", "__complex__", "__tuple__"


def to_json(value: Any) -> str:
    """Return JSON text of nested plain values; NumPy arrays and tuples come back as such.

    What JSON cannot hold at all becomes its text.
    """
    return json.dumps(_encoded(value))


def from_json(text: str | bytes) -> Any:
    """Return what `to_json` was given."""
    return json.loads(text, object_hook=_decoded)


def _encoded(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "biufU":
            return {_ARRAY: value.tolist(), "dtype": value.dtype.str, "shape": value.shape}
        return [_encoded(one) for one in value.tolist()]
    if isinstance(value, np.generic):
        return _encoded(value.item())
    if isinstance(value, complex):
        return {_COMPLEX: [value.real, value.imag]}
    if isinstance(value, dict):
        return {str(name): _encoded(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return {_TUPLE: [_encoded(one) for one in value]}
    if isinstance(value, list):
        return [_encoded(one) for one in value]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, (str, int, float)) or value is None else str(value)


def _decoded(found: dict[str, Any]) -> Any:
    if _ARRAY in found:
        # Of texts the type tells a length, which nobody has checked.
        told = str(found["dtype"])
        if not _PLAIN.fullmatch(told):
            raise ValueError("an array of a type that is never written")
        dtype = np.dtype(str if "U" in told else told)
        return np.array(found[_ARRAY], dtype=dtype).reshape(found["shape"])
    if _COMPLEX in found:
        return complex(*found[_COMPLEX])
    return tuple(found[_TUPLE]) if _TUPLE in found else found
