"""Filters two by two: codes laid out so that whatever is done to them runs over plain arrays.

The codes of a complex image have a real and an imaginary part, which a complex array keeps side by
side: every step that needs both has to pick every other number, which no processor does fast. As
filters are real, either part can be found for two filters at once by one complex transform. So one
complex number holds here the real parts of two filters, and another one their imaginary parts.
There are as many transforms as ever, and moduli, shrinkage and sums run over contiguous numbers.
"""

from __future__ import annotations

import torch

from napari_csc.core.dictionary.spectra import add_power
from napari_csc.core.solvers.frequency_band import FrequencyBand

Tensor = torch.Tensor

# Pixels times filters in one block: 8 bytes each, so that a block and its scratch stay in cache.
_BLOCK_PIXELS = 1_000_000
_MOST_FILTERS = 16


class FilterPairs:
    """The pair ``D``, ``D^H`` for pairs of filters, on the band of the data.

    With ``g = d_1 + i d_2`` of the spectra of a pair, ``FFT(g(w) a^(-w))`` is the response of the
    first filter to a real image ``a``, plus ``i`` times that of the second. Back, with
    ``e = (d_1 - i d_2) / 2`` and ``U = sum e FFT(codes)``, the spectrum of the real image is
    ``U(w) + conj(U(-w))``. The second filter of the last pair is zero where their number is odd.
    Of several images at once everything has one more axis, n, in front of y and x.

    Parameters
    ----------
    spectra
        Filter spectra (K, y, x), complex; for several images at once (K, 1, y, x).
    scales
        The scale of each filter (K,), for each image (K, n).
    band
        The frequencies that the data reach.
    at_once
        Pairs in a block.
    """

    def __init__(self, spectra: Tensor, scales: Tensor, band: FrequencyBand, at_once: int) -> None:
        self._band = band
        gathered, factors = band.gather(spectra), scales[..., None, None]
        scaled = gathered.mul_(factors) if spectra.ndim == 3 else gathered * factors
        self.power = torch.zeros_like(scaled[0].real)
        """``sum_k |d_k|^2`` on the band."""
        for filters in scaled:
            add_power(self.power, filters)
        self._to_codes = joined(scaled, 1j)
        self._to_image = joined(scaled, -1j).mul_(0.5)
        images = scaled.shape[1:-2]
        count, grid = len(self._to_codes), (*images, *spectra.shape[-2:])
        self.at_once = max(1, min(at_once, count))
        self.shape: tuple[int, ...] = (count, 2, *grid)
        """Shape of a stack of codes: pair, real or imaginary part, image if several, y, x."""
        # Zero outside the band for good: only the band is ever written.
        self._padded = spectra.new_zeros(self.at_once, 2, *grid)
        self._products = spectra.new_empty(self.at_once, 2, *images, *band.size)

    def blocks(self) -> list[slice]:
        """Return the pairs in blocks."""
        count, size = self.shape[0], self.at_once
        return [slice(start, min(start + size, count)) for start in range(0, count, size)]

    def halves(self, spectrum: Tensor) -> Tensor:
        """Return the mirrored spectra (2, y, x) of real and imaginary part of an image.

        ``spectrum`` is the unitary spectrum of the image on the band.
        """
        mirrored, conjugate = self._band.mirrored(spectrum), spectrum.conj()
        return torch.stack([mirrored + conjugate, (mirrored - conjugate) * -1j]).mul_(0.5)

    def analysed(self, block: slice, halves: Tensor) -> Tensor:
        """Return ``D^H`` of an image for a block of pairs, in the layout of the codes."""
        spectra = self._to_codes[block].unsqueeze(1)
        padded = self._padded[: len(spectra)]
        for (rows, columns), (top, left) in self._band.pieces:
            piece = padded[..., rows, columns]
            torch.mul(spectra[..., top, left], halves[..., top, left], out=piece)
        return torch.fft.fft2(padded, norm="ortho")

    def new_sum(self) -> Tensor:
        """Return where `add_synthesised` begins."""
        return self._products.new_zeros(self._products.shape[1:])

    def add_synthesised(self, codes: Tensor, block: slice, total: Tensor) -> None:
        """Add what a block of codes makes of the image to a sum, see `synthesised`."""
        transformed = torch.fft.fft2(codes, norm="ortho")
        products = self._products[: len(codes)]
        spectra = self._to_image[block].unsqueeze(1)
        for (rows, columns), (top, left) in self._band.pieces:
            piece = products[..., top, left]
            torch.mul(transformed[..., rows, columns], spectra[..., top, left], out=piece)
        total.add_(products.sum(0))

    def synthesised(self, total: Tensor) -> Tensor:
        """Return the spectrum of the image on the band, of a sum over all blocks."""
        return image_of(total, self._band)


def joined(spectra: Tensor, unit: complex) -> Tensor:
    """Return ``d_1 + unit d_2`` of each pair, (pairs, y, x)."""
    first, second = spectra[0::2], spectra[1::2]
    found = first.clone()
    found[: len(second)].add_(second, alpha=unit)
    return found


def image_of(total: Tensor, band: FrequencyBand) -> Tensor:
    """Return ``U(w) + conj(U(-w))``, of both parts (2, y, x) of an image together."""
    upper, lower = total[0] + 1j * total[1], total[0] - 1j * total[1]
    return upper + band.mirrored(lower).conj()


def packed(codes: Tensor) -> Tensor:
    """Return complex codes (K, y, x) as pairs (pairs, 2, y, x)."""
    count, *grid = codes.shape
    found = codes.new_zeros((count + 1) // 2, 2, *grid)
    into = torch.view_as_real(found)
    for parity in (0, 1):
        values = torch.view_as_real(codes[parity::2])
        for part in (0, 1):
            into[: len(values), part, ..., parity].copy_(values[..., part])
    return found


def unpacked(pairs: Tensor, out: Tensor) -> Tensor:
    """Write pairs (pairs, 2, y, x) as complex codes (K, y, x) to a tensor, and return it."""
    values = torch.view_as_real(pairs)
    for parity in (0, 1):
        into = torch.view_as_real(out[parity::2])
        for part in (0, 1):
            into[..., part].copy_(values[: len(into), part, ..., parity])
    return out


def paired(numbers: Tensor, scales: Tensor) -> Tensor:
    """Return real numbers (K, y, x), times a scale for each filter, as (pairs, 2 y x)."""
    count, *grid = numbers.shape
    found = numbers.new_zeros((count + 1) // 2, *grid, 2)
    for parity in (0, 1):
        columns = scales[parity::2][..., None, None]
        torch.mul(numbers[parity::2], columns, out=found[: len(columns), ..., parity])
    return found.flatten(1)


def apart(numbers: Tensor, count: int, shape: tuple[int, ...]) -> Tensor:
    """Return real numbers (pairs, 2 y x) of pairs as (K, y, x)."""
    found = numbers.new_empty(count, *shape)
    values = numbers.unflatten(1, (*shape, 2))
    for parity in (0, 1):
        into = found[parity::2]
        into.copy_(values[: len(into), ..., parity])
    return found


def parts_of(pairs: Tensor) -> tuple[Tensor, Tensor]:
    """Return the real parts and the imaginary parts of codes in pairs, each (pairs, 2 y x)."""
    values = torch.view_as_real(pairs).flatten(2)
    return values[:, 0], values[:, 1]


def default_block_size(n_filters: int, pixels: int, device: torch.device) -> int:
    """Return how many filters go through the FFT at once: few on a CPU, all on accelerators."""
    if device.type != "cpu":
        return n_filters
    fitting = max(1, min(_MOST_FILTERS, _BLOCK_PIXELS // pixels))
    # A power of two, so that the threads share the transforms of a block evenly.
    return min(n_filters, 1 << (fitting.bit_length() - 1))
