"""How the training images are drawn: shares and ranges, each independent of the others."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Range = tuple[float, float]


class ImageRanges(BaseModel):
    """What training images look like, and how often.

    Shares are of all images if nothing else is said.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    leaves: float = Field(0.33, ge=0, le=1)
    """Share of synthetic shapes instead of slices."""
    phantoms: float = Field(0.08, ge=0, le=1)
    """Share of synthetic heads."""
    n_leaves: int = Field(256, ge=1)
    """Different images of shapes, from which others are made like from slices."""
    n_heads: int = Field(10, ge=0)
    """Different synthetic heads, four slices of each."""
    black_background: float = Field(0.34, ge=0, le=1)
    """Share, of what is no synthetic shape, that is black outside the object."""
    noise_floor: float = Field(0.25, ge=0, le=1)
    """Share with the noise floor of a magnitude image."""
    ramp: float = Field(0.6, ge=0, le=1)
    """Share with a linear phase, ..."""
    largest_ramp: float = Field(0.25, ge=0)
    """... of at most so many radians a pixel."""
    rough: float = Field(0.5, ge=0, le=1)
    """Share with a rough phase, ..."""
    largest_roughness: float = Field(0.35, ge=0)
    """... whose gradient is at most so large, in radians a pixel, root mean square."""
    fat: float = Field(0.3, ge=0, le=1)
    """Share whose bright parts have a phase of their own."""
    fully_sampled: float = Field(0.333, ge=0, le=1)
    """Share with every sample of the matrix; all of them are cut from a finer image."""
    cut: float = Field(0.667, ge=0, le=1)
    """Share cut from the k-space of a finer image, so that edges ring."""
    finenesses: tuple[float, ...] = (1.25, 1.5, 2.0)
    """How many times as fine."""
    one_sided_decay: float = Field(0.5, ge=0, le=1)
    """Share of axes, of cut images, along which the echo train decays to one side."""
    central_decay: float = Field(0.2, ge=0, le=1)
    """Share of axes, of cut images, along which it decays from the middle."""
    filtered: float = Field(0.25, ge=0, le=1)
    """Share with a filter of the scanner on signal and noise."""
    partial_fourier: float = Field(0.1, ge=0, le=1)
    """Share whose k-space lacks one side, which the scanner filled with zeros untold."""
    sampled_shares: Range = (0.3, 1.0)
    """Sampled share of the matrix along each axis, of what is not fully sampled."""
    one_axis_full: float = Field(0.15, ge=0, le=1)
    """Share, of what is not fully sampled, sampled fully along one axis."""
    one_side_missing: float = Field(0.1, ge=0, le=1)
    """Share, of what is not fully sampled, known to lack one side of k-space."""
    noise_variances: Range = (0.004, 0.4)
    """Variance of the noise in units of that of the sampled k-space, log-uniform."""
    uneven_noise: float = Field(0.35, ge=0, le=1)
    """Share whose noise changes along one axis of the image, ..."""
    largest_unevenness: float = Field(0.25, ge=0, lt=1)
    """... by at most this share of its mean."""
    patchy_noise: float = Field(0.15, ge=0, le=1)
    """Share whose noise changes over the image as where coils were combined."""
    noise_map_known: float = Field(0.7, ge=0, le=1)
    """Share of uneven noise that the network is told of."""
    coloured_noise: float = Field(0.25, ge=0, le=1)
    """Share whose noise has more power in some lines of k-space."""
    magnitude: float = Field(0.1, ge=0, le=1)
    """Share of magnitude images, with Rician noise."""
    real: float = Field(0.05, ge=0, le=1)
    """Share of real images."""
    zero_filled: float = Field(0.4, ge=0, le=1)
    """Share, of magnitude and real images, that a scanner interpolated from fewer samples."""
    masked: float = Field(0.25, ge=0, le=1)
    """Share, of magnitude and real images, whose background was set to zero."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.cut < self.fully_sampled:
            raise ValueError("cut must not be less than fully_sampled, all of which are cut")
        for name, least, most in (("noise_variances", 1e-6, 1e6), ("sampled_shares", 1e-2, 1.0)):
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                raise ValueError(f"{name} must be a range from {least:g} up to {most:g}")
        for low, high in ((self.leaves, self.phantoms), (self.magnitude, self.real)):
            if low + high > 1:
                raise ValueError("shares that exclude each other must not add up to more than one")
        if not self.finenesses or min(self.finenesses) <= 1:
            raise ValueError("finenesses must be larger than one")
        return self
