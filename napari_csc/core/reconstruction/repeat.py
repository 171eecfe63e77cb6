"""Do again what made a result."""

from __future__ import annotations

import torch

from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError


def reconstructor_like(result: Reconstruction) -> Reconstructor:
    """Return the reconstructor that made a result: its very filters, settings and network.

    On the same device, with the same versions, it gives the same result bit for bit from the same
    acquisition.

    Raises
    ------
    CscError
        If the result does not tell its settings, or the map network of that name is another one.
    """
    stored = result.provenance.get("settings")
    if not isinstance(stored, dict):
        raise CscError("The result does not tell its settings, so it cannot be repeated.")
    settings = ReconstructionSettings.checked(**stored)
    made = Reconstructor.from_settings(settings, dictionary=result.dictionary)
    maps = result.provenance.get("maps", {})
    if made.maps.digest != maps.get("digest"):
        raise CscError(
            f"The result was made with other weights named {settings.maps} than those here; "
            "install the version of napari-csc that made it "
            f"({result.provenance.get('versions', {}).get('napari-csc', 'unknown')})."
        )
    return made


def largest_difference(result: Reconstruction, other: Reconstruction) -> float:
    """Return the largest difference of two images as a share of the maximum of the first.

    Zero means equal bit for bit in image, maps and codes.

    Raises
    ------
    CscError
        If they show different slices or sizes.
    """
    if result.image.shape != other.image.shape:
        raise CscError(
            f"The results have the shapes {tuple(result.image.shape)} and "
            f"{tuple(other.image.shape)}, so they were made from different scans or slices."
        )
    names = ("image", "sparsity_maps", "sparse_codes")
    if all(torch.equal(getattr(result, name), getattr(other, name)) for name in names):
        return 0.0
    peak = float(result.image.abs().max()) or 1.0
    found = float((result.image - other.image).abs().max()) / peak
    # Equal images with other maps or codes are still not equal.
    return max(found, torch.finfo(torch.float32).tiny)
