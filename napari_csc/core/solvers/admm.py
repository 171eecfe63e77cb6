"""ADMM for one slice: an exact image-sized solve for the data, a shrinkage for the codes."""

import math

import torch

from napari_csc.core.dictionary.spectra import add_power
from napari_csc.core.options import Norm, Rule
from napari_csc.core.solvers.blocked import BlockedSolver, Cotangent
from napari_csc.core.solvers.data_term import DataTerm
from napari_csc.core.solvers.pairs import parts_of, unpacked

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

    # Other thresholds move the codes of overlapping filters together, and too far at first.
    fits_at_once = True
    moving = ("_sums", "_factors", "spectrum", "_sums_spectrum")
    can_be_recorded = True

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
        self._sums = spectra.new_zeros(self._pairs.shape)
        # The codes are these factors times the sums, so that no stack of their own is kept.
        self._factors = self._thresholds.new_zeros(
            self._shrinkage.n_factors, *self._thresholds.shape
        )
        size = (self._pairs.at_once, *self._pairs.shape[1:])
        self._shrunk = spectra.new_empty(size)
        self._weights = self._thresholds.new_empty(size[0], self._thresholds.shape[1])
        self._one = self._weights.new_ones(())
        self._sums_spectrum = torch.zeros_like(self.spectrum)

    def _current(self, pairs: slice) -> Tensor:
        return self._times_factors(pairs, self._sums.new_empty(self._sums[pairs].shape))

    def _replace(self, pairs: slice, codes: Tensor) -> None:
        self._sums[pairs] = codes
        self._factors[:, pairs] = 1

    def _begin_from(self, codes: Tensor, pull: Tensor | None) -> None:
        # The sums w are z and what pulls at it. Of the pull as much is taken as leaves the codes as
        # they are; where nobody knows it, it is what it will be in the end, -D^H A^H (A D z - y').
        self.spectrum = self._spectrum_of(codes)
        halves = self._pairs.halves(-self._data.residual(self.spectrum))
        following = self._pairs.new_sum()
        for block in self._pairs.blocks():
            sums, thresholds = self._sums[block], self._thresholds[block]
            known = self._pairs.analysed(block, halves) if pull is None else pull[block]
            parts = parts_of(sums)
            self._shrinkage.before(parts_of(codes[block]), parts_of(known), thresholds, parts)
            self._shrinkage.factors(parts, thresholds, self._factors[:, block])
            self._pairs.add_synthesised(sums, block, following)
        self._sums_spectrum = self._pairs.synthesised(following)

    def _follow(self) -> None:
        # The sums stay: codes and what pulls at them are parted anew.
        factors = self._thresholds.new_empty(self._shrinkage.n_factors, *self._thresholds.shape)
        self._factors = factors
        following = self._pairs.new_sum()
        for block in self._pairs.blocks():
            sums = self._sums[block]
            self._shrinkage.factors(parts_of(sums), self._thresholds[block], factors[:, block])
            codes = self._times_factors(block, self._shrunk[: len(sums)])
            self._pairs.add_synthesised(codes, block, following)
        self.spectrum = self._pairs.synthesised(following)

    @torch.inference_mode()
    def pull(self) -> Tensor | None:
        """Return what the sums hold besides the codes; see `BlockedSolver.pull`."""
        found = self._spectra.new_empty(len(self._spectra), *self._grid)
        for block in self._pairs.blocks():
            filters = slice(2 * block.start, 2 * block.stop)
            unpacked(self._sums[block] - self._current(block), found[filters])
        return found.div_(self._scales[..., None, None])

    def _times_factors(self, block: slice, out: Tensor) -> Tensor:
        """Write the codes of a block to ``out``."""
        both = zip(parts_of(self._sums[block]), parts_of(out), strict=True)
        for number, (part, into) in enumerate(both):
            torch.mul(part, self._factor_of(number, block), out=into)
        return out

    def _factor_of(self, part: int, block: slice) -> Tensor:
        """Return the factors of real or imaginary part."""
        return self._factors[min(part, len(self._factors) - 1), block]

    def _advance(self) -> Tensor:
        target = 2 * self.spectrum - self._sums_spectrum
        correction = self._data.penalised_residual(target, self._pairs.power)
        fitted = target + self._pairs.power * correction
        self._sums_spectrum = self._sums_spectrum + self._relaxation * (fitted - self.spectrum)
        halves = self._pairs.halves(correction * self._relaxation)
        following = self._pairs.new_sum()
        penalty = self._shrinkage.no_penalty()
        for block in self._pairs.blocks():
            self._update_sums(block, self._pairs.analysed(block, halves))
            sums = self._sums[block]
            self._keep(sums, block)
            factors = self._factors[:, block]
            penalty += self._shrinkage.factors(parts_of(sums), self._thresholds[block], factors)
            codes = self._times_factors(block, self._shrunk[: len(sums)])
            self._pairs.add_synthesised(codes, block, following)
        self.spectrum = self._pairs.synthesised(following)
        return penalty

    def _update_sums(self, block: slice, response: Tensor) -> None:
        """Add the response, and the over-relaxed step from sums to codes, in one pass."""
        weights = self._weights[: len(response)]
        both = zip(parts_of(response), parts_of(self._sums[block]), strict=True)
        for number, (part, sums) in enumerate(both):
            if number < len(self._factors):
                # w + rho (f w - w) = (1 + rho (f - 1)) w.
                factor = self._factor_of(number, block)
                torch.lerp(self._one, factor, self._relaxation, out=weights)
            torch.addcmul(part, sums, weights, out=sums)

    def _centre(self, pairs: slice) -> Tensor:
        """Return the point ``2 z - w`` that the data update starts from."""
        return self._current(pairs).mul_(2).sub_(self._sums[pairs])

    def _sums_have_been_through(self) -> tuple[int, float]:
        return self._earlier + self.iteration, self._relaxation

    def _centre_spectrum(self) -> Tensor:
        return 2 * self.spectrum - self._sums_spectrum

    def pull_back(self, cotangent: Cotangent, values: Tensor, iteration: int) -> None:
        """Take the cotangent back through one iteration; see `BlockedSolver.pull_back`."""
        following = self._pairs.new_sum()
        for block in self._pairs.blocks():
            self._pull_back_shrinkage(cotangent, values, block)
            cotangent.carry[block].add_(cotangent.codes[block])
            self._pairs.add_synthesised(cotangent.carry[block], block, following)
        total = self._pairs.synthesised(following)
        data = self._data.without_data()
        correction = self._relaxation * data.penalised_residual(total, self._pairs.power)
        cotangent.spectrum.sub_(correction)
        halves = self._pairs.halves(correction)
        for block in self._pairs.blocks():
            codes, sums = cotangent.codes[block], cotangent.carry[block]
            response = self._pairs.analysed(block, halves)
            torch.add(2 * response, sums, alpha=self._relaxation, out=codes)
            sums.mul_(1 - self._relaxation).sub_(response)


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
    power = torch.zeros_like(spectra[0].real)
    for filters in spectra:
        add_power(power, filters)
    # Norms of products, which are quick: sum |d|^2 |x|^2 = ||d x||^2.
    root = torch.complex(power.sqrt(), torch.zeros_like(power))
    responses, redundancies = [], []
    for filters in spectra:
        responses.append(_norm(filters * data_spectrum) / math.sqrt(power.numel()))
        redundancies.append((_norm(filters * root) / _norm(filters)).square())
    response = torch.stack(responses, dim=-1)
    # Where data or maps vanish any positive penalty serves: the codes of that filter stay zero.
    level = maps.detach().mean((-2, -1)).clamp_min(1e-2)
    typical = torch.maximum(response, 1e-2 * response.amax(-1, keepdim=True) + 1e-30)
    return factor * level.sqrt() * torch.stack(redundancies) / typical


def _norm(values: Tensor) -> Tensor:
    """Return the norms of complex values (..., y, x)."""
    return torch.linalg.vector_norm(torch.view_as_real(values).flatten(-3), dim=-1)
