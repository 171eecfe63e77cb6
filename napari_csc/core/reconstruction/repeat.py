"""Do again what made a result."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch

from napari_csc.core.acquisition.cartesian import Acquisition, knowing
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.names import shipped_names
from napari_csc.core.kspace.noise.answer import NoiseEstimate
from napari_csc.core.maps import map_network_names
from napari_csc.core.maps.registry import shipped_digests
from napari_csc.core.maps.source import MapSource
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.core.shipped_weights import weight_file
from napari_csc.errors import CscError

Tensor = torch.Tensor


def reconstructor_like(result: Reconstruction, maps: MapSource | None = None) -> Reconstructor:
    """Return the reconstructor that made a result: its very filters, settings and network.

    On the same device, with the same versions, it gives the same result bit for bit from the same
    acquisition.

    Parameters
    ----------
    result
        The result.
    maps
        Its network, if it is at hand, so that it need not be read again; another one is refused.

    Raises
    ------
    CscError
        If the result does not tell its settings, or the map network of that name is another one.
    """
    stored = result.provenance.get("settings")
    if not isinstance(stored, dict):
        raise CscError("The result does not tell its settings, so it cannot be repeated.")
    # Older results know only one rule, and do not tell it.
    settings = ReconstructionSettings.checked(**{"rule": "shrunk", **stored})
    noted = _told(result, "maps").get("digest")
    _check_weights(settings, noted)
    if maps is None:
        made = Reconstructor.from_settings(settings, dictionary=result.dictionary)
    else:
        made = Reconstructor.from_parts(result.dictionary, maps, settings)
    if made.maps.digest != noted:
        raise CscError(
            f"The result was made with other weights named {settings.maps} than those here; "
            "install the version of napari-csc that made it "
            f"({_told(result, 'versions').get('napari-csc', 'unknown')})."
        )
    return made


def of_other_versions(result: Reconstruction) -> set[Literal["dictionary", "maps"]]:
    """Return what of a result is another now under the same name: dictionary, maps, or both.

    As when it was saved by another version of the program. Files are not looked for.

    Examples
    --------
    >>> import napari_csc as csc
    >>> from napari_csc.core.reconstruction.repeat import of_other_versions
    >>> import torch
    >>> kspace = torch.ones(16, 16, dtype=torch.complex64)
    >>> scan = csc.Acquisition.from_kspace(kspace, noise_std=1)
    >>> result = csc.Reconstructor(csc.Dictionary.dct(8, 5), csc.NoiseScalar(2))(scan)
    >>> of_other_versions(result)
    set()
    """
    found: set[Literal["dictionary", "maps"]] = set()
    settings, maps = _told(result, "settings"), _told(result, "maps")
    name, weights = str(settings.get("dictionary", "")), str(settings.get("maps", ""))
    is_whole = not settings.get("dropped")
    if is_whole and name in shipped_names() and _digest(name) != result.dictionary.digest:
        found.add("dictionary")
    if weights in map_network_names():
        expected = shipped_digests().get(weight_file(weights).name)
        if maps.get("digest") != expected:
            found.add("maps")
    return found


@lru_cache
def _digest(name: str) -> str:
    return Dictionary.load(name).digest


def _told(result: Reconstruction, name: str) -> dict[str, Any]:
    """Return what a result tells; empty where it is not what it should be."""
    found = result.provenance.get(name)
    return found if isinstance(found, dict) else {}


def _check_weights(settings: ReconstructionSettings, noted: Any) -> None:
    """Refuse a weight file that a result names, before it is read, if it is not the noted one."""
    path = Path(settings.maps).expanduser()
    if path.suffix.lower() != ".safetensors":
        return
    if not path.is_file():
        raise CscError(
            f"The weight file {path}, which the result names, does not exist; restore it."
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not isinstance(noted, str) or digest != noted:
        raise CscError(
            f"The weight file {path}, which the result names, is not the one that made it (its "
            "digest differs); restore it, or give the settings instead of --like."
        )


def acquisition_like(result: Reconstruction, acquisition: Acquisition) -> Acquisition:
    """Return the scan of a result with the noise level and profile that made the result.

    Another version may estimate them differently; results older than profiles had none. Another
    scan than that of the result is returned as it is.
    """
    recorded = result.provenance.get("input", {})
    if not isinstance(recorded, dict) or recorded.get("digest") != acquisition.digest:
        return acquisition
    known: dict[str, Any] = {}
    if acquisition.noise_map is None:
        known["relative_noise"] = _profile(recorded.get("noise_profile"), acquisition.shape[1:])
    if acquisition.noise_is_estimated:
        known["estimated_noise"] = _noise_like(result.noise_std, acquisition.estimated_noise)
    return knowing(acquisition.with_notes(), known)


def _noise_like(noise_std: float, found: NoiseEstimate) -> NoiseEstimate:
    if found.std == noise_std:
        return found
    sentence = f"Noise level {noise_std:.4g} of a sample, as recorded in the result."
    return replace(found, std=noise_std, method="as recorded", known=True, sentence=sentence)


def _profile(recorded: Any, shape: tuple[int, int]) -> Tensor | None:
    if not isinstance(recorded, dict) or recorded.get("axis") not in (0, 1):
        return None
    axis = recorded["axis"]
    try:
        levels = torch.tensor(recorded.get("levels"), dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        levels = torch.zeros(0)
    if levels.shape != (shape[axis],) or not bool((levels > 0).all()):
        raise CscError("The noise profile in the result does not fit its scan; run it anew.")
    return levels.unsqueeze(1 - axis).expand(shape).contiguous()


def digest_of_input(result: Reconstruction) -> Any:
    """Return the digest of the scan that a result was made of, as it tells."""
    return _told(result, "input").get("digest")


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
