"""Pictures of the evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_csc.core import metrics
from napari_csc.core.acquisition.simulate import IMAGE_MAXIMUM
from napari_csc.learn.evaluation.images import EvaluationImage
from napari_csc.learn.evaluation.methods import Method, takes
from napari_csc.learn.evaluation.situations import Condition


def side_by_side(path: Path, images: Sequence[EvaluationImage], methods: Sequence[Method]) -> None:
    """Draw the truth and every method, one row for each anatomy, with SSIM beside each."""
    from matplotlib.figure import Figure

    first = {image.group: image for image in reversed(images)}
    shown = [first[group] for group in dict.fromkeys(image.group for image in images)]
    figure = Figure(figsize=(2.1 * (len(methods) + 1), 2.3 * len(shown)), layout="constrained")
    axes = np.atleast_2d(figure.subplots(len(shown), len(methods) + 1, squeeze=False))
    for line, image in zip(axes, shown, strict=True):
        scan = Condition().scan(image)
        truth = image.image.abs()
        top = float(np.quantile(truth.numpy(), 0.998))
        line[0].imshow(truth.numpy(), cmap="gray", vmin=0, vmax=top)
        line[0].set_title(f"{image.group}, truth", fontsize=7)
        for axis, method in zip(line[1:], methods, strict=True):
            if not takes(method, scan):
                continue
            found = method(scan)
            similarity = metrics.ssim(image.image, found, IMAGE_MAXIMUM)
            axis.imshow(found.abs().cpu().numpy(), cmap="gray", vmin=0, vmax=top)
            axis.set_title(f"{method.name}\nSSIM {similarity:.3f}", fontsize=7)
    for axis in axes.flat:
        axis.set_axis_off()
    figure.savefig(path, dpi=150)
