"""The repeat test: the error of a method on a real scan, without any truth.

Two repeats of a scan have independent noise, so ``mean |A x(y1) - y2|^2 - sigma^2`` is the error of
the image ``x`` that a method makes of the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.fourier import kspace_to_image
from napari_csc.errors import CscError
from napari_csc.learn.evaluation import tables
from napari_csc.learn.evaluation.experiments.bench import Bench
from napari_csc.learn.evaluation.experiments.section import Column, Section
from napari_csc.learn.evaluation.methods.method import Method, takes
from napari_csc.learn.evaluation.situations import named

Tensor = torch.Tensor
Mask = npt.NDArray[np.bool_]

REGIONS = ("object", "background", "core", "rim")
OWN, TRUE = "σ of one repeat", "σ of the repeats"
_SLICES = 2
_OBJECT_LEVEL = 0.15
_CORE = 14


@dataclass(frozen=True, eq=False)
class Repeats:
    """Repeats of one slice.

    Attributes
    ----------
    subject : str
        Name of the file.
    number : int
        Number of the slice.
    scans : list of Acquisition
        One for each repeat.
    """

    subject: str
    number: int
    scans: list[Acquisition]

    @property
    def variance(self) -> float:
        """The noise variance of one sample, from the differences."""
        first, second = (self._samples(n) for n in (0, 1))
        return float((first - second).abs().square().mean()) / 2

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Which repeat is reconstructed, and which one it is held against."""
        count = len(self.scans)
        return [(n, (n + 1) % count) for n in range(count)]

    def error(self, image: Tensor, here: int, there: int) -> dict[str, float]:
        """Return the error of the image (y, x) of a repeat, in units of the noise variance.

        Of the whole image, and of its regions: there the residual of the samples, transformed to an
        image, is held against the difference of the repeats, as noise need not be the same
        everywhere.
        """
        scan, other = self.scans[here], self.scans[there]
        left = scan.forward(image[None].to(torch.complex64)) - other.kspace
        noise = (scan.kspace - other.kspace) / 2**0.5
        mask, variance = scan.mask, self.variance

        def excess(residual: Tensor, own: Tensor) -> float:
            return float(residual.abs().square().mean() - own.abs().square().mean()) / variance

        found = {"error": excess(left[..., mask], noise[..., mask])}
        if not scan.is_masked_fourier:
            return found
        in_image = [kspace_to_image(one)[0, 0] for one in (left, noise)]
        # A pixel holds the noise of the sampled share only.
        share = float(mask.float().mean())
        for name, region in self.regions().items():
            inside = torch.from_numpy(region)
            if bool(inside.any()):
                found[name] = excess(in_image[0][inside], in_image[1][inside]) / share
        return found

    def regions(self) -> dict[str, Mask]:
        """Return object, background, core and rim of the object, from the mean of the repeats."""
        from scipy.ndimage import binary_erosion, binary_fill_holes, gaussian_filter

        together = sum(scan.adjoint()[0] for scan in self.scans)
        assert isinstance(together, Tensor)
        smooth = gaussian_filter(together.abs().numpy(), 1.5)
        inside = binary_fill_holes(smooth > _OBJECT_LEVEL * np.quantile(smooth, 0.99))
        core = binary_erosion(inside, iterations=_CORE)
        return dict(zip(REGIONS, (inside, ~inside, core, inside & ~core), strict=True))

    def _samples(self, number: int) -> Tensor:
        scan = self.scans[number]
        return scan.kspace[..., scan.mask] if scan.is_cartesian else scan.kspace


def load_repeats(path: Path, slices: int = _SLICES) -> list[Repeats]:
    """Read the repeats of the middle slices of a file.

    Raises
    ------
    CscError
        If the file has no repeats.
    """
    from napari_csc.io.load import load

    first = load(path, repeat=0)
    count = int(first.metadata.get("repeats", 1))
    if count < 2:
        raise CscError(f"{path.name} holds no repeats; the repeat test needs at least two.")
    whole = [first, *(load(path, repeat=number) for number in range(1, count))]
    sampled = torch.stack([one.mask for one in whole]).all(0)
    start = (first.shape[0] - slices) // 2 if first.shape[0] > slices else 0
    return [
        Repeats(
            path.name,
            number,
            [
                named(_common(one, sampled).select(number), f"{path.stem}_repeat{index}", number)
                for index, one in enumerate(whole)
            ],
        )
        for number in range(start, min(start + slices, first.shape[0]))
    ]


def _common(scan: Acquisition, sampled: Tensor) -> Acquisition:
    if not scan.is_cartesian or bool((scan.mask == sampled).all()):
        return scan
    missing = torch.nonzero(scan.mask & ~sampled)
    return scan.without_samples([(int(ky), int(kx)) for ky, kx in missing])


def repeat_error(method: Method, repeats: Repeats, condition: str) -> dict[str, float]:
    """Return the errors of a method, the mean over all pairs of repeats.

    Parameters
    ----------
    method
        What is tested.
    repeats
        Of one slice.
    condition
        `OWN`: the method is told the noise level that is found in the one repeat it sees; `TRUE`:
        the one that the repeats tell together.
    """
    told = None if condition == OWN else repeats.variance**0.5
    found = []
    for here, there in repeats.pairs:
        scan = repeats.scans[here]
        image = method(scan if told is None else scan.with_noise_std(told)).cpu()
        found.append(repeats.error(image, here, there))
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def run(bench: Bench) -> Section | None:
    """Test all methods on all files with repeats."""
    paths = sorted(path for one in bench.plan.repeats for path in bench.plan.data.glob(one))
    slices = [one for path in paths for one in load_repeats(path)]
    if not slices:
        return None
    body: list[list[str]] = []
    columns: dict[str, dict[str, float]] = {OWN: {}, TRUE: {}}
    for method in bench.methods:
        if not takes(method, slices[0].scans[0]):
            continue
        cells = []
        for condition, column in columns.items():
            found = [
                bench.figures(
                    "repeats",
                    condition,
                    method,
                    one.subject,
                    one.number,
                    partial(repeat_error, method, one, condition),
                )
                for one in slices
            ]
            column[method.name] = float(np.mean([figures["error"] for figures in found]))
            cells.append(f"{column[method.name]:.3f}")
            if condition == OWN:
                for region in REGIONS:
                    values = [figures[region] for figures in found if region in figures]
                    cells.append(f"{np.mean(values):.2f}" if values else "–")
        body.append([method.name, *cells])
    files = ", ".join(dict.fromkeys(f"{one.subject} slice {one.number}" for one in slices))
    head = ["method", f"error, {OWN}", *REGIONS, f"error, {TRUE}"]
    text = f"{files}; all directions.\n\n{tables.markdown(head, body)}"
    return Section(text, [Column(f"repeats, {name}", values) for name, values in columns.items()])
