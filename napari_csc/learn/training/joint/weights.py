"""The files that a joint training leaves: network and dictionary, with what is known of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import save_map_network
from napari_csc.learn.training.config import JointConfig
from napari_csc.learn.training.images.packed import PackedSlices
from napari_csc.learn.training.joint.checkpoint import Progress
from napari_csc.learn.training.joint.model import JointModel
from napari_csc.learn.training.joint.plan import Plan


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

    Where the network is held its file is not written, but that of the filters names it.

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
        "config": config.model_dump(mode="json") | {"learned": Path(config.learned).name},
    }
    if progress.start:
        training["start"] = progress.start
    if progress.scans:
        training["scans"] = progress.scans
    figures = {"data": list(slices.validation_names)} | figures
    begun = Dictionary.load(config.learned)
    told = training | {"began with": {"name": Path(config.learned).name, "digest": begun.digest}}
    if config.hold == "network":
        told["validation"] = figures
    dictionary = Dictionary.from_filters(
        model.filters().detach(), config.learned_name, metadata=told
    )
    training["learned dictionary"] = {"name": dictionary.name, "digest": dictionary.digest}
    network = model.network
    network.metadata = network.metadata.model_copy(
        update={"training": training, "validation": figures}
    )
    files = folder / f"{config.name}.safetensors", folder / f"{config.learned_name}.safetensors"
    if config.hold != "network":
        save_map_network(network, files[0])
    dictionary.save(files[1])
    return files
