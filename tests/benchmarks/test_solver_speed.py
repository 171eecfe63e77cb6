"""Time per iteration against mrpro, and time and memory of a whole reconstruction.

Run by ``make bench``. Both solvers do the same iteration on the same problem in one process,
interleaved; the figures are printed and written to ``build/benchmarks``.
"""

import json
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from mrpro.algorithms.optimizers import pgd
from mrpro.operators import ConvSynthesisDictionaryOp
from mrpro.operators.functionals import L1Norm, L2NormSquared
from mrpro.operators.LinearOperator import LinearOperator

import napari_csc as csc
from napari_csc.core.data_term import CartesianDataTerm
from napari_csc.core.filter_spectra import filter_spectra, uniform_steps
from napari_csc.core.phantom import head_phantom
from napari_csc.core.sampling_masks import central_mask
from napari_csc.core.solvers import Fista

SIZE, COUNT, WIDTH = 320, 64, 11
OUT = Path(__file__).parents[2] / "build" / "benchmarks"


class MaskedFourier(LinearOperator):
    """Unitary FFT and sampling mask, as an mrpro operator."""

    def __init__(self, mask: torch.Tensor) -> None:
        super().__init__()
        self.mask = mask

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        return (torch.fft.fft2(x, norm="ortho") * self.mask,)

    def adjoint(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        return (torch.fft.ifft2(x * self.mask, norm="ortho"),)


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def report(name: str, figures: dict[str, float]) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{name}.json").write_text(json.dumps(figures, indent=2))
    print(f"\n{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in figures.items()))


def test_iteration_against_mrpro() -> None:
    dictionary = csc.Dictionary.dct(COUNT, WIDTH)
    mask = torch.fft.ifftshift(central_mask((SIZE, SIZE), 160)).float()
    generator = torch.Generator().manual_seed(0)
    data = torch.randn(SIZE, SIZE, dtype=torch.complex64, generator=generator) * mask
    spectra = filter_spectra(dictionary.filters, (SIZE, SIZE))
    steps = uniform_steps(spectra)
    level, step = 0.3, float(steps[0])
    ours = Fista(
        spectra,
        CartesianDataTerm(data, mask),
        torch.full((COUNT, SIZE, SIZE), level),
        steps,
        momentum=lambda n: max(n - 2, 0) / (n + 2),
    )
    # mrpro correlates where we convolve, hence the flip.
    operator = MaskedFourier(mask) @ ConvSynthesisDictionaryOp(dictionary.filters.flip((-2, -1)))
    misfit = 0.5 * L2NormSquared(target=data) @ operator
    start = torch.zeros(COUNT, SIZE, SIZE, dtype=torch.complex64)

    def peer(iterations: int) -> torch.Tensor:
        (codes,) = pgd(misfit, level * L1Norm(), start, step, iterations, 1.0, True)
        return codes

    for _ in range(3):
        ours.step()
    difference = (peer(3) - ours.codes).abs().max() / ours.codes.abs().max()
    times: dict[str, list[float]] = {"ours": [], "mrpro": []}
    for _ in range(5):
        times["ours"].append(seconds(lambda: [ours.step() for _ in range(4)]) / 4)
        times["mrpro"].append(seconds(lambda: peer(2)) / 2)
    medians = {name: 1e3 * statistics.median(values) for name, values in times.items()}
    report(
        "iteration",
        {
            "ours_ms": medians["ours"],
            "mrpro_pgd_ms": medians["mrpro"],
            "ratio": medians["mrpro"] / medians["ours"],
            "relative_difference": float(difference),
        },
    )
    assert difference < 1e-5


def test_whole_reconstruction() -> None:
    """The shipped default: V3, 64 iterations, 64 filters of 11x11, one slice of 320x320."""
    image = head_phantom(SIZE, 1)
    acquisition = csc.simulate_low_field(image, generator=torch.Generator().manual_seed(0))
    network = csc.load_map_network("v3")
    reconstruct = csc.Reconstructor(csc.Dictionary.dct(COUNT, WIDTH), network)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    elapsed = [seconds(lambda: reconstruct(acquisition)) for _ in range(3)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report(
        "reconstruction",
        {
            "seconds": statistics.median(elapsed),
            "peak_memory_mb": peak / 1024,
            "peak_before_mb": before / 1024,
        },
    )
