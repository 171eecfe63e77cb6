"""The files that a joint training leaves: network and dictionary, with what is known of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import save_map_network
from napari_csc.learn.training.config import JointConfig
from napari_csc.learn.training.images.packed import PackedSlices
from napari_csc.learn.training.joint.checkpoint import Progress
from napari_csc.learn.training.joint.look import look, validation_scan
from napari_csc.learn.training.joint.model import JointModel
from napari_csc.learn.training.joint.plan import Plan
from napari_csc.learn.training.model import UnrolledReconstruction
from napari_csc.learn.training.validation import best_scalar, initial_image, score

_VARIANCE, _SHARE = 0.2, 0.5


def write_weights(
    folder: Path,
    model: JointModel,
    config: JointConfig,
    plan: Plan,
    progress: Progress,
    slices: PackedSlices,
    figures: dict[str, Any],
) -> tuple[Path, Path]:
    """Write the weights and the learned filters; return the two files.

    Parameters
    ----------
    folder
        Where to write ``<name>.safetensors`` and ``<learned name>.safetensors``.
    model
        The model with averaged weights.
    config, plan, progress, slices
        Of the training, for the provenance.
    figures
        What is known of the quality.
    """
    training = {
        "data": list(slices.names),
        "seed": config.seed,
        "steps": progress.step,
        "planned steps": plan.told(),
        "images": progress.images,
        "minutes": round(progress.minutes, 1),
        "config": config.model_dump(mode="json"),
    }
    if progress.start:
        training["start"] = progress.start
    begun = Dictionary.load(config.learned)
    dictionary = Dictionary.from_filters(
        model.filters().detach(),
        config.learned_name,
        metadata=training | {"began with": {"name": config.learned, "digest": begun.digest}},
    )
    training["learned dictionary"] = {"name": dictionary.name, "digest": dictionary.digest}
    network = model.network
    network.metadata = network.metadata.model_copy(
        update={"training": training, "validation": figures}
    )
    files = folder / f"{config.name}.safetensors", folder / f"{config.learned_name}.safetensors"
    save_map_network(network, files[0])
    dictionary.save(files[1])
    return files


def final_figures(model: JointModel, slices: PackedSlices, device: torch.device) -> dict[str, Any]:
    """Return all figures of a model, and the best single scalar as a yardstick."""
    table = look(model, list(slices.validation), device)
    model.to("cpu")
    dictionary = Dictionary.from_filters(model.filters().detach(), "learned")
    scans = [
        validation_scan(image, number, _VARIANCE, _SHARE)
        for number, image in enumerate(slices.validation)
    ]
    unrolled = UnrolledReconstruction(model.network, 1)
    with torch.no_grad():
        both = [model(scan, dictionary.filters) for scan in scans]
    in_units = [
        [one * scan.sigma[:, None, None] for one in images]
        for scan, images in zip(scans, both, strict=True)
    ]
    network = score(scans, [images for images, _ in in_units])
    estimate = score(scans, [estimates for _, estimates in in_units])
    scalar, scalar_figures = best_scalar(unrolled, scans, dictionary)
    return {
        "data": list(slices.validation_names),
        "settings": f"{len(scans)} axial slices, central half of k-space along both directions, "
        f"noise variance {_VARIANCE:g}, the learned dictionary, magnitude SSIM with data range 10",
        "network": network | {"estimate_ssim": estimate["ssim"], "estimate_mse": estimate["mse"]},
        "initial": score(scans, [initial_image(scan) for scan in scans]),
        "best scalar": {"noise units": scalar} | scalar_figures,
        "by noise variance": table,
    }
