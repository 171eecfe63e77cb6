"""Measurements that need a process of their own: ``child.py '{"task": ..., ...}'``."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from measure import Peak, Spread, resident, seconds

import napari_csc as csc
from napari_csc.core.dictionary.spectra import per_filter_steps
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.reconstruction.slices.one_slice import SliceWork
from napari_csc.core.solvers import chambolle_dossal, unrolled_fista
from napari_csc.phantom.head import head_phantom


def reconstruction(
    path: str, count: int, width: int, solver: str, iterations: int | None, repeats: int
) -> dict[str, Any]:
    """Time, parts and peak memory of a whole reconstruction with V3."""
    _touch_everything()
    imported = resident()
    scan = torch.load(path, weights_only=False)
    network = csc.load_map_network("v3")
    dictionary = csc.Dictionary.dct(count, width)
    small = csc.simulate_low_field(head_phantom(32, 1), 16)
    csc.Reconstructor(csc.Dictionary.dct(2, 9), network, iterations=2)(small)
    reconstruct = csc.Reconstructor(dictionary, network, solver=solver, iterations=iterations)
    estimate = reconstruct.estimate_memory(scan).peak
    parts: dict[str, list[float]] = {"maps": [], "solver": []}
    _clock(SliceWork, "infer_maps", parts["maps"])
    _clock(SliceWork, "run", parts["solver"])
    with Peak() as peak:
        whole = [seconds(lambda: reconstruct(scan))]
    whole += [seconds(lambda: reconstruct(scan)) for _ in range(repeats - 1)]
    rest = [a - b - c for a, b, c in zip(whole, parts["maps"], parts["solver"], strict=True)]
    return {
        "iterations": reconstruct.settings.iterations,
        "whole": vars(Spread.of(whole)),
        "maps": vars(Spread.of(parts["maps"])),
        "solver": vars(Spread.of(parts["solver"])),
        "rest": vars(Spread.of(rest)),
        "peak_bytes": peak.bytes,
        "above_imports": peak.highest - imported,
        "estimate_bytes": estimate,
    }


def first_picture(path: str, count: int, width: int, repeats: int) -> dict[str, Any]:
    """From the click to the early picture: at once after the start, and later on."""
    scan = torch.load(path, weights_only=False)
    settings = csc.ReconstructionSettings(dictionary=f"dct-{count}-{width}", maps="v3")
    both, calls = [], []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        reconstruct = csc.Reconstructor.from_settings(settings)
        called = time.perf_counter()
        shown = _time_of_picture(reconstruct, scan)
        both.append(shown - begin)
        calls.append(shown - called)
    return {
        "cold": both[0],
        "with_construction": vars(Spread.of(both[1:])),
        "call": vars(Spread.of(calls[1:])),
    }


def training(
    path: str, way: str, count: int, width: int, iterations: int, repeats: int, out: str
) -> dict[str, Any]:
    """Time and memory of a step: solve, compare with the truth, differentiate by the maps."""
    from peers import Problem

    size = torch.load(path, weights_only=False).shape[-1]
    problem = Problem(size, count, width)
    steps = per_filter_steps(problem.spectra)
    synthesis = SynthesisOperator(problem.filters, problem.grid)
    draw = torch.Generator().manual_seed(2)
    truth = torch.randn(size, size, dtype=torch.complex64, generator=draw)
    maps = problem.maps.requires_grad_()

    def step(iterations: int) -> None:
        maps.grad = None
        if way.startswith("plain"):
            codes = plain_unrolled(problem, steps, maps, iterations, way)
        else:
            every = 8 if way == "ours, checkpoints" else None
            codes = unrolled_fista(
                synthesis, problem.term, maps, steps, iterations, checkpoint_every=every
            )
        error = synthesis.to_spectrum(codes) - truth
        torch.view_as_real(error).square().mean().backward()

    step(2)
    with Peak() as peak:
        step(iterations)
    taken = [seconds(lambda: step(iterations)) for _ in range(repeats)]
    assert maps.grad is not None
    torch.save(maps.grad, out)
    return {"seconds": vars(Spread.of(taken)), "peak_bytes": peak.bytes}


def plain_unrolled(
    problem: Any, steps: torch.Tensor, maps: torch.Tensor, iterations: int, way: str
) -> torch.Tensor:
    """FISTA as one writes it down, with whatever autograd keeps of it."""
    from peers import TorchConv

    conv = TorchConv(problem) if way == "plain conv" else None
    sizes = steps[:, None, None]
    codes = previous = torch.zeros(maps.shape, dtype=torch.complex64)
    for iteration in range(iterations):
        weight = chambolle_dossal(iteration)
        point = codes + weight * (codes - previous)
        if conv is None:
            spectrum = (problem.spectra * torch.fft.fft2(point, norm="ortho")).sum(0)
            residual = problem.mask * spectrum - problem.data
            gradient = torch.fft.ifft2(problem.spectra.conj() * residual, norm="ortho")
        else:
            image = conv.synthesis(torch.stack([point.real, point.imag]))
            spectrum = torch.fft.fft2(torch.complex(image[0], image[1]), norm="ortho")
            residual = torch.fft.ifft2(problem.mask * spectrum - problem.data, norm="ortho")
            both = conv.analysis(torch.stack([residual.real, residual.imag]))
            gradient = torch.complex(both[0], both[1])
        values = point - sizes * gradient
        modulus = values.abs().clamp_min(1e-12)
        codes, previous = values * (torch.relu(modulus - sizes * maps) / modulus), codes
    return codes


def _time_of_picture(reconstruct: csc.Reconstructor, scan: csc.Acquisition) -> float:
    shown: list[float] = []

    def on_iteration(progress: Any) -> bool:
        if progress.stage == "early picture":
            progress.current_image()
            shown.append(time.perf_counter())
        return False

    reconstruct(scan, on_iteration=on_iteration, early_picture=True)
    return shown[0]


def _clock(owner: type, name: str, into: list[float]) -> None:
    original = getattr(owner, name)

    def clocked(*args: Any) -> Any:
        begin = time.perf_counter()
        result = original(*args)
        into.append(time.perf_counter() - begin)
        return result

    setattr(owner, name, clocked)


def _touch_everything() -> None:
    """Names of the package are loaded on first use: do it, so that imports are over."""
    for name in csc.__all__:
        getattr(csc, name)


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "reconstruction": reconstruction,
    "first_picture": first_picture,
    "training": training,
}


def main() -> None:
    arguments = json.loads(sys.argv[1])
    print(json.dumps(TASKS[arguments.pop("task")](**arguments)))


if __name__ == "__main__":
    main()
