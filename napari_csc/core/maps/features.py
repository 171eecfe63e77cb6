"""What map networks see of image and filters, and how they begin."""

import torch
from torch import nn

from napari_csc.core.dictionary.spectra import power_of
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.unet import UNet

Tensor = torch.Tensor

# Sigmoid of this is about 0.12: maps start near the level that suits plain noise.
_FIRST_LOGIT = -2.0
# Filters with less noise than this share see almost only unsampled frequencies.
_SMALLEST_NOISE = 0.1


def filter_power(synthesis: SynthesisOperator) -> Tensor:
    """Return ``|d^_k(w)|^2`` of each filter, (K, y, x)."""
    return power_of(synthesis.spectra)


def response_noise(power: Tensor, mask: Tensor) -> Tensor:
    """Return the noise standard deviation of each filter response, (n or 1, K), noise units.

    White noise of variance one on the sampled positions gives ``D_k^H x0`` the variance
    ``mean_w M(w) |d^_k(w)|^2``.
    """
    masks = mask.reshape(-1, *mask.shape[-2:]).to(power.dtype)
    # Sums, not a matrix product, which would run in half precision under autocast.
    variance = torch.stack([(power * one).mean((-2, -1)) for one in masks])
    return variance.sqrt().clamp_min(_SMALLEST_NOISE)


def filter_redundancy(power: Tensor) -> Tensor:
    """Return for each filter (K,) the log of ``sum_j |d^_j|^2``, averaged over its own band."""
    total = power.sum(0)
    return torch.log((power * total).sum((-2, -1)) / power.sum((-2, -1)))


def image_bytes(shape: tuple[int, int]) -> int:
    """Bytes of what surrounds the U-Net: response, spectrum, compressed and real copies."""
    return 4 * 8 * shape[0] * shape[1]


def compress(values: Tensor) -> tuple[Tensor, Tensor]:
    """Compress the modulus by asinh, keep the phase: smooth responses are hundreds of sigma.

    Returns
    -------
    values, modulus : Tensor
        The complex values, and their modulus after compression.
    """
    real, imaginary = torch.view_as_real(values).unbind(-1)
    # A little above zero: faster than abs, and with a gradient everywhere.
    modulus = (real * real + imaginary * imaginary + 1e-12).sqrt()
    compressed = _asinh(modulus)
    return values * (compressed / modulus), compressed


def compress_into(values: Tensor, out: Tensor) -> None:
    """Write real part, imaginary part and modulus of compressed values (y, x) to (y, x, 3).

    As `compress` does, in few passes and without a gradient.
    """
    real, imaginary = torch.view_as_real(values).unbind(-1)
    modulus = real * real
    modulus.addcmul_(imaginary, imaginary).add_(1e-12).sqrt_()
    small = torch.addcmul(modulus.new_ones(()), modulus, modulus).sqrt_().add_(modulus).log_()
    out[..., 2].copy_(small)
    small.div_(modulus)
    torch.mul(real, small, out=out[..., 0])
    torch.mul(imaginary, small, out=out[..., 1])


def _asinh(values: Tensor) -> Tensor:
    """Return asinh of values that are not negative, by functions that the CPU has vectorised."""
    squares = values * values
    return torch.log1p(values + squares / (1 + (squares + 1).sqrt()))


def start_near_noise(unet: UNet) -> None:
    """Begin with maps near the level that suits plain noise, the same everywhere."""
    nn.init.zeros_(unet.head.weight)
    assert unet.head.bias is not None
    nn.init.constant_(unet.head.bias, _FIRST_LOGIT)
