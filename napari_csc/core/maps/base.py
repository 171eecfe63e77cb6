"""Map networks: from the initial image to one sparsity level map per filter."""

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import nn

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.config import WeightMetadata
from napari_csc.core.maps.unet import UNet
from napari_csc.errors import CscError

Tensor = torch.Tensor

# Sigmoid of this is about 0.12: maps start near the level that suits plain noise.
_FIRST_LOGIT = -2.0
# Pixels (filters times grid) that go through the U-Net at once. Twice as fast as a million: larger
# activations are mapped and page-faulted anew by the allocator at every layer.
CHUNK_PIXELS = 120_000
# Filters with less noise than this share see almost only unsampled frequencies.
_SMALLEST_NOISE = 0.1


class MapNetwork(nn.Module):
    """Base of the map networks.

    All work in noise units: the image comes divided by sigma, the maps go out divided by sigma, so
    that the whole reconstruction scales with the data.

    Attributes
    ----------
    metadata : WeightMetadata
        What the weights were trained for.
    digest : str
        SHA-256 of the weight file, empty for fresh weights.
    permutation_equivariant : bool
        Whether shuffling the filters shuffles the maps and leaves the image alone.
    """

    permutation_equivariant: bool

    def __init__(self, metadata: WeightMetadata) -> None:
        super().__init__()
        self.metadata = metadata
        self.digest = ""

    @abstractmethod
    def forward(
        self,
        image: Tensor,
        synthesis: SynthesisOperator,
        mask: Tensor,
        checkpoint: Callable[[], None] | None = None,
        chunk_pixels: int = CHUNK_PIXELS,
    ) -> Tensor:
        """Infer the maps.

        Parameters
        ----------
        image
            Initial images (n, y, x), complex, in noise units.
        synthesis
            The K filters on the image grid, smooth filters included.
        mask
            Noise power (y, x) or (n, y, x) at each frequency, in `torch.fft` order, real valued:
            for one Cartesian coil the sampled positions.
        checkpoint
            Called between chunks of work; raises to stop.
        chunk_pixels
            Pixels times filters to work on at once; it does not change the result.

        Returns
        -------
        Tensor
            Sparsity level maps (n, K, y, x), real, in noise units.
        """

    def with_estimate(
        self, image: Tensor, synthesis: SynthesisOperator, mask: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Return the maps, and the estimate of the image (n, y, x) behind them, if there is one."""
        return self(image, synthesis, mask), None

    @abstractmethod
    def working_bytes(self, shape: tuple[int, int], n_filters: int, chunk_pixels: int) -> int:
        """Return the bytes that the network takes at its widest moment, besides its result."""


class MapNetworkV1(MapNetwork):
    """Image to K maps by one U-Net: bound to one dictionary and to the order of its filters.

    Kept to teach what permutation invariance is worth: shuffling the filters breaks it.

    References
    ----------
    Kofler et al., EUSIPCO 2025, arXiv 2503.09483.
    """

    permutation_equivariant = False

    def __init__(self, metadata: WeightMetadata) -> None:
        super().__init__(metadata)
        config = metadata.architecture
        if config.n_filters is None:
            raise CscError("A V1 map network needs the number of filters it is made for.")
        self.n_filters = config.n_filters
        self.bound = config.bound
        self.unet = UNet(2, config.n_filters, config.channels, config.stages)
        _start_near_noise(self.unet)

    def forward(
        self,
        image: Tensor,
        synthesis: SynthesisOperator,
        mask: Tensor,
        checkpoint: Callable[[], None] | None = None,
        chunk_pixels: int = CHUNK_PIXELS,
    ) -> Tensor:
        """Infer the maps; see `MapNetwork.forward`."""
        if len(synthesis) != self.n_filters:
            raise CscError(
                f"The V1 network {self.metadata.name} was trained for the "
                f"{self.metadata.dictionary_name} dictionary ({self.n_filters} maps, smooth ones "
                f"included), but {len(synthesis)} are needed here; choose that dictionary, or the "
                "V3 network, which takes any."
            )
        if checkpoint:
            checkpoint()
        inputs = torch.view_as_real(compress(image)[0]).movedim(-1, -3)
        return self.bound * torch.sigmoid(self.unet(inputs).float())

    def working_bytes(self, shape: tuple[int, int], n_filters: int, chunk_pixels: int) -> int:
        """Return the bytes of the activations; see `MapNetwork.working_bytes`."""
        return self.unet.working_bytes(shape) + _image_bytes(shape)


class MapNetworkV3(MapNetwork):
    """Filter response to map by one U-Net shared by all filters: any dictionary, any order.

    With ``conditioning`` each response is given in units of its own noise, the map is multiplied
    by that noise again, and the network is told two numbers about each filter: its noise under
    the sampling mask, and the redundancy of the dictionary in the band of the filter. They depend
    on the filters as a set, so permutation equivariance is kept.

    References
    ----------
    Schulz et al., arXiv 2602.21707 (NET-Theta V3, without the conditioning).
    """

    permutation_equivariant = True

    def __init__(self, metadata: WeightMetadata) -> None:
        super().__init__(metadata)
        config = metadata.architecture
        self.bound = config.bound
        self.conditioning = config.conditioning
        self.unet = UNet(4 if config.conditioning else 2, 1, config.channels, config.stages)
        _start_near_noise(self.unet)

    def forward(
        self,
        image: Tensor,
        synthesis: SynthesisOperator,
        mask: Tensor,
        checkpoint: Callable[[], None] | None = None,
        chunk_pixels: int = CHUNK_PIXELS,
    ) -> Tensor:
        """Infer the maps; see `MapNetwork.forward`."""
        spectrum = torch.fft.fft2(image, norm="ortho")
        power = filter_power(synthesis)
        noise = response_noise(power, mask).expand(len(image), -1)
        redundancy = filter_redundancy(power)
        size = max(1, chunk_pixels // image[0].numel()) if not self.training else len(synthesis)
        chunks = []
        for number, levels in enumerate(noise.split(size, dim=1)):
            if checkpoint:
                checkpoint()
            block = slice(number * size, number * size + levels.shape[1])
            responses = torch.fft.ifft2(
                spectrum.unsqueeze(1) * synthesis.spectra[block].conj(), norm="ortho"
            )
            chunks.append(self._infer(responses, levels, redundancy[block]))
        return torch.cat(chunks, dim=1)

    def working_bytes(self, shape: tuple[int, int], n_filters: int, chunk_pixels: int) -> int:
        """Return the bytes of the activations of a chunk; see `MapNetwork.working_bytes`."""
        at_once = min(max(1, chunk_pixels // (shape[0] * shape[1])), n_filters)
        return at_once * (self.unet.working_bytes(shape) + _image_bytes(shape))

    def _infer(self, responses: Tensor, noise: Tensor, redundancy: Tensor) -> Tensor:
        """Return maps (n, k, y, x) of responses (n, k, y, x); noise (n, k), redundancy (k,)."""
        scale = (noise if self.conditioning else torch.ones_like(noise))[..., None, None]
        inputs = torch.view_as_real(compress(responses / scale)[0]).movedim(-1, -3)
        if self.conditioning:
            told = torch.stack([noise, redundancy.expand_as(noise)], dim=-1)
            told = told[..., None, None].expand(*told.shape, *responses.shape[-2:])
            inputs = torch.cat([inputs, told], dim=-3)
        logits = self.unet(inputs.flatten(0, 1)).float()
        return self.bound * torch.sigmoid(logits).reshape(responses.shape) * scale


def filter_power(synthesis: SynthesisOperator) -> Tensor:
    """Return ``|d^_k(w)|^2`` of each filter, (K, y, x)."""
    return torch.view_as_real(synthesis.spectra).square().sum(-1)


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


def _image_bytes(shape: tuple[int, int]) -> int:
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


def _asinh(values: Tensor) -> Tensor:
    """Return asinh of values that are not negative, by functions that the CPU has vectorised."""
    squares = values * values
    return torch.log1p(values + squares / (1 + (squares + 1).sqrt()))


def _start_near_noise(unet: UNet) -> None:
    nn.init.zeros_(unet.head.weight)
    assert unet.head.bias is not None
    nn.init.constant_(unet.head.bias, _FIRST_LOGIT)
