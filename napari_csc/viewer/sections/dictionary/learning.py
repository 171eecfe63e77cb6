"""Learn a dictionary from the image that is looked at: what from, and the job for the worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from platformdirs import user_data_path

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.errors import CscError
from napari_csc.learn.dictionaries.image_sources import GivenImages
from napari_csc.learn.dictionaries.learning import LearningSettings, LearningStep, learn_dictionary
from napari_csc.viewer.background.step import Step
from napari_csc.viewer.session import Session
from napari_csc.viewer.words import tr

# A person waits for it: what is reached by then is good, as filters settle early.
_MOST_SECONDS = 40.0
_STEPS = 150
_CROPS = (96, 64, 48, 32)
# With many filters their correlations cost most, so smaller parts do.
_MANY_FILTERS = 32


@dataclass(frozen=True)
class Lesson:
    """What to learn from.

    Attributes
    ----------
    images : Tensor
        Images (slice, y, x).
    count, size : int
        Filters, and their width in pixels.
    name : str
        What the images are called.
    """

    images: torch.Tensor
    count: int
    size: int
    name: str


@dataclass(frozen=True, eq=False)
class Learned:
    """A dictionary with the file it was written to, so that a result can be made again."""

    dictionary: Dictionary
    path: Path
    seconds: float


def lesson_of(session: Session, current: int, count: int, size: int) -> Lesson:
    """Return what to learn from: the reconstruction, or the input if there is none yet.

    Parameters
    ----------
    session
        Holds both.
    current
        The slice that is looked at.
    count, size
        Number of filters, and their width in pixels.

    Raises
    ------
    CscError
        If there is neither.
    """
    scan = session.input_name
    if session.result is not None:
        images, name = session.result.image, f"the reconstruction of {scan}"
        current = 0 if len(images) == 1 else current
    elif session.acquisition is not None:
        chosen = session.acquisition
        current = min(current, chosen.shape[0] - 1)
        if session.slices == "current":
            chosen, current = chosen.select(current), 0
        images, name = chosen.adjoint(), scan
    else:
        raise CscError("There is no image to learn from yet; open a file or choose a layer.")
    if session.slices == "current":
        images = images[min(current, len(images) - 1)][None]
    return Lesson(images, count, size, name)


def learned_folder() -> Path:
    """Return where learned dictionaries are kept."""
    return user_data_path("napari-csc") / "dictionaries"


def learn_from(
    lesson: Lesson,
    folder: Path,
    report: Callable[[Step], None],
    should_stop: Callable[[], bool],
) -> Learned:
    """Learn filters for less than a minute and write them to a folder.

    Raises
    ------
    CscError
        If the image is too small or shows nothing, or the folder cannot be written;
        `ReconstructionStopped` if it was cancelled.
    """
    begin = time.perf_counter()
    smallest = min(lesson.images.shape[1:])
    crops = _CROPS if lesson.count <= _MANY_FILTERS else _CROPS[1:]
    crop = next((one for one in crops if one <= smallest and one > 2 * lesson.size), None)
    if crop is None:
        raise CscError(
            f"The image has only {smallest} pixels along one side, too few to learn filters of "
            f"{lesson.size} pixels from; choose smaller filters or a larger image."
        )
    settings = LearningSettings(
        count=lesson.count, sizes=(lesson.size,), crop=crop, images_per_step=4, steps=_STEPS
    )
    report(Step(tr("learning filters…")))

    def on_step(step: LearningStep) -> bool:
        report(
            Step(
                tr("learning filters, step {step} of {steps}").format(
                    step=step.step, steps=step.steps
                ),
                step.step,
                step.steps,
                seconds=time.perf_counter() - begin,
            )
        )
        return not should_stop()

    name = f"learned-{lesson.count}-{lesson.size}"
    found = learn_dictionary(
        GivenImages(lesson.images), settings, name, on_step, _MOST_SECONDS, [lesson.name]
    )
    if should_stop():
        raise ReconstructionStopped("The learning was cancelled.")
    path = folder / f"{name}-{found.digest[:6]}.safetensors"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CscError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    found.save(path)
    return Learned(Dictionary.load(path), path, time.perf_counter() - begin)
