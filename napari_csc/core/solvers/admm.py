"""ADMM for one slice: an exact image-sized solve for the data, a shrinkage for the codes."""

import torch

from napari_csc.core.options import Norm, Rule
from napari_csc.core.solvers.blocked import BlockedSolver, Cotangent
from napari_csc.core.solvers.data_term import DataTerm

Tensor = torch.Tensor

OVER_RELAXATION = 1.8
# Chosen by a sweep over dictionaries, noise levels and maps (docs/method.md, section on ADMM).
PENALTY_FACTORS: dict[Rule, float] = {"shrunk": 0.16, "fitted": 0.32}
"""The factor of `balanced_penalties`, by which codes make the image."""


class Admm(BlockedSolver):
    """Alternating direction method of multipliers with over-relaxation.

    The codes are split into ``s`` (fits the data) and ``z`` (sparse), with one penalty ``rho_k``
    per filter. In units ``s_k = u_k / sqrt(rho_k)`` every penalty is one. The update of ``s``
    is, by the matrix inversion lemma,

        ``s = v + D^H p``,  ``(I + A^H A P) p = A^H y' - A^H A D v``,  ``P = D D^H``,

    with ``v = 2 z - w`` and ``w`` the running sum that the shrinkage sees (Douglas-Rachford form).
    ``P`` is diagonal in the Fourier domain, so for single-coil Cartesian data ``p`` is one
    division per frequency (Sherman-Morrison), otherwise a few conjugate gradient steps on images.
    The spectrum of ``D w`` obeys a recurrence, so an iteration costs what one of FISTA costs: one
    FFT up and one down for each filter. The codes that are reported are ``z``.

    Parameters
    ----------
    spectra, data, maps, norm, block_size
        See `BlockedSolver`.
    penalties
        One penalty ``rho_k`` per filter (K,), positive; see `balanced_penalties`.
    over_relaxation
        Between 1 and 2.

    References
    ----------
    Boyd et al., Found. Trends Mach. Learn. 2011; Wohlberg, IEEE Trans. Image Process. 2016;
    Eckstein & Bertsekas, Math. Program. 1992 (over-relaxation).
    """

    def __init__(
        self,
        spectra: Tensor,
        data: DataTerm,
        maps: Tensor,
        penalties: Tensor,
        norm: Norm = "modulus",
        over_relaxation: float = OVER_RELAXATION,
        block_size: int | None = None,
    ) -> None:
        super().__init__(spectra, data, maps, penalties.rsqrt(), norm, block_size)
        self._relaxation = over_relaxation
        self._sums = torch.zeros_like(self._codes)
        self._sums_spectrum = torch.zeros_like(self.spectrum)
        self._power = torch.zeros_like(self.spectrum.real)
        for filters in self._on_band:
            self._power += torch.view_as_real(filters).square().sum(-1)

    def _advance(self) -> Tensor:
        target = 2 * self.spectrum - self._sums_spectrum
        correction = self._data.penalised_residual(target, self._power)
        fitted = target + self._power * correction
        self._sums_spectrum = self._sums_spectrum + self._relaxation * (fitted - self.spectrum)
        mirrored = self._band.mirrored(correction) * self._relaxation
        following = torch.zeros_like(self.spectrum)
        penalty = self._thresholds.new_zeros(())
        for block in self._blocks():
            sums, codes = self._sums[block], self._codes[block]
            values = torch.view_as_real(sums)
            torch.lerp(values, torch.view_as_real(codes), self._relaxation, out=values)
            sums.add_(self._analysed(block, mirrored))
            penalty += self._shrink(sums, block, out=codes)
            self._add_synthesised(codes, block, following)
        self.spectrum = following
        return penalty

    def _centre(self, block: slice) -> Tensor:
        """Return the point ``2 z - w`` that the data update starts from."""
        return 2 * self._codes[block] - self._sums[block]

    def _centre_spectrum(self) -> Tensor:
        return 2 * self.spectrum - self._sums_spectrum

    def pull_back(self, cotangent: Cotangent, values: Tensor, iteration: int) -> None:
        """Take the cotangent back through one iteration; see `BlockedSolver.pull_back`."""
        total = torch.zeros_like(self.spectrum)
        for block in self._blocks():
            self._pull_back_shrinkage(cotangent, values, block)
            cotangent.carry[block].add_(cotangent.codes[block])
            self._add_synthesised(cotangent.carry[block], block, total)
        correction = self._data.without_data().penalised_residual(total, self._power)
        correction = self._relaxation * correction
        cotangent.spectrum.sub_(correction)
        mirrored = self._band.mirrored(correction)
        for block in self._blocks():
            codes, sums = cotangent.codes[block], cotangent.carry[block]
            response = self._analysed(block, mirrored)
            torch.add(2 * response, sums, alpha=self._relaxation, out=codes)
            sums.mul_(1 - self._relaxation).sub_(response)

    def state(self) -> tuple[Tensor, ...]:
        """Return codes, running sums and their spectra."""
        kept = (self._codes, self._sums, self.spectrum, self._sums_spectrum)
        return tuple(one.clone() for one in kept)

    def restore(self, state: tuple[Tensor, ...], iteration: int) -> None:
        """Go back to a state; see `BlockedSolver.restore`."""
        self._codes, self._sums, self.spectrum, self._sums_spectrum = state
        self.iteration = iteration


def balanced_penalties(
    spectra: Tensor,
    data_spectrum: Tensor,
    maps: Tensor,
    factor: float = PENALTY_FACTORS["shrunk"],
) -> Tensor:
    """Return one ADMM penalty per filter, ``rho_k = f sqrt(mean Lambda_k) r_k / rms_k``.

    ``rms_k`` is the root mean square of the filter response ``D_k^H x0``, ``r_k`` the redundancy
    of the dictionary in the band of the filter, so that ``rms_k / r_k`` is the size that the codes
    would have if filters shared the signal evenly: a threshold ``Lambda / rho`` is then a share of
    the codes, for wide smooth filters and for fine ones. All in noise units. The rule is fixed
    before the first iteration, and permuting the filters permutes the penalties.

    Parameters
    ----------
    spectra
        Filter spectra (K, y, x).
    data_spectrum
        Unitary spectrum of ``A^H y'`` (..., y, x), in noise units.
    maps
        Sparsity level maps (..., K, y, x), in noise units; not differentiated through.
    factor
        The factor ``f``.

    Returns
    -------
    Tensor
        Shape (..., K).
    """
    energy = torch.view_as_real(data_spectrum).square().sum(-1)
    power = torch.zeros_like(spectra[0].real)
    for filters in spectra:
        power += torch.view_as_real(filters).square().sum(-1)
    responses, redundancies = [], []
    for filters in spectra:
        own = torch.view_as_real(filters).square().sum(-1)
        responses.append((own * energy).mean((-2, -1)).sqrt())
        redundancies.append((own * power).sum() / own.sum())
    response = torch.stack(responses, dim=-1)
    # Where data or maps vanish any positive penalty serves: the codes of that filter stay zero.
    level = maps.detach().mean((-2, -1)).clamp_min(1e-2)
    typical = torch.maximum(response, 1e-2 * response.amax(-1, keepdim=True) + 1e-30)
    return factor * level.sqrt() * torch.stack(redundancies) / typical
