"""The risk of a method on a measured scan, without any truth or repeat (SURE)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.trust.noise_draws import draw_noise
from napari_csc.core.trust.trials import measuring
from napari_csc.learn.evaluation import tables
from napari_csc.learn.evaluation.experiments.bench import Bench
from napari_csc.learn.evaluation.experiments.section import Column, Section
from napari_csc.learn.evaluation.methods.method import Method, takes
from napari_csc.learn.evaluation.situations import named

Tensor = torch.Tensor

_STEP = 0.1


def risk(method: Callable[[Acquisition], Tensor], scan: Acquisition, seed: int = 0) -> float:
    """Return the estimated error of the samples of an image, in units of the noise variance.

    ``mean |A f(y) - y|^2 / sigma^2 - 1 + 2 Re<b, A f(y + e b) - A f(y)> / (e N)`` with one complex
    normal ``b`` in the N samples and ``e`` a tenth of sigma. Where the noise varies over the image
    or over k-space, so does ``b``.

    As `napari_csc.estimate_risk`, for anything that makes an image of a scan.

    Parameters
    ----------
    method
        Reconstructs a scan of one slice.
    scan
        The scan.
    seed
        Of the perturbation.

    References
    ----------
    Stein, Ann. Stat. 1981; Ramani et al., IEEE Trans. Image Process. 2008.
    """
    sigma = scan.noise_std
    held = scan.mask if scan.is_cartesian else torch.ones(scan.kspace.shape[-1], dtype=torch.bool)
    probe = draw_noise(scan, torch.Generator().manual_seed(seed))
    step = _STEP * sigma
    moved = measuring(scan, scan.kspace + step * probe)
    first, second = (
        scan.forward(method(one).cpu()[None].to(torch.complex64)) for one in (scan, moved)
    )
    count = int(held.sum()) * scan.kspace[..., 0, 0].numel() if scan.is_cartesian else probe.numel()
    misfit = float(((first - scan.kspace) * held).abs().square().sum()) / (count * sigma**2)
    product = float(torch.vdot(probe.flatten(), (second - first).flatten()).real)
    return misfit - 1 + 2 * product / (step * count)


def _figures(method: Method, scan: Acquisition) -> dict[str, float]:
    return {"risk": risk(method, scan)}


def run(bench: Bench) -> Section | None:
    """Estimate the risk of all methods on the middle slices of some scans."""
    from napari_csc.io.load import load

    paths = sorted(path for one in bench.plan.chooses for path in bench.plan.data.glob(one))
    if not paths:
        return None
    scans = {}
    for path in paths:
        whole = load(path)
        number = whole.shape[0] // 2
        scans[path.name] = (number, named(whole.select(number), path.stem, number))
    body: list[list[str]] = []
    means: dict[str, float] = {}
    for method in bench.methods:
        if not all(takes(method, scan) for _, scan in scans.values()):
            continue
        found = [
            bench.figures(
                "risk",
                "noise as it is",
                method,
                name,
                number,
                partial(_figures, method, scan),
            )["risk"]
            for name, (number, scan) in scans.items()
        ]
        means[method.name] = float(np.mean(found))
        body.append([method.name, *(f"{one:.3f}" for one in [*found, means[method.name]])])
    return Section(
        tables.markdown(["method", *scans, "mean"], body), [Column("risk (SURE)", means)]
    )
