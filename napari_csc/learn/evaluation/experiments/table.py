"""The experiments of an evaluation, in the order of the page: `EXPERIMENTS`.

A further one is a function in a file of its own and one row here.
"""

from __future__ import annotations

from napari_csc.learn.evaluation.experiments import (
    lesions,
    map_figures,
    measured_scans,
    promises,
    repeats,
    risk,
    simulated,
    speed,
)
from napari_csc.learn.evaluation.experiments.section import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    "noise": Experiment(
        "Noise",
        "Simulated scans: complex Gaussian noise, central half of k-space along both directions, "
        "smooth phase. NMSE lower, SSIM higher is better.",
        simulated.noise,
    ),
    "validation": Experiment(
        "The images that choose",
        "The same at a noise variance of 0.2 on the images that levels and weights are chosen on; "
        "the others only test.",
        simulated.validation,
    ),
    "situations": Experiment(
        "Other kinds of scans",
        "Noise variance 0.2, whatever else the scan is; see each.",
        simulated.situations,
    ),
    "share": Experiment(
        "Sampled share", "Noise variance 0.2, the sampled share across.", simulated.sampled_share
    ),
    "dictionaries": Experiment(
        "Other dictionaries",
        "Noise variance 0.2; nothing is trained again.",
        simulated.dictionaries,
    ),
    "lesions": Experiment(
        "Lesions",
        "Share of the contrast of bright soft discs (20 %, some places of each slice, noise "
        "variance 0.2) that is kept inside them; one is best.",
        lesions.run,
    ),
    "repeats": Experiment(
        "Repeats",
        "Measured scans with repeats: mean |A x(y1) - y2|² - σ², in units of σ² (zero-filled: 1), "
        "over the image, and over object (brighter than 15 % of the 99 % quantile), background, "
        "core (14 pixels inside) and rim; lower is better.",
        repeats.run,
    ),
    "risk": Experiment(
        "Risk",
        "Measured scans without repeats, middle slice: the estimated error (SURE) in units of σ²; "
        "lower is better.",
        risk.run,
    ),
    "maps": Experiment(
        "Maps",
        "Logarithms of the maps inside the object, noise variance 0.2: correlation between "
        "filters (lower is better), of the own part (less the mean over the filters) with another "
        "noise (higher) and with the own response (lower).",
        map_figures.run,
    ),
    "promises": Experiment(
        "Promises",
        "Relative change of the image by shuffled filters (the largest), data scaled by 1000, and "
        "turned by one radian; SSIM with filters left out at random; cost of the maps for 64 "
        "filters on 320 x 320.",
        promises.run,
    ),
    "speed": Experiment("Speed", "A whole run, seconds.", speed.run),
    "scans": Experiment(
        "Measured scans",
        "Middle slices: standard deviation of the background and mean gradient at the strongest "
        "edges, both over the mean inside the object.",
        measured_scans.run,
    ),
}
"""What is measured, by the name that the command line knows."""
