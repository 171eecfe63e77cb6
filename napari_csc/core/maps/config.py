"""What a weight file says about itself."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_csc.core.options import GAUSSIAN_WIDTHS, Norm, Rule, Smooth, StepRule
from napari_csc.core.solvers.table import KnownSolver


class MapNetworkConfig(BaseModel):
    """Architecture of a map network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    """Which network; see `napari_csc.core.maps.registry.NETWORKS`."""
    channels: int = Field(16, ge=1, le=256)
    """Channels of the first U-Net stage; doubled at the second and third."""
    stages: int = Field(2, ge=1, le=5)
    """Resolutions of the U-Net."""
    bound: float = Field(10.0, gt=0)
    """V1, V3: upper bound of the maps, in noise units."""
    conditioning: bool = True
    """V3: responses in units of their own noise, and noise and redundancy as further inputs.
    V4: the sampled share of k-space as further inputs."""
    features: int = Field(16, ge=1, le=256)
    """V4, V5: feature maps of the image that each filter weighs."""
    hidden: int = Field(8, ge=0, le=64)
    """V4, V5: channels of the small network that sees image, filter and response together; 0: none
    (V4 only)."""
    embedding: Literal["spectrum", "statistics"] = "spectrum"
    """V4: what is known of a filter, its power spectrum or only its noise and redundancy."""
    local: bool = True
    """V4: whether that network sees the response of the filter."""
    estimate: bool = True
    """V4: whether the encoder estimates the image, so that filters see their responses to it."""
    scale: float = Field(1.0, gt=0, le=10)
    """V4, V5: by which all maps are multiplied; chosen after a training, by validation."""
    pooling: bool = False
    """V4: whether the encoder sees mean and maximum of all responses; then it has to run again for
    every dictionary."""
    inputs: int = Field(2, ge=1, le=64)
    """As published: channels that the U-Net sees."""
    convolutions: int = Field(2, ge=1, le=8)
    """As published: convolutions of a stage."""
    kernel: int = Field(3, ge=1, le=15)
    """As published: size of the convolutions, odd."""
    bias: bool = True
    """As published: whether convolutions add a constant."""
    image_maximum: float = Field(10.0, gt=0)
    """As published: to which images are scaled."""
    n_filters: int | None = None
    """V1: number of maps (dictionary and smooth filters)."""


class WeightMetadata(BaseModel):
    """Everything that has to match when trained weights are used, and where they come from."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    format_version: int = 1
    name: str
    architecture: MapNetworkConfig
    solver: KnownSolver = "fista"
    iterations: int = 64
    step_rule: StepRule = "per-filter"
    norm: Norm = "modulus"
    rule: Rule = "shrunk"
    """Which codes make the image; weights older than the choice know only those shrunk last."""
    smooth: Smooth = "filters"
    low_pass_weight: float = 10.0
    smooth_widths: tuple[float, ...] = GAUSSIAN_WIDTHS
    scaling: Literal["noise units"] = "noise units"
    dictionary_digest: str | None = None
    """V1: the one dictionary it was trained for."""
    dictionary_name: str | None = None
    usual_misfit: tuple[float, float] | None = None
    """Between which ``mean |A x - y|^2 / sigma^2`` lies as a rule; None if nobody has measured."""
    training: dict[str, Any] = Field(default_factory=dict)
    """Data names, seed, steps, images seen, configuration."""
    validation: dict[str, Any] = Field(default_factory=dict)
    """Measured figures with their settings."""
