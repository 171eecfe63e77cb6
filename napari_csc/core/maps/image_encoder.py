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
_BOX = 5
# Beyond it, objects on the other side of the circular boundary are too far to matter.
_HALO = 16
# Maps start near twice the noise of each response.
_FIRST_LOGIT = 1.5
_SAMPLED_POWER = 0.05


class MapNetworkV4(MapNetwork):
    """One U-Net on the image, and a light head for each filter: any dictionary, any order.

    The encoder sees the initial image, turned by the phase of its neighbourhood so that the global
    phase does not matter, and is run once however many filters there are. A filter is known by its
    power spectrum, its noise under the sampling mask, and the redundancy of the dictionary in its
    band. Its map is

        ``Lambda_k(r) = n_k softplus(<f(r), w_k> + b_k + <v_k, h(g(r) + u_k + c a_k(r))>)``

    with the noise ``n_k`` of its response, the features ``f`` and ``g`` of the image, the numbers
    ``w_k, b_k, v_k, u_k`` that an embedding of the filter gives, the modulus ``a_k`` of its
    response at the pixel and around it, and ``h`` a leaky ReLU. Filters meet only through mean and
    maximum of ``a_k``, so that shuffling them shuffles the maps.
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
            nn.LeakyReLU(0.01),
            nn.Linear(_EMBEDDING, _EMBEDDING),
            nn.LeakyReLU(0.01),
        )
        self.weights = nn.Linear(_EMBEDDING, config.features)
        self.offset = nn.Linear(_EMBEDDING, 1)
        self.to_units = nn.Linear(_EMBEDDING, config.hidden)
        self.from_units = nn.Linear(_EMBEDDING, config.hidden)
        self.local = nn.Parameter(torch.zeros(config.hidden, 2))
        self._start()

    def _start(self) -> None:
        """Begin with maps near twice the noise, the same everywhere."""
        for layer in (self.weights, self.offset, self.from_units):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.offset.bias, _FIRST_LOGIT)
        if self.config.hidden:
            nn.init.normal_(self.local, std=0.5)

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
        spectrum = torch.fft.fft2(image, norm="ortho")
        noise = response_noise(synthesis, mask).expand(len(image), -1)
        moduli: list[Tensor] = []
        if self.config.pooling or self.config.local:
            for chunk in chunks:
                moduli.append(_moduli(spectrum, synthesis.spectra[chunk], noise[:, chunk]))
        features = self.encoder(self._inputs(image, mask, moduli)).float()
        check()
        with torch.autocast(image.device.type, enabled=False):
            known = self._embed(synthesis, noise)
            maps = []
            for number, chunk in enumerate(chunks):
                check()
                local = moduli[number] if self.config.local else None
                logits = self._read(features, known[:, chunk], local)
                maps.append(F.softplus(logits) * noise[:, chunk, None, None])
        return torch.cat(maps, dim=1)

    def _inputs(self, image: Tensor, mask: Tensor, moduli: list[Tensor]) -> Tensor:
        """Return what the encoder sees, (n, channels, y, x)."""
        masks = mask.reshape(-1, *mask.shape[-2:]).to(image.real.dtype)
        level = masks.mean((-2, -1)).sqrt().clamp_min(0.05)[:, None, None]
        turned = image / level * _local_phase(image).conj()
        modulus = turned.abs()
        compressed = turned * (torch.asinh(modulus) / modulus.clamp_min(1e-6))
        planes = [compressed.real, compressed.imag, torch.asinh(modulus), modulus.clamp_max(8) / 4]
        if self.config.conditioning:
            planes += [share.expand_as(modulus) for share in _extents(masks)]
        if self.config.pooling:
            planes.append(torch.cat(moduli, 1).mean(1))
            planes.append(torch.stack([one.amax(1) for one in moduli], 1).amax(1))
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

    def _read(self, features: Tensor, known: Tensor, moduli: Tensor | None) -> Tensor:
        """Return the logits (n, k, y, x) of some filters."""
        count = self.config.features
        shared, own = features[:, :count], features[:, count:]
        logits = torch.einsum("nkf,nfyx->nkyx", self.weights(known), shared)
        logits = logits + self.offset(known)[..., None]
        if not self.config.hidden:
            return logits
        units = own[:, None] + self.to_units(known)[..., None, None]
        if moduli is not None:
            around = F.avg_pool2d(_extended(moduli), _BOX, stride=1)
            at, near = self.local.unbind(1)
            units = units + moduli[:, :, None] * at[:, None, None]
            units = units + around[:, :, None] * near[:, None, None]
        units = F.leaky_relu(units, 0.01)
        return logits + torch.einsum("nkh,nkhyx->nkyx", self.from_units(known), units)

    def working_bytes(self, shape: tuple[int, int], n_filters: int, chunk_pixels: int) -> int:
        """Return the bytes of encoder, moduli and one chunk; see `MapNetwork.working_bytes`."""
        pixels = shape[0] * shape[1]
        at_once = min(max(1, chunk_pixels // pixels), n_filters)
        moduli = 4 * pixels * n_filters * (2 if self.config.pooling else 1)
        reading = at_once * pixels * 4 * (3 * self.config.hidden + 6)
        features = 4 * pixels * (self.config.features + self.config.hidden)
        return moduli + features + max(self.encoder.working_bytes(shape), reading)


def _nothing() -> None:
    pass


def _moduli(spectrum: Tensor, spectra: Tensor, noise: Tensor) -> Tensor:
    """Return the compressed moduli of filter responses in units of their noise, (n, k, y, x)."""
    responses = torch.fft.ifft2(spectrum.unsqueeze(1) * spectra.conj(), norm="ortho")
    return torch.asinh(responses.abs() / noise[..., None, None])


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


def _extended(moduli: Tensor) -> Tensor:
    return extend(extend(moduli, -2, _BOX // 2), -1, _BOX // 2)
