"""The last word of the data: which part of what is left over cannot be noise, and goes back.

ADMM keeps two copies of the codes that agree only when it has converged: one was shrunk last, the
other fits the data. Penalties in proportion to the signal make convergence relative, so that after
a fixed number of iterations the image of the shrunk ones is wrong by a few per cent of the signal,
however little noise there is. The image of the fitted ones is not.
"""

from __future__ import annotations

import torch

Tensor = torch.Tensor

# Rings of k-space, in cycles per field of view (of the shorter side), whose energies are compared
# with that of the noise; the zero frequency is one of its own. Wider than a few samples, so that
# the energy of the noise in them is known well.
_EDGES = (
    *(0.5, 1.6, 3.2, 5, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64),
    *(72, 80, 88, 96, 112, 128, 160, 192, 224, 256),
)
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


def with_what_is_unexplained(
    correction: Tensor, power: Tensor, share: Tensor, norm_squared: float = 1.0
) -> Tensor:
    """Return the correction ``p`` of the fitted codes that also gives back a share of the rest.

    With ``p = (y - M t) / (1 + M P)`` and the codes ``s = v + D^H p`` the residual of ``D s`` is
    ``p`` itself. So ``p (1 + theta / P)`` in its place adds ``theta p`` to the image, and filters
    carry it: nothing in the image is without a filter.

    Parameters
    ----------
    correction
        The spectrum ``p`` (..., y, x).
    power
        ``P = sum_k |d_k|^2 / rho_k`` (..., y, x).
    share
        From `unexplained_share`.
    norm_squared
        ``||A||^2``.
    """
    weight = power / (power.square() + _SMALLEST_POWER**2) / norm_squared
    return correction * (1 + share * weight)
