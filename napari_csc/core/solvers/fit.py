"""The last word of the data: what goes back of what is left over, and where it is believed.

ADMM keeps two copies of the codes that agree only when it has converged: one was shrunk last, the
other fits the data. Penalties in proportion to the signal make convergence relative, so that after
a fixed number of iterations the image of the shrunk ones is wrong by a few per cent of the signal,
however little noise there is. The image of the fitted ones is not. But where there is no object it
holds a remainder of the noise, known beforehand: where no more than that is seen, nothing is shown.
"""

from __future__ import annotations

import math

import torch

from napari_csc.core.solvers.data_term import DataTerm
from napari_csc.core.solvers.frequency_band import FrequencyBand

Tensor = torch.Tensor

# Rings of k-space, in cycles per field of view (of the shorter side), whose energies are compared
# with that of the noise; the zero frequency is one of its own. Wider than a few samples, so that
# the energy of the noise in them is known well.
_EDGES = (
    *(0.5, 1.6, 3.2, 5, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64),
    *(72, 80, 88, 96, 112, 128, 160, 192, 224, 256),
)
# Pixels, of the Gaussian neighbourhood that says whether a pixel shows anything.
_NEIGHBOURHOOD = 3.0
# The energy there varies: so many times what noise leaves on average may be noise.
_MARGIN = 2.0
# Where filters reach a frequency less than this they are not asked to carry what is given back.
_SMALLEST_POWER = 0.05


def ring_numbers(shape: tuple[int, int], device: torch.device | str | None = None) -> Tensor:
    """Return the number of the ring (y, x) of each frequency, in `torch.fft` order."""
    rows, columns = (torch.fft.fftfreq(n, device=device) * min(shape) for n in shape)
    radius = torch.hypot(rows[:, None], columns[None, :])
    return torch.bucketize(radius, torch.tensor(_EDGES, device=device))


def unexplained_share(residual: Tensor, noise: Tensor, rings: Tensor) -> Tensor:
    """Return the share of a residual that noise cannot explain, the same within a ring.

    ``theta = max(0, 1 - expected energy of the noise / energy of the residual)``, the rule of James
    and Stein.

    Parameters
    ----------
    residual
        Unitary spectra (..., y, x) of what the data hold and the image does not, in noise units.
    noise
        Variance of the noise in them (..., y, x).
    rings
        From `ring_numbers`, (y, x).

    Returns
    -------
    Tensor
        Shares (..., y, x) between 0 and 1; no gradient.
    """
    with torch.no_grad():
        energy = torch.view_as_real(residual).square().sum(-1).flatten(-2)
        expected = noise.to(energy.dtype).expand(residual.shape).flatten(-2)
        number = rings.flatten()
        sums = energy.new_zeros(*energy.shape[:-1], len(_EDGES) + 1)
        found = sums.index_add(-1, number, energy)
        usual = sums.index_add(-1, number, expected)
        share = (1 - usual / found.clamp_min(1e-30)).clamp_min(0)
        return share.index_select(-1, number).reshape(residual.shape)


def noise_kept(
    power: Tensor, noise: Tensor, weight: Tensor, iterations: int, relaxation: float
) -> Tensor:
    """Return what fitted codes keep of mere noise, where all codes that are shrunk are zero.

    There an iteration of ADMM is linear and acts on each frequency by itself: the running sums
    hold ``c`` times the noise, and an iteration makes ``c + a f`` of it, with ``f = (P - c) / (1 +
    M P)``, which is what the image of the fitted codes holds. So ``c`` goes to ``P``, and ``f`` to
    zero.

    Parameters
    ----------
    power
        ``P = sum_k |d_k|^2 / rho_k`` (..., y, x).
    noise
        ``M`` (..., y, x): what the data say of a frequency, and the variance of the noise there.
    weight
        What the correction is multiplied by in the end.
    iterations
        Iterations that the running sums have been through; 0 of a solver that has none.
    relaxation
        The over-relaxation ``a``.

    Returns
    -------
    Tensor
        The factor (..., y, x) on the noise.
    """
    damping = 1 + noise * power
    sums = power * (1 - (1 - relaxation / damping) ** iterations)
    return power * (1 + noise * sums) / damping * weight - sums


def last_fit(
    target: Tensor,
    data: DataTerm,
    power: Tensor,
    band: FrequencyBand,
    iterations: int = 0,
    relaxation: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Fit codes to the data, as an image tells them: codes ``s = v + D^H p``.

    Parameters
    ----------
    target
        The spectrum ``D v`` (..., y, x) of the codes that they stay near to, on the band.
    data
        The data, on the band.
    power
        ``P = sum_k |d_k|^2 / rho_k`` (..., y, x), on the band.
    band
        The band.
    iterations, relaxation
        Of the running sums, see `noise_kept`.

    Returns
    -------
    correction, image : Tensor
        The spectra ``p`` and ``D s`` (..., y, x), on the band.
    """
    correction = data.penalised_residual(target, power)
    rings = band.gather(ring_numbers(band.shape, target.device))
    share = unexplained_share(correction, data.noise, rings)
    # The residual of D s is p itself: theta p more in the image is p + theta p / P in its place.
    inverse = power / (power.square() + _SMALLEST_POWER**2)
    weight = 1 + share * inverse / data.norm_squared
    noise = data.noise.to(power.dtype)
    kept = noise_kept(power, noise, weight, iterations, relaxation)
    remainder = (noise * kept.square()).sum((-2, -1), keepdim=True) / math.prod(band.shape)
    correction = correction * weight
    measured = (target + power * correction) * (noise > 0)
    image = torch.fft.ifft2(band.scatter(measured), norm="ortho")
    away = torch.fft.fft2((believed(image, remainder) - 1) * image, norm="ortho")
    # Filters carry this, too: nothing in the image is without a filter.
    correction = correction + inverse * (noise > 0) * band.gather(away)
    return correction, target + power * correction


def believed(image: Tensor, remainder: Tensor) -> Tensor:
    """Return how far the image of the fitted codes is believed, pixel by pixel.

    ``g = max(0, 1 - 2 r^2 / E)`` with the energy ``E`` of the image around a pixel and the
    remainder of noise ``r^2``: the rule of James and Stein again.

    Parameters
    ----------
    image
        Complex (..., y, x), of the frequencies that were measured.
    remainder
        Variance (..., 1, 1) of a pixel in the image of mere noise.

    Returns
    -------
    Tensor
        Shares (..., y, x) from 0 to 1.
    """
    energy = _blurred(torch.view_as_real(image).square().sum(-1))
    noise = (_MARGIN * remainder).clamp_min(1e-30)
    return 1 - noise / torch.maximum(energy, noise)


def _blurred(values: Tensor) -> Tensor:
    """Return real values (..., y, x), blurred by a Gaussian that goes round the edges."""
    height, width = values.shape[-2:]
    rows, columns = (
        frequencies(n, dtype=values.dtype, device=values.device)
        for frequencies, n in ((torch.fft.fftfreq, height), (torch.fft.rfftfreq, width))
    )
    squares = rows[:, None].square() + columns.square()
    gaussian = torch.exp(-2 * (torch.pi * _NEIGHBOURHOOD) ** 2 * squares)
    return torch.fft.irfft2(torch.fft.rfft2(values) * gaussian, s=(height, width))
