"""napari writer: a layer of a result is saved as the whole result; imports nothing of napari."""

from typing import Any

from napari_csc.core.errors import CscError

LayerData = tuple[Any, dict[str, Any], str]


def write_result(path: str, layer_data: list[LayerData]) -> list[str]:
    """Write the result that the layers belong to.

    Raises
    ------
    CscError
        If no layer carries a result, or they belong to several.
    """
    from napari_csc.core.reconstruction import Reconstruction
    from napari_csc.io.result_file import save

    held = [described.get("metadata", {}).get("napari_csc", {}) for _, described, _ in layer_data]
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
