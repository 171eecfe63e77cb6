"""Checkpoints of the authors' code become map networks."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from napari_csc.core.maps.config import MapNetworkConfig, WeightMetadata
from napari_csc.core.maps.published.networks import PublishedNetwork, PublishedV1, PublishedV3
from napari_csc.errors import CscError
from napari_csc.storage.torch_files import read_tensors

Tensor = torch.Tensor

NETWORK_KEY = "cnn_block_reg_parameter."
"""What the names of the weights of the map network begin with."""
FILTERS_KEY = "d_filter"
_WEIGHT_KEY = "lambda_reg_high_pass_raw"
_SLOPE = 1.5


def load_published(
    path: str | Path,
    *,
    iterations: int = 64,
    bound: float = 10.0,
    image_maximum: float = 10.0,
) -> PublishedNetwork:
    """Return the map network of a checkpoint of the authors' code; nothing in it is executed.

    The file tells its kind, width and filters by the shapes of its weights, and the weight of the
    low-pass. What it does not tell are the parameters.

    Parameters
    ----------
    path
        A state dict, ``.pt`` or ``.pth``.
    iterations
        Of FISTA.
    bound
        Factor on the softplus that makes the maps.
    image_maximum
        Largest magnitude of the images that it was trained on.

    Raises
    ------
    CscError
        If the file holds no such network.

    Examples
    --------
    >>> from napari_csc.core.maps import load_published
    >>> network = load_published("model.pt", iterations=32)  # doctest: +SKIP
    """
    path = Path(path).expanduser()
    tensors = read_tensors(path)
    weights = {
        name.removeprefix(NETWORK_KEY): one.float()
        for name, one in tensors.items()
        if name.startswith(NETWORK_KEY)
    }
    kind, shapes = _architecture(path, weights)
    raw = tensors.get(_WEIGHT_KEY)
    if raw is not None and raw.numel() != 1:
        raise CscError(
            f"The weight of the low-pass in {path.name} has the shape {tuple(raw.shape)}, but is "
            "one number; save the state dict again."
        )
    try:
        config = MapNetworkConfig(
            kind=kind, bound=bound, image_maximum=image_maximum, conditioning=False, **shapes
        )
    except ValidationError as error:
        raise CscError(
            f"The weights in {path.name} are of a size that no map network has; save the state "
            "dict again."
        ) from error
    metadata = WeightMetadata(
        name=path.stem,
        architecture=config,
        solver="fista-published",
        iterations=iterations,
        norm="real-imaginary",
        step_rule="uniform",
        smooth="low-pass-cg",
        low_pass_weight=10.0 if raw is None else _softplus(float(raw)),
        dictionary_name=path.name if FILTERS_KEY in tensors else None,
        training={
            "data": ["told by nobody"],
            "assumed": {"iterations": iterations, "bound": bound, "image maximum": image_maximum},
        },
    )
    network = (PublishedV1 if kind == "published-v1" else PublishedV3)(metadata)
    try:
        network.unet.load_state_dict(weights)
    except RuntimeError as error:
        raise _foreign(path) from error
    network.digest, network.file = hashlib.sha256(path.read_bytes()).hexdigest(), str(path)
    return network.eval().requires_grad_(False)


def _architecture(path: Path, weights: dict[str, Tensor]) -> tuple[str, dict[str, Any]]:
    """Return the kind of a network and the rest of its configuration, by the shapes."""
    first = weights.get("encoder.enc_blocks.0.conv_block.0.weight")
    last = weights.get("c1x1.weight")
    if first is None or last is None or first.ndim != 4 or last.ndim != 4:
        raise _foreign(path)
    stages = [
        int(found[1])
        for name in weights
        if (found := re.match(r"encoder\.enc_blocks\.(\d+)", name))
    ]
    layers = [
        int(found[1])
        for name in weights
        if (found := re.match(r"encoder\.enc_blocks\.0\.conv_block\.(\d+)\.weight", name))
    ]
    inputs, outputs = int(first.shape[1]), int(last.shape[0])
    shapes: dict[str, Any] = {
        "inputs": inputs,
        "channels": int(first.shape[0]),
        "stages": max(stages) + 1,
        "convolutions": len(layers),
        "kernel": int(first.shape[-1]),
        "bias": "c1x1.bias" in weights,
    }
    if outputs == 1 and inputs in (2, 4):
        return "published-v3", shapes
    if inputs == 2:
        return "published-v1", shapes | {"n_filters": outputs}
    raise CscError(
        f"{path.name} is a map network of {inputs} inputs and {outputs} maps (version 2?), which "
        "depends on the order of its filters; only versions 1 and 3 can be opened."
    )


def _numbers(pattern: str, names: Iterable[str]) -> list[int]:
    return [int(found[1]) for name in names if (found := re.match(pattern, name))]


def _softplus(raw: float) -> float:
    """Return their constrained scalar; far from zero it is the number itself."""
    return raw if raw > 30 else math.log1p(math.exp(_SLOPE * raw)) / _SLOPE


def _foreign(path: Path) -> CscError:
    return CscError(
        f"{path.name} holds no map network of the published method (no weights called "
        f"{NETWORK_KEY}encoder...); save the state dict of the whole model."
    )
