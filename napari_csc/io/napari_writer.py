"""napari writers: a layer of a result is saved as the result; imports nothing of napari."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError

LayerData = tuple[Any, dict[str, Any], str]

_KEY = "napari_csc"
# What is written of a layer, by what it is: kind (None: images) and part.
_WRITTEN: dict[str, tuple[str | None, str]] = {
    "reconstruction": (None, "image"),
    "initial image": (None, "initial"),
    "smooth part": (None, "smooth"),
    "sparsity maps": ("maps", "image"),
}


def write_result(path: str, layer_data: list[LayerData]) -> list[str]:
    """Write the result that the layers belong to.

    Raises
    ------
    CscError
        If no layer carries a result, or they belong to several.
    """
    from napari_csc.io.formats.csc_result import save

    held = [described.get("metadata", {}).get(_KEY, {}) for _, described, _ in layer_data]
    results = {
        id(one["result"]): one for one in held if isinstance(one.get("result"), Reconstruction)
    }
    if not results:
        raise CscError(
            "None of these layers belongs to a reconstruction; run one, then save its layers."
        )
    if len(results) > 1:
        raise CscError(
            "These layers belong to several reconstructions; save those of one at a time."
        )
    (one,) = results.values()
    # napari asked before overwriting.
    save(one["result"], path, overwrite=True, acquisition=one.get("acquisition"))
    return [str(path)]


def write_layer(path: str, data: Any, described: dict[str, Any]) -> list[str]:
    """Write what one layer shows, in full: all slices, complex values, with orientation.

    Parameters
    ----------
    path
        File to write; its suffix chooses the format.
    data
        What the layer shows; not used, the result it carries has more.
    described
        Its properties; ``metadata["napari_csc"]`` holds result, acquisition and role.

    Raises
    ------
    CscError
        If the layer carries no result and no scan, or is neither images nor maps of it.
    """
    from napari_csc.io.export import export
    from napari_csc.io.formats.table import writer_for

    held = described.get("metadata", {}).get(_KEY, {})
    name = str(described.get("name", ""))
    role = str(held.get("role") or name)
    result, acquisition = held.get("result"), held.get("acquisition")
    images = writer_for(Path(path)).kinds[0]
    if isinstance(result, Reconstruction):
        if role not in _WRITTEN:
            raise CscError(
                f"The layer {name!r} belongs to a result, but is none of its images; choose "
                f"{', '.join(_WRITTEN)}, or save the result as .h5."
            )
        kind, part = _WRITTEN[role]
        written = export(result, path, kind or images, part=part, overwrite=True)
    elif isinstance(acquisition, Acquisition):
        written = export(acquisition, path, images, overwrite=True)
    else:
        raise CscError(
            f"The layer {name!r} belongs to no scan and no result of napari-csc; save it as napari "
            "does, as .tif for example."
        )
    return [str(one) for one in written]
