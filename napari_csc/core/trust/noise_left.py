"""How much noise a reconstruction leaves: the same scan again, with other noise on top."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.noise_question import noise_question
from napari_csc.core.trust.noise_draws import PERTURBATION, draw_noise, generator_of
from napari_csc.core.trust.object_mask import object_mask
from napari_csc.core.trust.trials import (
    Made,
    OnProgress,
    ShouldStop,
    Steps,
    measuring,
    numbers_of,
    of_slice,
)
from napari_csc.errors import CscError

Tensor = torch.Tensor

REPLICAS = 16
MOST_REPLICAS = 1000


@dataclass(frozen=True, eq=False)
class NoiseLeft:
    """Noise that is left in a result. Never an uncertainty: what is wrong alike is not in it.

    Attributes
    ----------
    std : Tensor
        Standard deviation of the complex image (slice, y, x), ``E|n|^2 = std^2``, in units of the
        input.
    initial : Tensor
        The same of the initial image, from the same draws.
    slices : tuple of int
        Which slices of the scan.
    replicas : int
        From how many draws: a pixel is known to about ``1 / (2 sqrt(n))``, 12 % for 16.
    sigma : float
        Noise level of a sample.
    inside : Tensor
        Where the object is (slice, y, x), by `object_mask` of the result.
    """

    std: Tensor
    initial: Tensor
    slices: tuple[int, ...]
    replicas: int
    sigma: float
    inside: Tensor

    @property
    def in_sigma(self) -> Tensor:
        """The deviation in units of the noise level of a sample (slice, y, x)."""
        return self.std / self.sigma

    def share(self, region: Tensor | None = None) -> float:
        """Return the root mean square noise over that of the initial image, in a region (y, x).

        Raises
        ------
        CscError
            If the region holds no pixel.
        """
        chosen = slice(None) if region is None else region.bool()
        left, before = self.std[:, chosen], self.initial[:, chosen]
        if not left.numel():
            raise CscError("The region holds no pixel; draw it over the image.")
        return float((left.square().mean() / before.square().mean()).sqrt())

    @property
    def share_in_object(self) -> float:
        """The same over the pixels of the object, or over all where none is found."""
        left, before = self._levels()
        return left / before

    @property
    def sentence(self) -> str:
        """What to tell a person."""
        level, where = self._levels()[0] / self.sigma, " in the object" if self.inside.any() else ""
        return (
            f"Noise left: {level:.2f} sigma{where}, {100 * self.share_in_object:.0f} % of that of "
            "the initial image. What is wrong in every repeat alike does not show in it."
        )

    def _levels(self) -> tuple[float, float]:
        """Return the root mean square noise that is left in the object, and was there."""
        # The background, where next to nothing is left, would flatter.
        chosen = self.inside if self.inside.any() else torch.ones_like(self.inside)
        return (
            float(self.std[chosen].square().mean().sqrt()),
            float(self.initial[chosen].square().mean().sqrt()),
        )


def noise_left(
    acquisition: Acquisition,
    made: Made,
    *,
    replicas: int = REPLICAS,
    slices: Sequence[int] | int | None = None,
    seed: int = 0,
    on_part: Callable[[NoiseLeft], object] | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> NoiseLeft:
    """Return the noise that a reconstruction leaves, from pseudo replicas.

    Weak draws of noise as the scan has it, a tenth of its level, are added to the samples; each is
    reconstructed, and its difference to the reconstruction of the samples as measured is scaled
    up again. To first order in the noise its mean square is the variance between repeated scans,
    and nothing is divided by the root of two. Draws of full strength would make data with twice the
    noise that the maps are told of, which keep more of it: on two repeats of a scan they gave 2.4
    times the variance of the repeats, weak ones 1.05 to 1.1 times.

    Parameters
    ----------
    acquisition
        The scan, of any coils, mask or trajectory.
    made
        What reconstructs, or a result: then what made it.
    replicas
        How many draws.
    slices
        Which slices; all of them if None.
    seed
        Of the draws.
    on_part
        Told what is known after each draw, of the slice at hand.
    on_progress, should_stop
        Told the share that is done; asked whether to stop.

    Raises
    ------
    CscError
        If the noise level is not known, there are too few replicas, or a slice does not exist.
    ReconstructionStopped
        If ``should_stop`` answered True.

    References
    ----------
    Robson et al., Magn. Reson. Med. 60 (2008): pseudo multiple replicas, of linear methods.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import torch
    >>> scan = csc.Acquisition.from_kspace(torch.randn(32, 32) + 0j, noise_std=0.5)
    >>> made = csc.Reconstructor(csc.Dictionary.dct(8, 5), csc.NoiseScalar(1.5), device="cpu")
    >>> left = csc.noise_left(scan, made, replicas=4)
    >>> left.std.shape, 0 < left.share() < 1
    (torch.Size([1, 32, 32]), True)
    """
    if isinstance(replicas, bool) or not 1 <= replicas <= MOST_REPLICAS:
        raise CscError(f"Choose 1 to {MOST_REPLICAS} replicas, not {replicas}.")
    check_noise(acquisition)
    numbers = numbers_of(acquisition, slices)
    steps = Steps((1 + replicas) * len(numbers), on_progress, should_stop)
    done: list[NoiseLeft] = []
    for number in numbers:
        reconstruct, one = of_slice(made, acquisition, number)
        level, generator = one.noise_std, generator_of(seed, number)
        before = steps.run(reconstruct, one)
        inside = torch.from_numpy(np.stack([object_mask(it) for it in before.image.cpu().numpy()]))
        squares = torch.zeros(2, *before.image.shape, dtype=torch.float64)
        for count in range(1, replicas + 1):
            draw = PERTURBATION * level * draw_noise(one, generator)
            after = steps.run(reconstruct, measuring(one, one.kspace + draw))
            squares[0] += (after.image - before.image).abs().double().square()
            squares[1] += (after.initial - before.initial).abs().double().square()
            std = ((squares / count).sqrt() / PERTURBATION).to(torch.float32)
            found = NoiseLeft(std[0], std[1], (number,), count, level, inside)
            if on_part is not None:
                on_part(found)
        done.append(found)
    return NoiseLeft(
        torch.cat([found.std for found in done]),
        torch.cat([found.initial for found in done]),
        tuple(numbers),
        replicas,
        level,
        torch.cat([found.inside for found in done]),
    )


def check_noise(acquisition: Acquisition) -> None:
    """Refuse a scan whose noise level nobody knows.

    Raises
    ------
    CscError
        With what to do.
    """
    if noise_question(acquisition) is not None or not acquisition.noise_std > 0:
        raise CscError(
            "The noise level of this scan is not known, and this figure is made of it; give "
            "noise_std, or a noise scan."
        )
