"""V4: the image is encoded once, and each filter reads its map from the features."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from napari_csc.core.maps.config import WeightMetadata
from napari_csc.core.maps.networks import (
    CHUNK_PIXELS,
    MapNetwork,
    filter_redundancy,
    response_noise,
)
from napari_csc.core.maps.unet import UNet, extend
from napari_csc.core.synthesis import SynthesisOperator

Tensor = torch.Tensor

# Width, in pixels, of the neighbourhood that tells the phase of the image.
_PHASE_WIDTH = 4.0
# Bins of the power spectrum of a filter along each axis.
_BINS = 16
_EMBEDDING = 64
# Beyond it, objects on the other side of the circular boundary are too far to matter.
_HALO = 16
# Maps start near twice the noise of each response.
_FIRST_LOGIT = 1.5
_SAMPLED_POWER = 0.05
_SLOPE = 0.01


class MapNetworkV4(MapNetwork):
    """One U-Net on the image, and a light head for each filter: any dictionary, any order.

    The encoder sees the initial image, turned by the phase of its neighbourhood so that the global
    phase does not matter, and is run once however many filters there are. A filter is known by its
    power spectrum, its noise under the sampling mask, and the redundancy of the dictionary in its
    band. Its map is

        ``Lambda_k = n_k softplus(<f, w_k> + b_k + <v_k, h(C2 h(C1 r_k + g + u_k))>)``

    with the noise ``n_k`` of its response, the features ``f`` and ``g`` of the image, the numbers
    ``w_k, b_k, v_k, u_k`` that an embedding of the filter gives, its response ``r_k`` (turned
    likewise), two small convolutions ``C1, C2`` that all filters share, and a leaky ReLU ``h``.
    Filters meet only through mean and maximum of ``|r_k|``, so that shuffling them shuffles the
    maps.
    """

    permutation_equivariant = True

    def __init__(self, metadata: WeightMetadata) -> None:
        super().__init__(metadata)
        config = metadata.architecture
        self.config = config
        inputs = 4 + (2 if config.conditioning else 0) + (2 if config.pooling else 0)
        self.encoder = UNet(
            inputs, config.features + config.hidden, config.channels, config.stages, _HALO
        )
        known = 2 + (_BINS * (_BINS // 2 + 1) if config.embedding == "spectrum" else 0)
        self.embedding = nn.Sequential(
            nn.Linear(known, _EMBEDDING),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(_EMBEDDING, _EMBEDDING),
            nn.LeakyReLU(_SLOPE),
        )
        self.weights = nn.Linear(_EMBEDDING, config.features)
        self.offset = nn.Linear(_EMBEDDING, 1)
        if config.hidden:
            self.to_units = nn.Linear(_EMBEDDING, config.hidden)
            self.from_units = nn.Linear(_EMBEDDING, config.hidden)
            self.near = nn.Conv2d(config.hidden, config.hidden, 3)
            if config.local:
                self.local = nn.Conv2d(3, config.hidden, 3, bias=False)
        self._start()

    def _start(self) -> None:
        """Begin with maps near twice the noise, the same everywhere."""
        layers = [self.weights, self.offset]
        if self.config.hidden:
            layers.append(self.from_units)
        for layer in layers:
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.offset.bias, _FIRST_LOGIT)

    def forward(
        self,
        image: Tensor,
        synthesis: SynthesisOperator,
        mask: Tensor,
        checkpoint: Callable[[], None] | None = None,
        chunk_pixels: int = CHUNK_PIXELS,
    ) -> Tensor:
        """Infer the maps; see `MapNetwork.forward`."""
        check = checkpoint or _nothing
        check()
        n_filters = len(synthesis)
        at_once = n_filters if self.training else max(1, chunk_pixels // image[0].numel())
        chunks = [slice(i, min(i + at_once, n_filters)) for i in range(0, n_filters, at_once)]
        view = _View(image, synthesis, response_noise(synthesis, mask).expand(len(image), -1))
        features = self.encoder(self._inputs(view, mask, chunks)).float()
        check()
        with torch.autocast(image.device.type, enabled=False):
            known = self._embed(synthesis, view.noise)
        maps = []
        for chunk in chunks:
            check()
            logits = self._read(features, known[:, chunk], view, chunk)
            maps.append(F.softplus(logits.float()) * view.noise[:, chunk, None, None])
        return torch.cat(maps, dim=1)

    def _inputs(self, view: _View, mask: Tensor, chunks: list[slice]) -> Tensor:
        """Return what the encoder sees, (n, channels, y, x)."""
        masks = mask.reshape(-1, *mask.shape[-2:]).to(view.image.real.dtype)
        level = masks.mean((-2, -1)).sqrt().clamp_min(0.05)[:, None, None]
        turned = view.image / level * view.back
        modulus = turned.abs()
        compressed = turned * (torch.asinh(modulus) / modulus.clamp_min(1e-6))
        planes = [compressed.real, compressed.imag, torch.asinh(modulus), modulus.clamp_max(8) / 4]
        if self.config.conditioning:
            planes += [share.expand_as(modulus) for share in _extents(masks)]
        if self.config.pooling:
            total, largest = torch.zeros_like(modulus), torch.zeros_like(modulus)
            for chunk in chunks:
                moduli = torch.asinh(view.responses(chunk).abs())
                total = total + moduli.sum(1)
                largest = torch.maximum(largest, moduli.amax(1))
            planes += [total / view.noise.shape[1], largest]
        return torch.stack(planes, dim=1)

    def _embed(self, synthesis: SynthesisOperator, noise: Tensor) -> Tensor:
        """Return what is known of each filter, (n, K, embedding)."""
        redundancy = filter_redundancy(synthesis).expand_as(noise)
        known = torch.stack([noise, redundancy], dim=-1)
        if self.config.embedding == "spectrum":
            bins = _power_in_bins(synthesis.spectra)
            known = torch.cat([known, bins.expand(len(noise), *bins.shape)], dim=-1)
        result: Tensor = self.embedding(known)
        return result

    def _read(self, features: Tensor, known: Tensor, view: _View, chunk: slice) -> Tensor:
        """Return the logits (n, k, y, x) of some filters."""
        count, hidden = self.config.features, self.config.hidden
        shared, own = features[:, :count], features[:, count:]
        logits = torch.einsum("nkf,nfyx->nkyx", self.weights(known), shared)
        logits = logits + self.offset(known)[..., None]
        if not hidden:
            return logits
        units = _around(own, 1)[:, None] + self.to_units(known)[..., None, None]
        lead = units.shape[:2]
        units = units.flatten(0, 1)
        if self.config.local:
            responses = view.responses(chunk) * view.back[:, None]
            modulus = responses.abs()
            squeezed = responses * (torch.asinh(modulus) / modulus.clamp_min(1e-6))
            seen = torch.stack([squeezed.real, squeezed.imag, torch.asinh(modulus)], dim=2)
            units = units + self.local(_around(seen.flatten(0, 1), 2))
        units = F.leaky_relu(self.near(F.leaky_relu(units, _SLOPE)), _SLOPE)
        units = units.unflatten(0, lead)
        return logits + torch.einsum("nkh,nkhyx->nkyx", self.from_units(known), units)

    def working_bytes(self, shape: tuple[int, int], n_filters: int, chunk_pixels: int) -> int:
        """Return the bytes of encoder or one chunk; see `MapNetwork.working_bytes`."""
        pixels = shape[0] * shape[1]
        at_once = min(max(1, chunk_pixels // pixels), n_filters)
        reading = at_once * pixels * 4 * (3 * self.config.hidden + 16)
        features = 4 * pixels * (self.config.features + self.config.hidden)
        return features + max(self.encoder.working_bytes(shape), reading)


class _View:
    """The image and the responses of the filters, in units of their noise.

    Attributes
    ----------
    image : Tensor
        Initial images (n, y, x).
    back : Tensor
        What turns the local phase of the image to zero, unit complex numbers (n, y, x).
    noise : Tensor
        Noise of each filter response (n, K).
    """

    def __init__(self, image: Tensor, synthesis: SynthesisOperator, noise: Tensor) -> None:
        self.image, self.noise = image, noise
        self.back = _local_phase(image).conj()
        self._spectra = synthesis.spectra
        self._spectrum = torch.fft.fft2(image, norm="ortho")

    def responses(self, chunk: slice) -> Tensor:
        """Return the responses (n, k, y, x) of some filters."""
        products = self._spectrum.unsqueeze(1) * self._spectra[chunk].conj()
        return torch.fft.ifft2(products, norm="ortho") / self.noise[:, chunk, None, None]


def _nothing() -> None:
    pass


def _around(stack: Tensor, halo: int) -> Tensor:
    """Return images (n, c, y, x) extended circularly on all sides."""
    return extend(extend(stack, -2, halo), -1, halo)


def _local_phase(image: Tensor) -> Tensor:
    """Return the phase of the neighbourhood of each pixel, as unit complex numbers (n, y, x)."""
    squares = [torch.fft.fftfreq(n, device=image.device).square() for n in image.shape[-2:]]
    radius = squares[0][:, None] + squares[1][None, :]
    transfer = torch.exp(-2 * (torch.pi * _PHASE_WIDTH) ** 2 * radius)
    return torch.sgn(torch.fft.ifft2(torch.fft.fft2(image) * transfer))


def _extents(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Return the share of rows and of columns that hold samples, each (n, 1, 1)."""
    held = masks > _SAMPLED_POWER
    rows, columns = (held.any(axis).float().mean(-1) for axis in (-1, -2))
    return rows[:, None, None], columns[:, None, None]


def _power_in_bins(spectra: Tensor) -> Tensor:
    """Return the log power of filters in half a plane of frequency bins, (K, bins).

    The same for any image grid, as far as the grid resolves the spectrum.
    """
    power = torch.fft.fftshift(torch.view_as_real(spectra).square().sum(-1), dim=(-2, -1))
    binned = F.adaptive_avg_pool2d(power, (_BINS, _BINS))
    # The power of a real filter is symmetric; half of it says all.
    half = binned[:, :, _BINS // 2 - 1 :]
    return torch.log(half.flatten(1) + 1e-2)
