"""Do maps say something about their filter? Figures of their logarithms, inside the object."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import torch

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps import MapNetwork
from napari_csc.learn.evaluation import tables
from napari_csc.learn.evaluation.experiments.bench import Bench
from napari_csc.learn.evaluation.experiments.section import Column, Section
from napari_csc.learn.evaluation.images import EvaluationImage
from napari_csc.learn.evaluation.methods.sparse_coding import SparseCoding
from napari_csc.learn.evaluation.situations import Condition

Tensor = torch.Tensor

FIGURES = ("between filters", "own part, other noise", "own part, own response")
_FAINTEST = 0.001


def figures_of_maps(maps: Tensor, again: Tensor, responses: Tensor) -> dict[str, float]:
    """Return what the maps of one image say about their filters.

    Parameters
    ----------
    maps, again
        Maps (K, pixel) in units of the noise, inside the object, of two noise realisations.
    responses
        Magnitudes (K, pixel) of the responses of the filters to the true image, in units of the
        noise.

    Returns
    -------
    dict
        ``between filters``: the mean correlation between the logarithms of the maps of two
        filters. The *own part* is such a logarithm less its mean over the filters; its correlation
        with the one of the other noise (high: it is no noise), and with the logarithm of one plus
        the response, less its mean (low: a map is low where its filter is at work).
    """
    logarithms = [torch.log(one.double() + _FAINTEST).numpy() for one in (maps, again)]
    own = [one - one.mean(0) for one in logarithms]
    response = torch.log1p(responses.double()).numpy()
    response = response - response.mean(0)
    count = len(own[0])
    together = _rows_correlated(logarithms[0], logarithms[0])
    between = (together.sum() - np.trace(together)) / max(1, count * (count - 1))
    stable = np.diagonal(_rows_correlated(own[0], own[1])).mean()
    at_work = np.diagonal(_rows_correlated(own[0], response)).mean()
    return dict(zip(FIGURES, (float(between), float(stable), float(at_work)), strict=True))


def _rows_correlated(
    one: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    other: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the correlation of each row of one array with each row of the other."""
    parts = []
    for values in (one, other):
        centred = values - values.mean(1, keepdims=True)
        parts.append(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12))
    return parts[0] @ parts[1].T


def measure(method: SparseCoding, image: EvaluationImage) -> Mapping[str, float]:
    """Return the figures of the maps of a method on an image, its usual scan and two noises."""
    inside = image.object
    maps = []
    for seed in (0, 1):
        result = method.reconstructor(Condition(seed=seed).scan(image))
        sigma = result.noise_std
        maps.append(result.sparsity_maps[0][:, inside] / sigma)
    responses = _responses(method.dictionary, image.image)[:, inside] / sigma
    return figures_of_maps(maps[0], maps[1], responses)


def _responses(dictionary: Dictionary, image: Tensor) -> Tensor:
    height, width = image.shape
    synthesis = SynthesisOperator(dictionary.filters, (height, width))
    return synthesis.adjoint(image).abs()


def run(bench: Bench) -> Section | None:
    """Measure the maps of all networks."""
    networks = [one for one in bench.networks if isinstance(one.maps, MapNetwork)]
    if not networks:
        return None
    body = []
    columns: dict[str, dict[str, float]] = {name: {} for name in FIGURES}
    for method in networks:
        found = [
            bench.figures(
                "maps",
                "",
                method,
                f"{image.group} {image.subject}",
                image.number,
                partial(measure, method, image),
            )
            for image in bench.images
        ]
        for name, column in columns.items():
            column[method.name] = float(np.mean([one[name] for one in found]))
        body.append([method.name, *(f"{column[method.name]:.2f}" for column in columns.values())])
    return Section(
        tables.markdown(["network", *FIGURES], body),
        [Column(f"maps: {name}", values, "{:.2f}") for name, values in columns.items()],
    )
