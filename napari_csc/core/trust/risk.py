"""The error of a reconstruction of which nobody knows the truth: Stein's unbiased estimate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.maps.cache import MapCache
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.trust.noise_draws import (
    PERTURBATION,
    draw_noise,
    generator_of,
    noise_power_of_samples,
)
from napari_csc.core.trust.noise_left import check_noise
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

MOST_PROBES = 100


@dataclass(frozen=True, eq=False)
class Risk:
    """An estimate of the error of the samples that an image predicts.

    Attributes
    ----------
    value : float
        Mean of ``|A (x - truth)|^2`` over the samples, in units of ``sigma^2``: 1 for an image that
        keeps all of the noise of one fully sampled coil, 0 for the truth.
    error : float
        Standard error of it, from the samples of all probes and slices.
    misfit : float
        Its first part, mean of ``|A x - y|^2`` in ``sigma^2``.
    freedom : float
        Its last part, ``2 div / N``: how far the image follows the noise.
    per_slice : tuple of float
        The value of each slice.
    slices : tuple of int
        Which slices.
    probes : int
        How many probes in each slice.
    sigma : float
        The noise level that it counts with.
    parts : Tensor
        What each sample adds (slice, coil, ...), float32: for paired comparisons.
    """

    value: float
    error: float
    misfit: float
    freedom: float
    per_slice: tuple[float, ...]
    slices: tuple[int, ...]
    probes: int
    sigma: float
    parts: Tensor

    def with_sigma(self, factor: float) -> float:
        """Return what the value would be if the noise were ``factor`` times as strong, in sigma².

        The same image, judged by another noise level; in units of the level that was used.
        """
        return self.misfit + factor**2 * (self.freedom - 1)

    @property
    def sentence(self) -> str:
        """What to tell a person."""
        # Not -0.00.
        low, high = (round(self.with_sigma(factor), 2) + 0.0 for factor in (0.9, 1.1))
        return (
            f"Risk {self.value:.3f} ± {self.error:.3f} sigma² (1: all noise is kept, 0: no error); "
            f"with a noise level 10 % lower or higher it would be {low:.2f} or {high:.2f}."
        )


def estimate_risk(
    acquisition: Acquisition,
    made: Made,
    *,
    slices: Sequence[int] | int | None = None,
    probes: int = 1,
    seed: int = 0,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Risk:
    """Estimate the error of a reconstruction without a truth, from two reconstructions or more.

    ``mean|A f(y) - y|^2 / sigma^2 - 1 + 2 Re<b, A f(y + e b) - A f(y)> / (e N)``

    with noise ``b`` of level one and ``e = 0.1 sigma``; maps are inferred anew from the perturbed
    samples. The noise level has to be right: `Risk.with_sigma` shows what another would say.

    Parameters
    ----------
    acquisition
        The scan, of any coils, mask or trajectory; samples along a trajectory count by their
        density.
    made
        What reconstructs, or a result: then what made it.
    slices
        Which slices; all of them if None.
    probes
        Perturbations of each slice; more make the error smaller.
    seed
        Of the perturbations. The same seed for what is to be compared.
    on_progress, should_stop
        Told the share that is done; asked whether to stop.

    Raises
    ------
    CscError
        If the noise level is not known, there is no probe, or a slice does not exist.
    ReconstructionStopped
        If ``should_stop`` answered True.

    References
    ----------
    Stein, Ann. Stat. 1981; Ramani et al., IEEE Trans. Image Process. 17 (2008).

    Examples
    --------
    >>> import napari_csc as csc
    >>> import torch
    >>> scan = csc.Acquisition.from_kspace(torch.randn(32, 32) + 0j, noise_std=1.0)
    >>> dictionary = csc.Dictionary.dct(8, 5)
    >>> held = csc.Reconstructor(dictionary, csc.NoiseScalar(3.0), iterations=8, device="cpu")
    >>> free = csc.Reconstructor(dictionary, csc.NoiseScalar(0.0), iterations=8, device="cpu")
    >>> csc.estimate_risk(scan, held).value < csc.estimate_risk(scan, free).value
    True
    """
    if isinstance(probes, bool) or not 1 <= probes <= MOST_PROBES:
        raise CscError(f"Choose 1 to {MOST_PROBES} probes, not {probes}.")
    check_noise(acquisition)
    numbers = numbers_of(acquisition, slices)
    steps = Steps((1 + probes) * len(numbers), on_progress, should_stop)
    return risk_of(acquisition, made, numbers, probes, seed, steps)


def risk_of(
    acquisition: Acquisition,
    made: Made,
    numbers: Sequence[int],
    probes: int,
    seed: int,
    steps: Steps,
    cache: MapCache | None = None,
) -> Risk:
    """Return the risk of some slices; see `estimate_risk`.

    Parameters
    ----------
    acquisition, made, probes, seed
        As there.
    numbers
        The slices, from zero.
    steps
        Counts the reconstructions.
    cache
        Keeps maps and encodings of measured and perturbed samples, for other settings.
    """
    parts, misfits, freedoms, level = [], [], [], 0.0
    for number in numbers:
        reconstruct, one = of_slice(made, acquisition, number)
        if cache is not None:
            reconstruct = Reconstructor.from_parts(
                reconstruct.dictionary, reconstruct.maps, reconstruct.settings, cache
            )
        level = one.noise_std
        generator = generator_of(seed, number)
        misfit, freedom = _of_slice(reconstruct, one, probes, generator, steps)
        expected = noise_power_of_samples(one).expand(misfit.shape)
        parts.append((misfit - expected + freedom)[_counted(one, misfit)].reshape(-1))
        misfits.append(_mean(one, misfit))
        freedoms.append(_mean(one, freedom))
    weights = _weights(one)
    values = torch.stack(parts)
    means = [float((part * weights).sum() / weights.sum()) for part in values.double()]
    # Of several slices each adds its own error.
    errors = [_standard_error(part, weights) for part in values.double()]
    count = len(means)
    return Risk(
        value=sum(means) / count,
        error=math.sqrt(sum(error**2 for error in errors)) / count,
        misfit=sum(misfits) / count,
        freedom=sum(freedoms) / count,
        per_slice=tuple(means),
        slices=tuple(numbers),
        probes=probes,
        sigma=level,
        parts=values.to(torch.float32),
    )


def paired_difference(one: Risk, other: Risk, scan: Acquisition) -> tuple[float, float]:
    """Return how much larger a risk is than another of the same slices and seed, and its error.

    Both saw the same noise and the same probes, so the difference is known better than either.

    Raises
    ------
    CscError
        If they are of different slices.
    """
    if one.slices != other.slices or one.parts.shape != other.parts.shape:
        raise CscError("Risks of different slices cannot be compared; take the same for both.")
    weights = _weights(scan)
    differences = one.parts.double() - other.parts.double()
    means = [float((part * weights).sum() / weights.sum()) for part in differences]
    errors = [_standard_error(part, weights) for part in differences]
    return sum(means) / len(means), math.sqrt(sum(error**2 for error in errors)) / len(means)


def _of_slice(
    reconstruct: Reconstructor,
    scan: Acquisition,
    probes: int,
    generator: torch.Generator,
    steps: Steps,
) -> tuple[Tensor, Tensor]:
    """Return what each sample adds to misfit and freedom, of the shape of the samples."""
    level = scan.noise_std
    image = steps.run(reconstruct, scan).image.to(scan.kspace.device)
    predicted = scan.forward(image)
    misfit = ((predicted - scan.kspace).abs().double() / level).square()
    freedom = torch.zeros_like(misfit)
    for _ in range(probes):
        probe = draw_noise(scan, generator)
        moved = measuring(scan, scan.kspace + PERTURBATION * level * probe)
        answer = scan.forward(steps.run(reconstruct, moved).image.to(scan.kspace.device))
        change = (answer - predicted).to(torch.complex128) / (PERTURBATION * level)
        freedom += 2 * (probe.conj() * change).real / probes
    return misfit.cpu(), freedom.cpu()


def _counted(scan: Acquisition, values: Tensor) -> Tensor:
    """Return which samples count, of the shape of the samples (1, coil, ...), bool."""
    if not scan.is_cartesian:
        return torch.ones(values.shape, dtype=torch.bool)
    return scan.mask.cpu().expand(values.shape)


def _weights(scan: Acquisition) -> Tensor:
    """Return the weight of each sample that counts."""
    if scan.density is None:
        return torch.ones(scan.n_coils * int(scan.mask.sum()), dtype=torch.float64)
    return scan.density.cpu().double().repeat(scan.n_coils)


def _mean(scan: Acquisition, values: Tensor) -> float:
    weights = _weights(scan)
    return float((values[_counted(scan, values)] * weights).sum() / weights.sum())


def _standard_error(values: Tensor, weights: Tensor) -> float:
    """Return the error of the mean of what samples add.

    What one sample adds by another, that one adds by the first: ``b_j* J_jk b_k`` and its mirror
    are the same, so that the variance is up to twice that of independent samples.
    """
    mean = (values * weights).sum() / weights.sum()
    return float((2 * (weights * (values - mean)).square().sum()).sqrt() / weights.sum())
