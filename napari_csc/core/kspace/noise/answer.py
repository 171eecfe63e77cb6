"""What is known of the noise of a scan, and how it became known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_csc.core.kspace.noise.figures import Kind

Array = NDArray[np.float64]
Profile = tuple[int, Array]

GIVEN = "given"
NOISE_SCAN = "noise scan"
REPEATS = "repeats"
_MEASURED = {
    GIVEN: "as given",
    NOISE_SCAN: "measured by the noise scan",
    REPEATS: "measured from the differences of the repeats",
}


@dataclass(frozen=True, eq=False)
class NoiseEstimate:
    """The noise level and how it was found.

    Attributes
    ----------
    std : float
        Standard deviation of a complex k-space sample, ``E|n|^2 = sigma^2``; of magnitude and
        real images the deviation along the signal. Proportional to the data. Where it is not
        known, the lowest figure, which is likely too high.
    method : str
        In plain words.
    known : bool
        Whether it can be believed.
    sentence : str
        How it was found, or why it is unknown and what to do.
    others : dict
        The figure of every estimator, by method; root mean square over the living coils.
    profile : tuple or None
        (axis, noise level at each pixel along that axis of the image), if the noise varies.
    kind : str
        ``"complex"``, ``"real"`` or ``"magnitude"``.
    extent : tuple or None
        Acquired matrix (ky, kx), if the spectrum shows that the images were zero-filled.
    coil_stds : tuple of float
        Level of each coil; zero for a dead one.
    dead_coils : tuple of int
        Coils without any signal.
    """

    std: float
    method: str
    known: bool
    sentence: str
    others: dict[str, float] = field(default_factory=dict)
    profile: Profile | None = None
    kind: Kind = "complex"
    extent: tuple[int, int] | None = None
    coil_stds: tuple[float, ...] = ()
    dead_coils: tuple[int, ...] = ()

    @classmethod
    def told(cls, std: float, method: str = GIVEN) -> NoiseEstimate:
        """Return a level that was not estimated: given, or measured apart from the data."""
        how = _MEASURED.get(method, method)
        return cls(float(std), method, True, f"Noise level {std:.4g} of a sample, {how}.")
