"""The dictionary synthesis operator ``D s = sum_k d_k * s_k`` and its adjoint ``D^H``."""

from typing import Any

import torch
import torch.nn.functional as F

from napari_csc.core.dictionary.spectra import filter_spectra, lipschitz_constant
from napari_csc.errors import CscError

Tensor = torch.Tensor


class SynthesisOperator:
    """Sum of circular convolutions of codes with filters, and its adjoint.

    ``D`` and ``D^H`` are one autograd pair: each is the other's backward, so that training does
    not record the FFTs in between; filters that ask for it get their gradient too. Frequencies are
    in `torch.fft` order, FFTs are unitary.

    Parameters
    ----------
    filters
        Real filters (K, ky, kx), odd or even sizes.
    shape
        Image grid (y, x).

    References
    ----------
    Schulz et al., arXiv 2602.21707, eq. for the convolutional synthesis model.
    """

    def __init__(self, filters: Tensor, shape: tuple[int, int]) -> None:
        if filters.ndim != 3:
            raise CscError(
                f"Filters must have the shape (K, ky, kx), but have {tuple(filters.shape)}; "
                "stack them along the first axis."
            )
        self.filters = filters
        self.shape = (int(shape[0]), int(shape[1]))
        self.spectra = filter_spectra(filters, self.shape)

    def __len__(self) -> int:
        return len(self.filters)

    @property
    def lipschitz_constant(self) -> float:
        """Exact largest eigenvalue of ``D^H D``."""
        return lipschitz_constant(self.spectra)

    def __call__(self, codes: Tensor) -> Tensor:
        """Return the image (..., y, x) of codes (..., K, y, x)."""
        return torch.fft.ifft2(self.to_spectrum(codes), norm="ortho")

    def adjoint(self, image: Tensor) -> Tensor:
        """Return the filter responses ``D^H x`` (..., K, y, x) of an image (..., y, x)."""
        return self.from_spectrum(torch.fft.fft2(_as_complex(image), norm="ortho"))

    def to_spectrum(self, codes: Tensor) -> Tensor:
        """Return the unitary spectrum of ``D s`` (..., y, x) for codes (..., K, y, x)."""
        result: Tensor = _Synthesis.apply(_as_complex(codes), self.spectra)
        return result

    def from_spectrum(self, spectrum: Tensor) -> Tensor:
        """Return ``D^H`` (..., K, y, x) of an image given by its unitary spectrum (..., y, x)."""
        result: Tensor = _Analysis.apply(spectrum, self.spectra)
        return result


class _Synthesis(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, codes: Tensor, spectra: Tensor) -> Tensor:
        ctx.save_for_backward(spectra, *([codes] if ctx.needs_input_grad[1] else []))
        return torch.fft.fft2(codes, norm="ortho").mul_(spectra).sum(-3)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None]:
        spectra, *codes = ctx.saved_tensors
        result: Tensor = _Analysis.apply(gradients[0], spectra)
        to_spectra = None
        if codes:
            transformed = torch.fft.fft2(codes[0], norm="ortho")
            to_spectra = _over_batch(gradients[0].unsqueeze(-3) * transformed.conj())
        return result, to_spectra


class _Analysis(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, spectrum: Tensor, spectra: Tensor) -> Tensor:
        ctx.save_for_backward(spectra, *([spectrum] if ctx.needs_input_grad[1] else []))
        return torch.fft.ifft2(spectrum.unsqueeze(-3) * spectra.conj(), norm="ortho")

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None]:
        spectra, *spectrum = ctx.saved_tensors
        result: Tensor = _Synthesis.apply(gradients[0], spectra)
        to_spectra = None
        if spectrum:
            transformed = torch.fft.fft2(gradients[0], norm="ortho")
            to_spectra = _over_batch(transformed.conj() * spectrum[0].unsqueeze(-3))
        return result, to_spectra


def _over_batch(products: Tensor) -> Tensor:
    """Return the sum (K, y, x) of products (..., K, y, x): one dictionary serves all images."""
    return products.reshape(-1, *products.shape[-3:]).sum(0)


def synthesize_direct(codes: Tensor, filters: Tensor) -> Tensor:
    """Return ``D s`` by direct circular convolution in image space (the slow reference path).

    Parameters
    ----------
    codes
        Shape (..., K, y, x), real or complex.
    filters
        Shape (K, ky, kx), real.

    Returns
    -------
    Tensor
        Shape (..., y, x).
    """
    if codes.is_complex():
        parts = torch.view_as_real(codes).movedim(-1, 0)
        real, imaginary = (synthesize_direct(part, filters) for part in parts)
        return torch.complex(real, imaginary)
    lead, n_filters, grid = codes.shape[:-3], codes.shape[-3], codes.shape[-2:]
    padded = _wrap(codes.reshape(-1, n_filters, *grid), filters.shape[-2:], adjoint=False)
    image = F.conv2d(padded, filters.flip((-2, -1)).unsqueeze(0))
    return image.reshape(*lead, *grid)


def analyse_direct(image: Tensor, filters: Tensor) -> Tensor:
    """Return ``D^H x`` (..., K, y, x) by direct circular correlation of an image (..., y, x)."""
    if image.is_complex():
        parts = torch.view_as_real(image).movedim(-1, 0)
        real, imaginary = (analyse_direct(part, filters) for part in parts)
        return torch.complex(real, imaginary)
    lead, grid = image.shape[:-2], image.shape[-2:]
    padded = _wrap(image.reshape(-1, 1, *grid), filters.shape[-2:], adjoint=True)
    return F.conv2d(padded, filters.unsqueeze(1)).reshape(*lead, len(filters), *grid)


def _wrap(stack: Tensor, filter_shape: torch.Size, *, adjoint: bool) -> Tensor:
    """Extend the last two axes circularly so that a valid convolution is a circular one."""
    for axis, size in zip((-2, -1), filter_shape, strict=True):
        before = size // 2 if adjoint else size - 1 - size // 2
        length = stack.shape[axis]
        index = torch.arange(-before, length + size - 1 - before, device=stack.device) % length
        stack = stack.index_select(axis, index)
    return stack


def _as_complex(tensor: Tensor) -> Tensor:
    return tensor if tensor.is_complex() else torch.complex(tensor, torch.zeros_like(tensor))
