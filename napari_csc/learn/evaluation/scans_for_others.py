"""The simulated scans of an evaluation as files, for another program to reconstruct."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_csc.learn.evaluation.images import EvaluationImage
from napari_csc.learn.evaluation.situations import SITUATIONS, Condition


def write_scans(
    folder: Path, images: Sequence[EvaluationImage], noise: Sequence[float]
) -> list[Path]:
    """Write the k-space of all scans of the experiments ``noise`` and ``situations``.

    Parameters
    ----------
    folder
        Is made. ``NAME.npy`` holds k-space (coil, ky, kx), complex64, DC in the middle, zero where
        it was not sampled; of several coils ``NAME_coils.npy`` their sensitivities (coil, y, x);
        of samples along a trajectory (coil, sample) ``NAME_trajectory.npy`` their positions
        (sample, 2) as (ky, kx) in cycles per field of view. ``scans.csv`` tells the noise levels.
        The true images are not among them.
    images
        What is scanned.
    noise
        Noise variances of the plain scans.

    Returns
    -------
    list of Path
        The files with k-space: pictures of them are named as they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    conditions = [Condition(level) for level in noise]
    conditions += [Condition(situation=name) for name in SITUATIONS if name != "plain"]
    written = []
    with (folder / "scans.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["name", "situation", "rows", "columns", "noise_std"])
        for image in images:
            for condition in conditions:
                scan, name = condition.scan(image), condition.name_of(image)
                written.append(folder / f"{name}.npy")
                np.save(written[-1], scan.kspace[0].numpy())
                if scan.coil_maps is not None:
                    np.save(folder / f"{name}_coils.npy", scan.coil_maps[0].numpy())
                if scan.trajectory is not None:
                    np.save(folder / f"{name}_trajectory.npy", scan.trajectory.numpy())
                table.writerow(
                    [name, condition.situation, *scan.shape[1:], f"{scan.noise_std:.6g}"]
                )
    return written
