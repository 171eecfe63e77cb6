"""What a method promises, measured: shuffling, dropping, scale, phase, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from napari_csc.core import metrics
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.simulate import IMAGE_MAXIMUM
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.filter_set import filter_set
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps import MapNetwork
from napari_csc.learn.evaluation.images import EvaluationImage
from napari_csc.learn.evaluation.methods.sparse_coding import SparseCoding

Tensor = torch.Tensor


def shuffling(method: SparseCoding, scan: Acquisition, permutations: int = 20) -> dict[str, float]:
    """Return the largest and the median relative change of the image under permutations."""
    plain = method(scan)
    changes = []
    for seed in range(permutations):
        shuffled = method.with_dictionary(method.dictionary.permuted(seed + 1))
        changes.append(float((shuffled(scan) - plain).norm() / plain.norm()))
    return {"largest": max(changes), "median": float(np.median(changes))}


def dropping(
    method: SparseCoding, image: EvaluationImage, scan: Acquisition, shares: Sequence[float]
) -> dict[float, float]:
    """Return SSIM with a share of the filters left out at random, the mean of three draws."""
    count = len(method.dictionary)
    found = {}
    for share in shares:
        values = []
        for seed in range(3 if share else 1):
            order = np.random.default_rng(seed).permutation(count)
            kept = sorted(order[: max(1, round((1 - share) * count))].tolist())
            fewer = method.with_dictionary(method.dictionary.subset(kept))
            values.append(metrics.ssim(image.image, fewer(scan), IMAGE_MAXIMUM))
        found[share] = float(np.mean(values))
    return found


def equivariance(method: SparseCoding, scan: Acquisition) -> dict[str, float]:
    """Return the relative change when the data are scaled by 1000 and turned in phase by one rad.

    Zero means that scaling or turning the data does the same to the image, and nothing else.
    """
    plain = method(scan)
    found = {}
    for name, factor in (("scale", 1000 + 0j), ("phase", complex(np.exp(1j)))):
        changed = Acquisition.from_kspace(
            scan.kspace * factor, scan.mask, noise_std=scan.noise_std * abs(factor)
        )
        found[name] = float((method(changed) / factor - plain).norm() / plain.norm())
    return found


def cost(network: MapNetwork, dictionary: Dictionary, size: int = 320) -> dict[str, Any]:
    """Return the parameters of a map network and its multiply-adds for one square image."""
    from torch.utils.flop_counter import FlopCounterMode

    metadata = network.metadata
    filters = filter_set(dictionary, metadata.smooth, metadata.smooth_widths)
    synthesis = SynthesisOperator(filters, (size, size))
    image = torch.ones(1, size, size, dtype=torch.complex64)
    mask = torch.ones(size, size)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(image, synthesis, mask)
    return {
        "parameters": sum(one.numel() for one in network.parameters()),
        "giga_multiply_adds": counter.get_total_flops() / 2e9,
    }
