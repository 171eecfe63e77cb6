"""The data misfit ``1/2 ||A x - y'||^2`` as the solvers see it: through adjoint and Gram only."""

from typing import Protocol

import torch

from napari_csc.core.acquisition import Acquisition

Tensor = torch.Tensor


class DataTerm(Protocol):
    """Misfit of one image, given and answered as unitary spectra (y, x) in `torch.fft` order."""

    norm_squared: float
    """Bound of ``||A||^2``, for the step sizes."""

    def residual(self, spectrum: Tensor) -> Tensor:
        """Return the spectrum of the gradient ``A^H (A x - y')``."""

    def misfit(self, spectrum: Tensor) -> Tensor:
        """Return ``1/2 ||A x - y'||^2`` (up to a constant for several coils)."""


class CartesianDataTerm:
    """Single coil, Cartesian: ``A^H A`` is the sampling mask in the Fourier domain.

    Parameters
    ----------
    spectrum
        Unitary spectrum of ``A^H y'``, (..., y, x), supported on the mask.
    mask
        Sampled positions (..., y, x) in `torch.fft` order, real valued 0 or 1.
    """

    norm_squared = 1.0

    def __init__(self, spectrum: Tensor, mask: Tensor) -> None:
        self.spectrum = spectrum
        self.mask = mask

    def residual(self, spectrum: Tensor) -> Tensor:
        """Return the spectrum of the gradient."""
        return spectrum * self.mask - self.spectrum

    def misfit(self, spectrum: Tensor) -> Tensor:
        """Return ``1/2 ||M x^ - y'||^2``."""
        return 0.5 * torch.view_as_real(self.residual(spectrum)).square().sum()


class GramDataTerm:
    """Any acquisition, one slice, through its Gram operator; costs one more FFT pair."""

    def __init__(self, acquisition: Acquisition, adjoint_image: Tensor) -> None:
        maps = acquisition.coil_maps
        self.norm_squared = 1.0 if maps is None else float(maps.abs().square().sum(1).max())
        self._acquisition = acquisition
        self._rhs = torch.fft.fft2(adjoint_image, norm="ortho")

    def residual(self, spectrum: Tensor) -> Tensor:
        """Return the spectrum of the gradient."""
        image = torch.fft.ifft2(spectrum, norm="ortho")
        gram = self._acquisition.gram(image[None])[0]
        return torch.fft.fft2(gram, norm="ortho") - self._rhs

    def misfit(self, spectrum: Tensor) -> Tensor:
        """Return ``1/2 <x, A^H A x> - Re <x, A^H y'>``, the misfit less ``1/2 ||y'||^2``."""
        gradient = self.residual(spectrum)
        return 0.5 * torch.vdot(spectrum.flatten(), (gradient - self._rhs).flatten()).real


def data_term(acquisition: Acquisition, adjoint_image: Tensor) -> DataTerm:
    """Return the data term of one slice (an acquisition with a single slice).

    ``adjoint_image`` is ``A^H y'`` (y, x), the initial image less the explained smooth part.
    """
    if acquisition.coil_maps is None:
        mask = torch.fft.ifftshift(acquisition.mask).to(adjoint_image.real.dtype)
        return CartesianDataTerm(torch.fft.fft2(adjoint_image, norm="ortho") * mask, mask)
    return GramDataTerm(acquisition, adjoint_image)
