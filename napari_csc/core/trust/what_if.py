"""What if: the maps of a result are changed, and the solver alone runs again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.maps.cache import MapCache
from napari_csc.core.maps.edits import MapEdit
from napari_csc.core.maps.source import MapSource
from napari_csc.core.reconstruction.progress import Progress
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.repeat import acquisition_like, reconstructor_like
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError


def edit_maps(
    result: Reconstruction,
    acquisition: Acquisition,
    edits: Sequence[MapEdit],
    *,
    maps: MapSource | None = None,
    map_cache: MapCache | None = None,
    on_iteration: Callable[[Progress], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Reconstruction:
    """Return a result with other maps: those of its network, changed by hand.

    Everything else stays: filters, settings, noise level. The edits take the place of those that
    the result has; none at all gives the maps of the network back.

    Parameters
    ----------
    result
        The result, with maps from a network or a level.
    acquisition
        What it was made of.
    edits
        What to change, one after the other; a factor of one changes nothing, bit for bit.
    maps
        The network of the result, if it is at hand: it need not be read again.
    map_cache
        Keeps the maps of the network; with the cache of the first run the network is not asked.
    on_iteration, should_stop
        As for `Reconstructor`.

    Returns
    -------
    Reconstruction
        Its settings, provenance and health tell the edits; see `Reconstruction.edits`.

    Raises
    ------
    CscError
        If an edit names what is not there, the result cannot be made again, or it was made with
        maps that were given as a tensor.
    ReconstructionStopped
        If ``should_stop`` answered True.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import numpy as np
    >>> scan = csc.simulate_low_field(np.eye(32), 32)
    >>> result = csc.Reconstructor(csc.Dictionary.load("dct-8-5"), csc.NoiseScalar(1.5))(scan)
    >>> less = csc.edit_maps(result, scan, [csc.MapEdit(factor="forbid", filters=(3,))])
    >>> less.edits, float(less.sparse_codes[:, 3].abs().max())
    (('filter 3 forbidden everywhere',), 0.0)
    >>> again = csc.edit_maps(less, scan, [])
    >>> again.edits, bool((again.image == result.image).all())
    ((), True)
    """
    if result.provenance.get("settings", {}).get("maps") == "tensor":
        raise CscError(
            "The maps of this result were given as a tensor, so its network cannot be asked; give "
            "tensor and map_edits to a Reconstructor."
        )
    made = reconstructor_like(result, maps)
    given = {**made.settings.model_dump(), "map_edits": list(edits)}
    settings = ReconstructionSettings.checked(**given)
    changed = Reconstructor.from_parts(made.dictionary, made.maps, settings, map_cache)
    scan = acquisition_like(result, acquisition)
    return changed(scan, on_iteration, should_stop)
