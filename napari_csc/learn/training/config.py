"""Training configuration, read from a TOML file under version control."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from napari_csc.core.maps.config import MapNetworkConfig
from napari_csc.core.maps.registry import NETWORKS
from napari_csc.core.options import GAUSSIAN_WIDTHS, Norm, Rule, Smooth, StepRule
from napari_csc.core.solvers.table import KnownSolver
from napari_csc.errors import CscError
from napari_csc.learn.training.image_ranges import ImageRanges

SHIPPED = Path(__file__).parent / "configs"


class TrainingConfig(BaseModel):
    """Everything that decides a training run, apart from the data folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    architecture: MapNetworkConfig | None = None
    """The map network; None for a black box."""
    black_box: Literal["unet", "varnet", "modl"] | None = None
    """A baseline of deepinv instead of a map network."""
    dictionary: str | None = None
    """A dictionary name trains for this one only; None draws a new one at every step."""
    smooth: Smooth = "filters"
    norm: Norm = "modulus"
    step_rule: StepRule = "per-filter"
    low_pass_weight: float = Field(10.0, gt=0)
    smooth_widths: tuple[float, ...] = GAUSSIAN_WIDTHS
    """Standard deviations, in pixels, of the smooth filters."""
    solver: KnownSolver = "fista"
    iterations: int = Field(64, ge=1)
    gradient_iterations: int = Field(12, ge=1)
    """Back-propagation runs through this many last iterations only."""
    checkpoint_every: int | None = Field(None, ge=1)
    """Keep the state of every so many iterations only: less memory, one more forward pass."""
    seed: int = 0
    steps: int = Field(3000, ge=1)
    ssim_weight: float = Field(0.0, ge=0)
    """``ssim_weight * (1 - SSIM)`` of the magnitudes joins the complex mean squared error."""
    estimate_weight: float = Field(0.0, ge=0)
    """Weight of the loss of the estimate that the encoder of V4 makes, beside that of the image."""
    estimate_steps: int = Field(0, ge=0)
    """First steps, which train the estimate alone: no dictionary, no solver, many more images."""
    free_images: int = Field(8, ge=1)
    """Images of a step that needs no dictionary: of the estimate alone, and of black boxes."""
    maps_per_step: int = Field(40, ge=1)
    """Images times filters of a step; few filters get more images."""
    crop: int = Field(128, ge=32)
    filter_counts: tuple[int, int] = (8, 64)
    families: dict[str, float] = {"dct": 0.5, "gabor": 0.25, "random": 0.25}
    """How often each family is drawn: dct, gabor, random, or the name of a dictionary, of which a
    random part is taken."""
    phantom_share: float = Field(0.0, ge=0, le=1)
    """Share of images that show synthetic heads instead of the volumes."""
    filter_sizes: tuple[int, int] = (5, 11)
    noise_variances: tuple[float, float] = (0.05, 0.4)
    sampled_shares: tuple[float, float] = (0.3, 1.0)
    learning_rate: float = Field(2e-3, gt=0)
    scalar_learning_rate: float = Field(2e-2, gt=0)
    weight_decay: float = Field(1e-4, ge=0)
    warmup_steps: int = 50
    validate_every: int = Field(250, ge=1)
    """Steps through the solver; ten times as many of the first steps."""
    half_precision: Literal["bf16", "none"] = "bf16"
    train_files: tuple[str, ...] = ()
    """Names (glob patterns) of the volumes in the data folder to train on."""
    validation_files: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if (self.architecture is None) == (self.black_box is None):
            raise ValueError("either [architecture] or black_box must be given")
        if self.architecture is not None and self.architecture.kind not in NETWORKS:
            raise ValueError(f"the kind of the architecture must be one of {', '.join(NETWORKS)}")
        return self

    @model_validator(mode="after")
    def _ranges_are_ranges(self) -> Self:
        for name, least, most in (
            ("filter_counts", 1, 1024),
            ("filter_sizes", 3, 65),
            ("noise_variances", 1e-6, float("inf")),
            ("sampled_shares", 1e-3, 1.0),
        ):
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                raise ValueError(f"{name} must be a range from {least:g} up to {most:g}")
        return self


class StepSizes(BaseModel):
    """What fits into a step on a kind of device."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shapes: tuple[tuple[int, int], ...] = ((128, 128),)
    """Grids (y, x) that steps choose from: few, since every other shape is prepared for anew."""
    maps_per_step: int = Field(640, ge=1)
    """Images times filters; few filters get more images."""
    images: tuple[int, int] = (2, 24)
    """At least and at most so many images."""
    free_images: int = Field(48, ge=1)
    """Images of a step that trains the estimate alone."""
    halo: int = Field(16, ge=0)
    """Pixels by which the encoder extends images. They end in nothing, so few will do."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not self.shapes or min(min(shape) for shape in self.shapes) < 24:
            raise ValueError("shapes must be at least 24 pixels wide")
        if not 1 <= self.images[0] <= self.images[1]:
            raise ValueError("images must be a range from 1 up")
        return self

    def count(self, n_filters: int) -> int:
        """Return how many images a step with so many filters takes."""
        return min(max(self.maps_per_step // n_filters, self.images[0]), self.images[1])


class JointConfig(TrainingConfig):
    """Training of a network together with a dictionary, on images made on the device.

    Filters of the family ``"learned"`` are those that are learned along.
    """

    learned: str
    """Dictionary, by name or file, that the learned filters begin with."""
    learned_name: str
    """What the learned dictionary will be called."""
    learned_count: int | None = Field(None, ge=1)
    """How many filters to learn: of more than the dictionary has, the others begin as its filters
    turned by quarter turns; of fewer, some are taken, evenly over their order."""
    hold: Literal["nothing", "encoder", "network"] = "nothing"
    """What stays as it begins: of the network the part that looks at the image, or all of it, so
    that only the dictionary is learned."""
    dictionary_rate: float = Field(2e-3, ge=0)
    """Learning rate of its filters."""
    rule: Rule = "fitted"
    """Which codes make the image."""
    counts: tuple[int, ...] = (8, 12, 16, 24, 32, 48, 64)
    """How many filters a step may take."""
    steps: int = Field(0, ge=0)
    """All steps, with ``estimate_steps`` first ones for the estimate alone; 0: as many as fit into
    the time that is given, with a share of it for these."""
    estimate_share: float = Field(0.16, ge=0, lt=1)
    """Share of the time for the estimate alone, unless training begins with other weights."""
    response_weight: float = Field(0.0, ge=0)
    """Weight of the correlation between what a map has of its own and the true response of its
    filter: low levels where the filter is at work."""
    stability_weight: float = Field(0.0, ge=0)
    """Weight of one less the correlation of that part with the one of another noise."""
    averaging: float = Field(0.999, ge=0, lt=1)
    """Weights are averaged over steps, by a mean that forgets by this factor."""
    look_minutes: float = Field(15, gt=0)
    """Time from one validation and checkpoint to the next."""
    looked_at: int = Field(2, ge=1)
    """Slices of a validation in between; all at the end."""
    scan_share: float = Field(0.5, ge=0, le=1)
    """Share of the steps on one's own scans, if there are any."""
    recorruption: float = Field(0.5, gt=0)
    """Noise added to one's own scans, in units of theirs."""
    images: ImageRanges = ImageRanges()
    accelerator: StepSizes = StepSizes()
    cpu: StepSizes = StepSizes()

    @model_validator(mode="after")
    def _fits_the_loop(self) -> Self:
        if self.architecture is None or self.solver != "admm" or self.smooth != "filters":
            raise ValueError("a dictionary is learned with a network, ADMM and smooth filters")
        if self.estimate_steps > self.steps:
            raise ValueError("estimate_steps must not be more than steps")
        if not self.counts or min(self.counts) < 1:
            raise ValueError("counts must be 1 or more")
        return self


def load_config(name_or_path: str | Path, changes: Sequence[str] = ()) -> TrainingConfig:
    """Read a configuration by shipped name (``"v3"``) or TOML file.

    Parameters
    ----------
    name_or_path
        Name or file.
    changes
        Lines of TOML that replace values, such as ``"architecture.local = false"``.

    Raises
    ------
    CscError
        If there is no such configuration or it is not valid.
    """
    path = Path(name_or_path)
    if path.suffix.lower() != ".toml":
        path = SHIPPED / f"{name_or_path}.toml"
    if not path.is_file():
        names = ", ".join(sorted(one.stem for one in SHIPPED.glob("*.toml")))
        raise CscError(f"There is no training configuration {name_or_path}; use {names} or a file.")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        for line in changes:
            _merge(content, tomllib.loads(line))
        kind = JointConfig if "learned" in content else TrainingConfig
        return kind.model_validate(content)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        raise CscError(f"{path.name} is no valid training configuration: {error}") from error


def _merge(into: dict[str, Any], changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value
