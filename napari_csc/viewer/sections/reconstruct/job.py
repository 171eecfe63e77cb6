"""What a worker does: a frozen job becomes an outcome. No Qt, no napari, no shared state."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.corrections import corrected
from napari_csc.core.acquisition.lazy import in_memory
from napari_csc.core.maps.cache import MapCache
from napari_csc.core.metrics import METRICS
from napari_csc.core.reconstruction.progress import Progress
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.viewer.background.step import Step
from napari_csc.viewer.images.views import Windows

_FIGURES = ("ssim", "nmse")
"""Of `METRICS`, those that are measured after every run; the comparison has all of them."""
_SETTLED = 3
"""The iterations before this one are not shown where there is a rough picture already."""


@dataclass(frozen=True, eq=False)
class Baseline:
    """An unshuffled result to compare shuffled ones with, and what it holds for."""

    settings: ReconstructionSettings
    digest: str
    noise_std: float
    image: torch.Tensor


@dataclass(frozen=True, eq=False)
class Job:
    """Everything a run needs, frozen when it starts."""

    acquisition: Acquisition
    settings: ReconstructionSettings
    slices: tuple[int, ...] | None = None
    sampled: tuple[int, int] | None = None
    noise_std: float | None = None
    baseline: Baseline | None = None
    map_cache: MapCache | None = None
    before: torch.Tensor | None = None
    """Image of the result that was shown when the run began, of the same slices."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a finished job hands to the viewer."""

    job: Job
    acquisition: Acquisition
    """What was reconstructed: corrected by the user, cut to the slices that were asked for."""
    result: Reconstruction
    windows: Windows
    seconds: float
    baseline: Baseline | None = None
    shuffle_change: float | None = None
    """Largest difference to the unshuffled image, relative to its maximum."""
    change: float | None = None
    """``||x - x_before|| / ||x_before||`` to the result before."""
    figures: dict[str, tuple[float, float]] | None = None
    """SSIM and NMSE against the reference: (initial image, reconstruction)."""

    @property
    def sentence(self) -> str:
        """What to say about it."""
        done = f"Done in {self.seconds:.1f} s."
        if self.shuffle_change is not None:
            change = self.shuffle_change
            share = f"{100 * change:.1f} %" if change > 1e-3 else f"{change:.1e}"
            return (
                f"Shuffled (seed {self.job.settings.shuffle_seed}): image changed by at most "
                f"{share} of its maximum. {done}"
            )
        if self.change is None:
            return done
        share = "less than 0.01 %" if self.change < 1e-4 else f"{100 * self.change:.2g} %"
        return f"{done} The image changed by {share} (root mean square)."


def prepared(job: Job) -> Acquisition:
    """Return the acquisition of a job with the user's corrections, cut to the asked slices."""
    acquisition = corrected(job.acquisition, job.sampled, job.noise_std)
    return in_memory(acquisition) if job.slices is None else acquisition.select(job.slices)


def run_job(job: Job, report: Callable[[Step], None], should_stop: Callable[[], bool]) -> Outcome:
    """Reconstruct, and for shuffled filters compare with the unshuffled image.

    Raises
    ------
    CscError
        If input and settings do not fit; `ReconstructionStopped` if it was cancelled.
    """
    begin = time.perf_counter()
    acquisition = prepared(job)
    baseline = _baseline(job, acquisition, report, should_stop, begin)
    reporter = _Reporter(report, begin, acquisition.shape)
    result = _reconstruct(job, job.settings, acquisition, reporter, should_stop)
    change = None
    if job.settings.shuffle_seed is None:
        baseline = Baseline(job.settings, acquisition.digest, result.noise_std, result.image)
    elif baseline is not None:
        peak = float(baseline.image.abs().max()) or 1.0
        change = float((result.image - baseline.image).abs().max()) / peak
    return Outcome(
        job=job,
        acquisition=acquisition,
        result=result,
        windows=Windows.of(result),
        seconds=time.perf_counter() - begin,
        baseline=baseline,
        shuffle_change=change,
        change=_change(result.image, job.before),
        figures=_figures(result),
    )


def _baseline(
    job: Job,
    acquisition: Acquisition,
    report: Callable[[Step], None],
    should_stop: Callable[[], bool],
    begin: float,
) -> Baseline | None:
    """Return the unshuffled result to compare with: the one at hand if it fits, else a new one."""
    if job.settings.shuffle_seed is None:
        return None
    settings = job.settings.model_copy(update={"shuffle_seed": None})
    sigma, known = acquisition.noise_std, job.baseline
    if known is not None and (known.settings, known.digest, known.noise_std) == (
        settings,
        acquisition.digest,
        sigma,
    ):
        return known
    # Without pictures: the viewer shows the shuffled result only.
    reporter = _Reporter(report, begin, acquisition.shape, "Unshuffled, to compare with: ", False)
    image = _reconstruct(job, settings, acquisition, reporter, should_stop).image
    return Baseline(settings, acquisition.digest, sigma, image)


def _reconstruct(
    job: Job,
    settings: ReconstructionSettings,
    acquisition: Acquisition,
    reporter: _Reporter,
    should_stop: Callable[[], bool],
) -> Reconstruction:
    # Shuffled filters get maps of their own: it must be seen that nothing changes, not assumed.
    reconstructor = Reconstructor.from_settings(settings, map_cache=job.map_cache)
    reporter.begin()
    return reconstructor(
        acquisition,
        on_iteration=reporter,
        should_stop=should_stop,
        early_picture=reporter.with_pictures,
    )


class _Reporter:
    """Turns the progress of the solver into steps, with a picture now and then."""

    def __init__(
        self,
        report: Callable[[Step], None],
        begin: float,
        shape: tuple[int, int, int],
        prefix: str = "",
        with_pictures: bool = True,
    ) -> None:
        self._report, self._begin, self._shape = report, begin, shape
        self._prefix, self.with_pictures = prefix, with_pictures
        self._has_rough = False

    def begin(self) -> None:
        """Tell that the work has begun: maps take a while before the iterations."""
        seconds = time.perf_counter() - self._begin
        self._report(Step(f"{self._prefix}inferring the sparsity maps…", seconds=seconds))

    def _flickers(self, progress: Progress) -> bool:
        """Return whether an iterate is still darker or brighter than the rough picture there."""
        is_rough = progress.stage == "early picture"
        is_last = progress.iteration == progress.iterations
        return self._has_rough and not is_rough and not is_last and progress.iteration < _SETTLED

    def __call__(self, progress: Progress) -> None:
        if not progress.picture_due:
            return
        picture = None
        if self.with_pictures and not self._flickers(progress):
            picture = np.asarray(progress.current_image())
        if progress.stage == "early picture":
            self._has_rough = True
            self._report(
                Step(
                    "rough picture; inferring the sparsity maps…",
                    seconds=time.perf_counter() - self._begin,
                    slice_index=progress.slice_index,
                    shape=self._shape,
                    picture=picture,
                    is_rough=True,
                )
            )
            return
        where = ""
        if progress.n_slices > 1:
            where = f"slice {progress.slice_index + 1} of {progress.n_slices}, "
        self._report(
            Step(
                text=f"{self._prefix}{where}iteration {progress.iteration} of "
                f"{progress.iterations}",
                done=progress.slice_index * progress.iterations + progress.iteration,
                total=progress.n_slices * progress.iterations,
                objective=progress.objective,
                seconds=time.perf_counter() - self._begin,
                slice_index=progress.slice_index,
                shape=self._shape,
                picture=picture,
            )
        )


def _change(image: torch.Tensor, before: torch.Tensor | None) -> float | None:
    if before is None or before.shape != image.shape:
        return None
    size = float(torch.linalg.vector_norm(before))
    return float(torch.linalg.vector_norm(image - before)) / size if size > 0 else None


def _figures(result: Reconstruction) -> dict[str, tuple[float, float]] | None:
    truth = result.reference
    if truth is None or truth.shape != result.image.shape or min(truth.shape[1:]) < 7:
        return None
    return {
        one.name: (one.value(truth, result.initial), one.value(truth, result.image))
        for one in (METRICS[name] for name in _FIGURES)
    }
