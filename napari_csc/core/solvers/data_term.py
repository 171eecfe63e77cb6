"""The data misfit ``1/2 ||A x - y'||^2`` as the solvers see it: through adjoint and Gram only."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Protocol

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.solvers.frequency_band import FrequencyBand

Tensor = torch.Tensor

# Inner conjugate gradient steps of ADMM: each starts where the last ended, so few are needed.
_MOST_INNER_STEPS = 12
_INNER_TOLERANCE = 1e-3


class DataTerm(Protocol):
    """Misfit of one image, given and answered as unitary spectra in `torch.fft` order."""

    norm_squared: float
    """Bound of ``||A||^2``, for the step sizes."""
    spectrum: Tensor
    """Unitary spectrum of ``A^H y'``."""

    @property
    def band(self) -> FrequencyBand:
        """The frequencies that the data reach."""

    @property
    def noise(self) -> Tensor:
        """Variance of the noise at each frequency of ``spectrum``, in noise units."""

    def on_band(self) -> DataTerm:
        """Return the term for spectra given on the band only."""

    def residual(self, spectrum: Tensor) -> Tensor:
        """Return the spectrum of the gradient ``A^H (A x - y')``."""

    def penalised_residual(self, spectrum: Tensor, power: Tensor) -> Tensor:
        """Return the spectrum of ``p`` with ``(I + A^H A P) p = A^H y' - A^H A x``.

        ``power`` is the diagonal of ``P`` in the Fourier domain.
        """

    def without_data(self) -> DataTerm:
        """Return the term with ``y' = 0``: what is left of it is linear."""

    def misfit(self, spectrum: Tensor) -> Tensor:
        """Return ``1/2 ||A x - y'||^2``."""


class CartesianDataTerm:
    """Single coil, Cartesian: ``A^H A`` is the sampling mask in the Fourier domain.

    Parameters
    ----------
    spectrum
        Unitary spectrum of ``A^H y'``, (..., y, x), supported on the mask.
    mask
        Sampled positions (..., y, x) in `torch.fft` order, real valued 0 or 1.
    noise
        Variance of the noise (..., y, x) in noise units, where it is not one at each sample.
    """

    norm_squared = 1.0

    def __init__(self, spectrum: Tensor, mask: Tensor, noise: Tensor | None = None) -> None:
        self.spectrum = spectrum
        self.mask = mask
        self._noise = noise

    @property
    def band(self) -> FrequencyBand:
        """The smallest band around the sampled positions."""
        return FrequencyBand.of_mask(self.mask)

    @property
    def noise(self) -> Tensor:
        """One where there is a sample, unless it is known better."""
        return self.mask if self._noise is None else self._noise

    def on_band(self) -> CartesianDataTerm:
        """Return the term on the band."""
        band = self.band
        noise = None if self._noise is None else band.gather(self._noise)
        return CartesianDataTerm(band.gather(self.spectrum), band.gather(self.mask), noise)

    def residual(self, spectrum: Tensor) -> Tensor:
        """Return the spectrum of the gradient."""
        return spectrum * self.mask - self.spectrum

    def penalised_residual(self, spectrum: Tensor, power: Tensor) -> Tensor:
        """Return ``(y' - M x^) / (1 + M P)``, the rank-one solve at each frequency."""
        return -self.residual(spectrum) / (1 + self.mask * power)

    def without_data(self) -> CartesianDataTerm:
        """Return the term with zero data."""
        return CartesianDataTerm(torch.zeros_like(self.spectrum), self.mask, self._noise)

    def misfit(self, spectrum: Tensor) -> Tensor:
        """Return ``1/2 ||M x^ - y'||^2``."""
        return 0.5 * torch.view_as_real(self.residual(spectrum)).square().sum((-3, -2, -1))


class GramDataTerm:
    """Any acquisition, one slice, through its Gram operator; costs one more FFT pair.

    Parameters
    ----------
    acquisition
        An acquisition with a single slice.
    adjoint_image
        ``A^H y'`` (y, x).
    energy
        ``||y'||^2``, weighted as the samples are; see `data_energy`.
    """

    def __init__(
        self, acquisition: Acquisition, adjoint_image: Tensor, energy: float = 0.0
    ) -> None:
        self._energy = energy
        self.norm_squared = acquisition.gram_norm
        self.spectrum = torch.fft.fft2(adjoint_image, norm="ortho")
        self._acquisition = acquisition
        power = acquisition.noise_power() / acquisition.noise_gain**2
        self._density = power.to(self.spectrum.real)
        self._start: Tensor | None = None

    @property
    def band(self) -> FrequencyBand:
        """Every frequency: coil sensitivities mix them."""
        return FrequencyBand.whole((self.spectrum.shape[-2], self.spectrum.shape[-1]))

    def on_band(self) -> GramDataTerm:
        """Return the term itself."""
        return self

    @property
    def noise(self) -> Tensor:
        """As coils and density of the samples make it."""
        return self._density

    def residual(self, spectrum: Tensor) -> Tensor:
        """Return the spectrum of the gradient."""
        return self._gram(spectrum) - self.spectrum

    def without_data(self) -> GramDataTerm:
        """Return the term with zero data."""
        other = copy.copy(self)
        other.spectrum, other._start = torch.zeros_like(self.spectrum), None
        other._energy = 0.0
        return other

    def penalised_residual(self, spectrum: Tensor, power: Tensor) -> Tensor:
        """Solve by conjugate gradients on ``(I + P^1/2 G P^1/2) t = P^1/2 r``, from the last t.

        Then ``p = P^-1/2 t``; where ``P`` vanishes ``p`` reaches no filter. This way errors of the
        inner solve are not amplified. The preconditioner is the diagonal of the system in the
        Fourier domain, exact for one uniform coil.
        """
        root = power.sqrt()
        right = -self.residual(spectrum)
        diagonal = 1 + power * self._density

        def system(values: Tensor) -> Tensor:
            return values + root * self._gram(root * values)

        start = torch.zeros_like(right) if self._start is None else self._start
        self._start = _conjugate_gradients(system, root * right, start, diagonal)
        return self._start / root.clamp_min(1e-12)

    def misfit(self, spectrum: Tensor) -> Tensor:
        """Return ``1/2 <x, A^H A x> - Re <x, A^H y'> + 1/2 ||y'||^2``."""
        gradient = self.residual(spectrum)
        product = torch.vdot(spectrum.flatten(), (gradient - self.spectrum).flatten()).real
        return 0.5 * (product + self._energy)

    def _gram(self, spectrum: Tensor) -> Tensor:
        image = torch.fft.ifft2(spectrum, norm="ortho")
        return torch.fft.fft2(self._acquisition.gram(image[None])[0], norm="ortho")


def _conjugate_gradients(
    system: Callable[[Tensor], Tensor], right: Tensor, start: Tensor, diagonal: Tensor
) -> Tensor:
    """Solve a Hermitian positive definite system, from a first guess, diagonally preconditioned."""
    solution = start
    residual = right - system(solution)
    scaled = residual / diagonal
    direction = scaled
    energy = _product(residual, scaled)
    enough = _INNER_TOLERANCE**2 * _product(right, right / diagonal)
    for _ in range(_MOST_INNER_STEPS):
        if energy <= enough:
            break
        answer = system(direction)
        length = energy / _product(direction, answer)
        solution = solution + length * direction
        residual = residual - length * answer
        scaled = residual / diagonal
        following = _product(residual, scaled)
        direction = scaled + (following / energy) * direction
        energy = following
    return solution


def _product(first: Tensor, second: Tensor) -> Tensor:
    return torch.vdot(first.flatten(), second.flatten()).real


def data_energy(acquisition: Acquisition) -> float:
    """Return ``||y||^2`` of all samples, each with its weight: the misfit of no image, twice.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import numpy as np
    >>> from napari_csc.core.solvers.data_term import data_energy
    >>> scan = csc.Acquisition.from_kspace(np.full((16, 16), 1 + 1j))
    >>> data_energy(scan)
    512.0
    """
    weights = acquisition.mask if acquisition.density is None else acquisition.density
    squares = torch.view_as_real(acquisition.kspace).square().sum(-1)
    return float((squares * weights).sum(dtype=torch.float64))


def data_term(acquisition: Acquisition, adjoint_image: Tensor, energy: float = 0.0) -> DataTerm:
    """Return the data term of one slice (an acquisition with a single slice).

    ``adjoint_image`` is ``A^H y'`` (y, x), the initial image less the explained smooth part, and
    ``energy`` is ``||y'||^2``, which is needed where the samples are more than their adjoint tells.
    """
    if acquisition.is_masked_fourier:
        mask = torch.fft.ifftshift(acquisition.mask).to(adjoint_image.real.dtype)
        noise = None if acquisition.noise_spectrum is None else acquisition.noise_power().to(mask)
        spectrum = torch.fft.fft2(adjoint_image, norm="ortho") * mask
        return CartesianDataTerm(spectrum, mask, noise)
    return GramDataTerm(acquisition, adjoint_image, energy)
