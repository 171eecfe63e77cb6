"""Filters on an image grid: spectra, Lipschitz constant, step sizes."""

import torch

Tensor = torch.Tensor


def filters_on_grid(filters: Tensor, shape: tuple[int, int]) -> Tensor:
    """Place filters on an image grid with their centre at pixel (0, 0), wrapping around.

    Parameters
    ----------
    filters
        Real filters, shape (K, ky, kx). The centre of a filter is pixel ``(ky // 2, kx // 2)``.
    shape
        Image grid (y, x). A filter wider than the grid is wrapped, as circular convolution does.

    Returns
    -------
    Tensor
        Shape (K, y, x), so that circular convolution with it equals convolution with the filter.
    """
    n_filters, height, width = filters.shape
    rows = (torch.arange(height, device=filters.device) - height // 2) % shape[0]
    columns = (torch.arange(width, device=filters.device) - width // 2) % shape[1]
    flat = (rows[:, None] * shape[1] + columns[None, :]).reshape(-1)
    grid = filters.new_zeros(n_filters, shape[0] * shape[1])
    grid.index_add_(1, flat, filters.reshape(n_filters, -1))
    return grid.reshape(n_filters, *shape)


def filter_spectra(filters: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return the unnormalised spectra ``d^_k(w)`` of filters on an image grid, (K, y, x) complex.

    Frequencies are in the order of `torch.fft.fft2` (DC first). With these, circular convolution
    is ``fft2(d_k * s_k) = d^_k . fft2(s_k)`` whatever the normalisation of the FFT.
    """
    return torch.fft.fft2(filters_on_grid(filters, shape))


def lipschitz_constant(spectra: Tensor) -> float:
    """Return the exact largest eigenvalue of ``D^H D``: ``max_w sum_k |d^_k(w)|^2``.

    Exact because circular convolution is diagonal in the Fourier domain of the image grid, where
    ``D D^H`` is the scalar ``sum_k |d^_k(w)|^2`` at each frequency. For ``A D`` with ``||A|| <= 1``
    it is an upper bound.
    """
    return float(power_of(spectra).sum(0).max())


def uniform_steps(spectra: Tensor, operator_norm_squared: float = 1.0) -> Tensor:
    """Return the same step ``0.97 / L`` for every filter, shape (K,).

    The factor keeps the step strictly inside the bound, as the papers do (0.9 to 0.97).
    """
    constant = lipschitz_constant(spectra) * operator_norm_squared
    return spectra.real.new_full((spectra.shape[0],), 0.97 / constant)


def per_filter_steps(spectra: Tensor, operator_norm_squared: float = 1.0) -> Tensor:
    """Return one step per filter with ``max_w sum_k t_k |d^_k(w)|^2 = 0.97``, shape (K,).

    Diagonal preconditioning (Pock & Chambolle, ICCV 2011, Lemma 2 with alpha = 1): at each
    frequency ``t_k <= 1 / (|d^_k(w)| sum_j |d^_j(w)|)`` makes the sum at most one; the final
    rescaling makes the bound exact. Wide smooth filters have spectra hundreds of times larger than
    fine ones, so one common step would hold all fine filters back. The rule depends on the
    dictionary alone, and permuting the filters permutes the steps.
    """
    magnitude = spectra.abs()
    total = magnitude.sum(0)
    steps = 1.0 / (magnitude * total).amax(dim=(-2, -1))
    bound = torch.einsum("k,kyx->yx", steps, power_of(spectra)).max()
    return steps * (0.97 / (bound * operator_norm_squared))


def power_of(values: Tensor) -> Tensor:
    """Return ``|z|^2`` of complex values; a sum over pairs of parts would take thrice the time."""
    real, imaginary = torch.view_as_real(values).unbind(-1)
    return real.square().addcmul_(imaginary, imaginary)


def add_power(total: Tensor, values: Tensor) -> None:
    """Add ``|z|^2`` of complex values to a sum, in place."""
    real, imaginary = torch.view_as_real(values).unbind(-1)
    total.addcmul_(real, real).addcmul_(imaginary, imaginary)
