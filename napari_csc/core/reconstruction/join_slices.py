"""Put results of single slices together, as if all slices had been reconstructed at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.health import health, to_record
from napari_csc.core.reconstruction.provenance import input_provenance
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError

Tensor = torch.Tensor


def join_slices(parts: Sequence[Reconstruction], acquisition: Acquisition) -> Reconstruction:
    """Return one result of the results of the slices of an acquisition.

    Parameters
    ----------
    parts
        One result for each slice, in order, made with the same settings.
    acquisition
        What they were made of.

    Raises
    ------
    CscError
        If the parts are not those of the acquisition.
    """
    if len(parts) != acquisition.shape[0]:
        raise CscError(
            f"{len(parts)} slices were reconstructed, but the scan has {acquisition.shape[0]}."
        )
    first = parts[0]
    if any(_made_with(part) != _made_with(first) for part in parts):
        raise CscError(
            "The slices were reconstructed with different settings, filters, weights or versions; "
            "start anew."
        )
    history = [
        {**entry, "slice": index} for index, part in enumerate(parts) for entry in part.history
    ]
    smooth = [part.smooth_parts for part in parts if part.smooth_parts is not None]
    joined = replace(
        first,
        image=torch.cat([part.image for part in parts]),
        initial=torch.cat([part.initial for part in parts]),
        low_pass=torch.cat([part.low_pass for part in parts]),
        sparsity_maps=torch.cat([part.sparsity_maps for part in parts]),
        smooth_maps=torch.cat([part.smooth_maps for part in parts]),
        sparse_codes=torch.cat([part.sparse_codes for part in parts]),
        smooth_parts=torch.cat(smooth) if len(smooth) == len(parts) else None,
        history=history,
        provenance={**first.provenance, "input": input_provenance(acquisition)},
        reference=acquisition.reference,
        spacing=acquisition.spacing,
        unit=acquisition.unit,
        metadata={"noise": acquisition.noise.sentence, **acquisition.metadata},
    )
    joined.provenance["health"] = to_record(health(joined, acquisition))
    return joined


def _made_with(part: Reconstruction) -> tuple[Any, ...]:
    """Return what all slices of a result have in common, by content."""
    told = part.provenance
    versions = told.get("versions", {}).get("napari-csc")
    maps = told.get("maps", {}).get("digest")
    return told["settings"], told.get("dictionary", {}).get("digest"), maps, versions
