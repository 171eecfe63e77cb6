"""The same result with its filters in another order, without a new run."""

from __future__ import annotations

from dataclasses import replace

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError


def reordered(result: Reconstruction, dictionary: Dictionary) -> Reconstruction:
    """Return a result whose maps and codes stand in the order of these filters.

    Where maps move with their filters (`MapSource.permutation_equivariant`), that is what a run
    with the filters in this order gives, but for rounding. Provenance tells that there was none.

    Parameters
    ----------
    result
        The reconstruction.
    dictionary
        Its filters in another order.

    Returns
    -------
    Reconstruction
        With the same images; maps (slice, K, y, x) and codes (slice, K, y, x) are copies.

    Raises
    ------
    CscError
        If these are other filters.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import torch
    >>> from napari_csc.core.analysis.reorder import reordered
    >>> image = torch.zeros(24, 24)
    >>> image[6:18, 8:16] = 1
    >>> scan = csc.simulate_low_field(image, 16, generator=torch.Generator().manual_seed(0))
    >>> filters = csc.Dictionary.dct(8, 5)
    >>> result = csc.Reconstructor(filters, csc.NoiseScalar(1.5), iterations=4, device="cpu")(scan)
    >>> moved = reordered(result, filters.permuted(seed=1))
    >>> moved.image is result.image, moved.dictionary.order == filters.permuted(seed=1).order
    (True, True)
    """
    before = result.dictionary
    if sorted(before.order) != sorted(dictionary.order) or before.digest != dictionary.digest:
        raise CscError(
            "The result was made with other filters, so that it cannot be put in their order; run "
            "again."
        )
    places = {original: place for place, original in enumerate(before.order)}
    index = [places[original] for original in dictionary.order]
    provenance = dict(result.provenance)
    settings = dict(provenance.get("settings", {}))
    provenance["settings"] = {**settings, "shuffle_seed": dictionary.seed}
    provenance["dictionary"] = {
        **provenance.get("dictionary", {}),
        "order": list(dictionary.order),
        "shuffle_seed": dictionary.seed,
    }
    # What a run with this order would differ by is for whoever makes one to say.
    provenance["reordered"] = {
        "shuffle_seed_of_the_run": settings.get("shuffle_seed"),
        "largest_difference": None,
    }
    return replace(
        result,
        sparsity_maps=result.sparsity_maps[:, index],
        sparse_codes=result.sparse_codes[:, index],
        dictionary=dictionary,
        provenance=provenance,
    )
