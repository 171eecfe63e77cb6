"""The filter step of dictionary learning: sufficient statistics of codes, unit-norm filters."""

from __future__ import annotations

import torch

Tensor = torch.Tensor


class CodeStatistics:
    """What the filters need to know of all codes so far, whatever the size of the images.

    The misfit ``1/2 ||x - sum_k d_k * s_k||^2`` depends on the filters through the correlations of
    the codes with each other, at lags shorter than a filter, and with the image:

        ``A_kj(t) = sum_r Re conj(s_k(r)) s_j(r + t)``,
        ``B_k(u) = sum_r Re conj(s_k(r - u)) x(r)``.

    Old images are forgotten little by little, as their codes belong to worse filters.

    Parameters
    ----------
    supports
        Which taps a filter may use, (K, n, n) bool, n odd.

    References
    ----------
    Mairal et al., J. Mach. Learn. Res. 2010 (online learning); Liu, Garcia-Cardona, Wohlberg,
    SIAM J. Imaging Sci. 2018 (convolutional form).
    """

    def __init__(self, supports: Tensor) -> None:
        count, width, _ = supports.shape
        self._supports = supports.float()
        self._width, self._lags = width, 2 * width - 1
        half = (self._lags // 2) + 1
        self._codes = torch.zeros(count, count, self._lags, half, dtype=torch.complex64)
        self._own = torch.zeros(count, self._lags, self._lags)
        self._images = torch.zeros(count, width, width)

    @property
    def energies(self) -> Tensor:
        """Energy of the codes of each filter (K,)."""
        return self._own[:, 0, 0]

    def add(self, codes: Tensor, images: Tensor, kept: float) -> None:
        """Add images (n, y, x) with their codes (n, K, y, x), and keep a share of the old.

        Only the correlations at lags within a filter are kept, so memory does not grow.
        """
        spectra = torch.fft.fft2(codes, norm="ortho")
        targets = torch.fft.fft2(images, norm="ortho")
        conjugate = spectra.conj().resolve_conj()
        lags = torch.arange(self._lags) - (self._width - 1)
        places = torch.arange(self._width) - self._width // 2
        self._codes *= kept
        self._own *= kept
        self._images *= kept
        for number in range(codes.shape[1]):
            # Lags of filter k with all later ones; the earlier ones are the mirror image.
            pairs = (conjugate[:, number, None] * spectra[:, number:]).sum(0)
            window = _window(pairs, lags)
            own = torch.fft.ifftshift(window, dim=(-2, -1))
            self._own[number] += own[0]
            transformed = torch.fft.rfft2(own)
            self._codes[number, number:] += transformed
            self._codes[number + 1 :, number] += transformed[1:].conj()
            self._images[number] += _window((conjugate[:, number] * targets).sum(0), places)

    def update(self, filters: Tensor, sweeps: int = 3) -> Tensor:
        """Return better filters (K, n, n) of unit norm: block coordinate descent.

        Each filter takes a gradient step whose length is the inverse of a bound of its own
        curvature, then goes back to its support and to unit norm.
        """
        shape = (self._lags, self._lags)
        found = filters.clone()
        spectra = torch.fft.rfft2(found, s=shape)
        curvature = self._own.abs().sum((-2, -1)).clamp_min(1e-12)
        used = self.energies > 1e-6 * self.energies.mean()
        for _ in range(sweeps):
            for number in torch.nonzero(used)[:, 0].tolist():
                explained = torch.fft.irfft2((self._codes[number] * spectra).sum(0), s=shape)
                gradient = self._images[number] - explained[: self._width, : self._width]
                moved = found[number] + gradient / curvature[number]
                moved = moved * self._supports[number]
                norm = moved.norm()
                if float(norm) > 1e-8:
                    found[number] = moved / norm
                    spectra[number] = torch.fft.rfft2(found[number], s=shape)
        return found

    def forget(self, number: int) -> None:
        """Drop what is known of one filter, which is a new one from now on."""
        self._codes[number] = 0
        self._codes[:, number] = 0
        self._own[number] = 0
        self._images[number] = 0


def _window(spectrum: Tensor, offsets: Tensor) -> Tensor:
    """Return the real part of correlations (..., y, x) at some offsets along both axes."""
    correlation = torch.fft.ifft2(spectrum, norm="forward").real
    rows, columns = offsets % spectrum.shape[-2], offsets % spectrum.shape[-1]
    return correlation[..., rows[:, None], columns[None, :]]


def most_alike(filters: Tensor) -> Tensor:
    """Return for each pair of filters the largest correlation over all shifts, (K, K)."""
    width = filters.shape[-1]
    spectra = torch.fft.rfft2(filters, s=(2 * width, 2 * width))
    rows = [
        torch.fft.irfft2(one.conj() * spectra, s=(2 * width, 2 * width)).abs().amax((-2, -1))
        for one in spectra
    ]
    return torch.stack(rows)
