"""The mean of the weights of trainings that began with the same ones.

From one start, weights that were trained with other images and other losses can be averaged number
by number; the mean is often better than each, and with other losses lies between them.

References
----------
Wortsman et al., ICML 2022 (model soups); Wortsman et al., CVPR 2022 (with the start).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import (
    MapNetwork,
    WeightMetadata,
    build_map_network,
    load_map_network,
    save_map_network,
)
from napari_csc.core.maps.encoding import EncodingNetwork
from napari_csc.errors import CscError
from napari_csc.learn.training.images.packed import PackedSlices
from napari_csc.learn.training.joint.look import final_figures
from napari_csc.learn.training.joint.misfits import usual_misfit
from napari_csc.learn.training.joint.model import JointModel
from napari_csc.learn.training.joint.widening import widened

Tensor = torch.Tensor


def mean_of_weights(
    files: Sequence[str | Path],
    data: str | Path,
    output: str | Path,
    shares: Sequence[float] = (),
    scale: float = 1.0,
    report: Callable[[str], None] = print,
) -> Path:
    """Write the mean of some weights, and of the dictionaries that lie beside them.

    Parameters
    ----------
    files
        Weight files of joint trainings, each with its learned dictionary beside it; one may be what
        the others began with.
    data
        A file of packed slices, to validate with.
    output
        Folder for weights and dictionary.
    shares
        Share of each; all alike if there are none.
    scale
        By which the maps of the mean are multiplied, beside what theirs are on the mean; what is
        best says validation.
    report
        Receives lines of progress.

    Returns
    -------
    Path
        The weight file; the dictionary lies beside it.

    Raises
    ------
    CscError
        If the files are fewer than two, of different kinds, or did not begin with the same weights,
        or shares or scale make no sense.
    """
    paths = [Path(one) for one in files]
    weights = _normalised(shares or [1.0] * len(paths), len(paths))
    if not 0.1 <= scale <= 10:
        raise CscError(f"Maps can be multiplied by 0.1 to 10, not by {scale:g}.")
    found = [_beside(path) for path in paths]
    networks, dictionaries = [one for one, _ in found], [one for _, one in found]
    start = _common_start(paths, networks, dictionaries)
    slices = PackedSlices.load(data)
    first = networks[0].metadata
    channels = max(network.config.channels for network in networks)
    architecture = first.architecture.model_copy(
        update={"scale": _mean_scale(networks, weights) * scale, "channels": channels}
    )
    mean = build_map_network(first.model_copy(update={"architecture": architecture}))
    assert isinstance(mean, EncodingNetwork)
    states = [widened(network, channels).state_dict() for network in networks]
    mean.load_state_dict(
        {name: _mean([one[name] for one in states], weights) for name in states[0]}
    )
    filters = _mean([one.filters for one in dictionaries], weights)
    model = JointModel(mean, filters).eval()
    of: list[dict[str, Any]] = [
        {
            "share": round(weight, 4),
            "digest": network.digest,
            "dictionary digest": dictionary.digest,
            "training": {k: v for k, v in network.metadata.training.items() if k != "start"},
        }
        for weight, network, dictionary in zip(weights, networks, dictionaries, strict=True)
    ]
    told = [network.metadata.training for network in networks]
    seen = {name: _all_of(name, told) for name in ("data", "scans")}
    training = _common(told) | seen | {"mean of": of, "maps times": scale, "start": start}
    dictionary = Dictionary.from_filters(
        model.filters().detach(), dictionaries[0].name, metadata=training
    )
    known = {"name": dictionary.name, "digest": dictionary.digest}
    images, device = list(slices.validation), torch.device("cpu")
    figures = {"data": list(slices.validation_names)} | final_figures(model, images, device)
    report(str(figures["network"] | figures["by noise variance"]))
    mean.metadata = mean.metadata.model_copy(
        update={
            "training": training | {"learned dictionary": known},
            "validation": figures,
            "usual_misfit": usual_misfit(model, images, device),
        }
    )
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    written = output / f"{mean.metadata.name}.safetensors"
    save_map_network(mean, written)
    dictionary.save(output / f"{dictionary.name}.safetensors")
    return written


def _normalised(shares: Sequence[float], count: int) -> list[float]:
    if count < 2:
        raise CscError("A mean needs at least two weight files.")
    if len(shares) != count:
        raise CscError(f"{count} weight files need {count} shares, not {len(shares)}.")
    if min(shares) < 0 or not 0 < sum(shares) < float("inf"):
        raise CscError("Shares must not be negative, and not all zero.")
    return [one / sum(shares) for one in shares]


def _mean(values: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    if not values[0].is_floating_point():
        return values[0]
    total = torch.zeros_like(values[0], dtype=torch.float64)
    for value, weight in zip(values, weights, strict=True):
        total += weight * value.double()
    return total.to(values[0].dtype)


def _common(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what is the same in all, so that data and configuration are found where they are."""
    common: dict[str, Any] = {}
    for name, value in told[0].items():
        values = [one.get(name) for one in told]
        if all(isinstance(one, dict) for one in values):
            common[name] = _common(values)  # type: ignore[arg-type]
        elif all(one == value for one in values):
            common[name] = value
    return common


def _all_of(name: str, told: Sequence[dict[str, Any]]) -> list[str]:
    """Return what any of them has seen."""
    return list(dict.fromkeys(item for one in told for item in one.get(name) or ()))


def _beside(path: Path) -> tuple[EncodingNetwork, Dictionary]:
    """Return network and dictionary that were learned together, and make sure that they were."""
    network = load_map_network(path)
    told = network.metadata.training.get("learned dictionary")
    if not isinstance(network, EncodingNetwork) or not told:
        raise CscError(f"{path.name} is not of a training together with a dictionary.")
    beside = path.with_name(f"{told['name']}.safetensors")
    if not beside.is_file():
        raise CscError(f"{beside.name}, which was learned along, must lie beside {path.name}.")
    dictionary = Dictionary.load(beside)
    if dictionary.digest != told["digest"]:
        raise CscError(f"{beside} is not the dictionary that was learned along with {path.name}.")
    return network, dictionary


def _mean_scale(networks: Sequence[EncodingNetwork], weights: Sequence[float]) -> float:
    scales = [network.config.scale for network in networks]
    return sum(weight * scale for weight, scale in zip(weights, scales, strict=True))


def _kind(metadata: WeightMetadata) -> tuple[Any, ...]:
    """Return what must be the same: all but how wide the encoder is, and what maps are times."""
    architecture = metadata.architecture.model_copy(update={"channels": 1, "scale": 1.0})
    names = ("solver", "iterations", "norm", "rule", "smooth_widths")
    return architecture, *(getattr(metadata, name) for name in names)


def _common_start(
    paths: Sequence[Path], networks: Sequence[MapNetwork], dictionaries: Sequence[Dictionary]
) -> dict[str, Any]:
    """Return what all began with or are; numbers of other trainings do not mean the same."""
    for path, network, dictionary in zip(paths, networks, dictionaries, strict=True):
        is_alike = _kind(network.metadata) == _kind(networks[0].metadata)
        if not is_alike or dictionary.filters.shape != dictionaries[0].filters.shape:
            raise CscError(f"{path.name} is of another kind than {paths[0].name}.")
    starts: list[dict[str, Any]] = [one.metadata.training.get("start") or {} for one in networks]
    for start in starts:
        digest = start.get("digest")
        known = [
            digest in (one.digest, begun.get("digest"))
            for one, begun in zip(networks, starts, strict=True)
        ]
        if digest and all(known):
            return start
    raise CscError(
        f"{paths[-1].name} did not begin with the same weights as {paths[0].name}; only trainings "
        "with one --start, and that start, can be averaged."
    )
