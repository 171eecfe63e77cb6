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
from napari_csc.core.maps.edits import edits_of_slice
from napari_csc.core.metrics import METRICS
from napari_csc.core.reconstruction.last_codes import LastCodes
from napari_csc.core.reconstruction.progress import Progress, Stage
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.viewer.background.step import Step
from napari_csc.viewer.images.views import Windows
from napari_csc.viewer.words import tr

_FIGURES = ("ssim", "nmse")
"""Of `METRICS`, those that are measured after every run; the comparison has all of them."""
_SETTLED = 3
"""The iterations before this one are not shown where there is a rough picture already."""
_AS_GOOD = 0.7
"""The same after a quick picture, as a share of all: about when iterations come nearer (measured
with the default network: the quick picture is 2 to 6 % from the result, as iteration 8 to 10 of
16)."""


@dataclass(frozen=True, eq=False)
class Baseline:
    """An image to compare those of other orders of the same filters with, and what it holds for.

    Attributes
    ----------
    settings : ReconstructionSettings
        What it was made with, but for the order.
    shuffle_seed : int or None
        The order.
    digest, noise_std
        Of the scan.
    image : Tensor
        The image (slice, y, x), complex.
    """

    settings: ReconstructionSettings
    shuffle_seed: int | None
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
    last_codes: LastCodes | None = None
    """Where quick pictures go on from; results do not."""
    before: torch.Tensor | None = None
    """Image of the result that was shown when the run began, of the same slices."""

    @property
    def settings_here(self) -> ReconstructionSettings:
        """The settings for what is reconstructed: edits of maps count its slices."""
        settings = self.settings
        if self.slices is None or not settings.map_edits:
            return settings
        (number,) = self.slices
        return settings.model_copy(update={"map_edits": edits_of_slice(settings.map_edits, number)})


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
    """Largest difference to the image of another order, relative to its maximum."""
    change: float | None = None
    """``||x - x_before|| / ||x_before||`` to the result before."""
    figures: dict[str, tuple[float, float]] | None = None
    """SSIM and NMSE against the reference: (initial image, reconstruction)."""

    @property
    def first_slice(self) -> int:
        """The slice of the input that the first one of the result is."""
        return 0 if self.job.slices is None else self.job.slices[0]

    @property
    def sentence(self) -> str:
        """What to say about it."""
        done = tr("Done in {seconds:.1f} s.").format(seconds=self.seconds)
        if self.shuffle_change is not None:
            change = self.shuffle_change
            share = f"{100 * change:.1f} %" if change > 1e-3 else f"{change:.1e}"
            order = order_in_words(self.job.settings.shuffle_seed)
            return tr("{order}: image changed by at most {share} of its maximum. {done}").format(
                order=order, share=share, done=done
            )
        if self.change is None:
            return done
        share = tr("less than 0.01 %") if self.change < 1e-4 else f"{100 * self.change:.2g} %"
        return tr("{done} The image changed by {share} (root mean square).").format(
            done=done, share=share
        )


def order_in_words(shuffle_seed: int | None) -> str:
    """Return which order of the filters a seed stands for."""
    if shuffle_seed is None:
        return tr("In the original order")
    return tr("Shuffled (seed {seed})").format(seed=shuffle_seed)


def prepared(job: Job) -> Acquisition:
    """Return the acquisition of a job with the user's corrections, cut to the asked slices."""
    acquisition = corrected(job.acquisition, job.sampled, job.noise_std)
    return in_memory(acquisition) if job.slices is None else acquisition.select(job.slices)


def run_job(job: Job, report: Callable[[Step], None], should_stop: Callable[[], bool]) -> Outcome:
    """Reconstruct, and compare with the image of another order of the filters, if there is one.

    Raises
    ------
    CscError
        If input and settings do not fit; `ReconstructionStopped` if it was cancelled.
    """
    begin = time.perf_counter()
    acquisition = prepared(job)
    reporter = _Reporter(report, begin, acquisition.shape)
    result = _reconstruct(job, acquisition, reporter, should_stop)
    baseline, change = _compared(job, acquisition, result.image)
    return Outcome(
        job=job,
        acquisition=acquisition,
        result=result,
        windows=Windows.of(result),
        seconds=time.perf_counter() - begin,
        baseline=baseline,
        shuffle_change=change,
        change=_change(result.image, job.before),
        figures=measured(result),
    )


def _compared(
    job: Job, acquisition: Acquisition, image: torch.Tensor
) -> tuple[Baseline, float | None]:
    """Return what further orders are compared with, and how much this one changed the image.

    That is the image at hand if it is of the same scan and settings, else this one: to see what
    an order does never takes a second run.
    """
    settings = job.settings.model_copy(update={"shuffle_seed": None})
    mine = Baseline(
        settings, job.settings.shuffle_seed, acquisition.digest, acquisition.noise_std, image
    )
    known = job.baseline
    if known is None or (known.settings, known.digest, known.noise_std) != (
        mine.settings,
        mine.digest,
        mine.noise_std,
    ):
        return mine, None
    if known.shuffle_seed == mine.shuffle_seed:
        return known, None
    return known, largest_change(known.image, image)


def largest_change(before: torch.Tensor, now: torch.Tensor) -> float:
    """Return the largest difference of two images, relative to the maximum of the first."""
    peak = float(before.abs().max()) or 1.0
    return float((now - before).abs().max()) / peak


def _reconstruct(
    job: Job, acquisition: Acquisition, reporter: _Reporter, should_stop: Callable[[], bool]
) -> Reconstruction:
    # Shuffled filters get maps of their own: it must be seen that nothing changes, not assumed.
    reconstructor = Reconstructor.from_settings(
        job.settings_here, map_cache=job.map_cache, last_codes=job.last_codes
    )
    reporter.begin()
    return reconstructor(
        acquisition, on_iteration=reporter, should_stop=should_stop, early_picture=True
    )


class _Reporter:
    """Turns the progress of the solver into steps, with a picture now and then."""

    def __init__(
        self,
        report: Callable[[Step], None],
        begin: float,
        shape: tuple[int, int, int],
    ) -> None:
        self._report, self._begin, self._shape = report, begin, shape
        self._has: Stage = "iteration"

    def begin(self) -> None:
        """Tell that the work has begun: maps take a while before the iterations."""
        seconds = time.perf_counter() - self._begin
        self._report(Step(tr("inferring the sparsity maps…"), seconds=seconds))

    def _flickers(self, progress: Progress) -> bool:
        """Return whether an iterate is still farther off than the picture that is there."""
        if progress.stage != "iteration" or progress.iteration == progress.iterations:
            return False
        settled = {"early picture": _SETTLED, "quick picture": _AS_GOOD * progress.iterations}
        return progress.iteration < settled.get(self._has, 0)

    def __call__(self, progress: Progress) -> None:
        if not progress.picture_due:
            return
        picture = None
        if not self._flickers(progress):
            picture = np.asarray(progress.current_image())
        if progress.stage != "iteration":
            self._has = progress.stage
            is_quick = progress.stage == "quick picture"
            self._report(
                Step(
                    tr("quick picture; finishing…")
                    if is_quick
                    else tr("rough picture; inferring the sparsity maps…"),
                    seconds=time.perf_counter() - self._begin,
                    slice_index=progress.slice_index,
                    shape=self._shape,
                    picture=picture,
                    kind="quick" if is_quick else "rough",
                )
            )
            return
        text = tr("iteration {number} of {count}").format(
            number=progress.iteration, count=progress.iterations
        )
        if progress.n_slices > 1:
            where = tr("slice {number} of {count}").format(
                number=progress.slice_index + 1, count=progress.n_slices
            )
            text = f"{where}, {text}"
        total = progress.n_slices * progress.iterations
        self._report(
            Step(
                text=text,
                done=round(progress.share * total),
                total=total,
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


def measured(result: Reconstruction) -> dict[str, tuple[float, float]] | None:
    """Return SSIM and NMSE of (initial image, reconstruction), if there is a reference."""
    truth = result.reference
    if truth is None or truth.shape != result.image.shape or min(truth.shape[1:]) < 7:
        return None
    return {
        one.name: (one.value(truth, result.initial), one.value(truth, result.image))
        for one in (METRICS[name] for name in _FIGURES)
    }
