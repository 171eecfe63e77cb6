"""V4: the image is encoded once, and each filter reads its map from the features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.base import CHUNK_PIXELS, Encoding, MapNetwork
from napari_csc.core.maps.config import WeightMetadata
from napari_csc.core.maps.features import (
    compress,
    filter_power,
    filter_redundancy,
    response_noise,
)
from napari_csc.core.maps.unet import UNet

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
    phase does not matter. It runs once, however many filters there are, and gives features ``f``
    and ``g`` and an estimate of the image without noise. A filter is known by its power spectrum,
    its noise under the sampling mask, and the redundancy of the dictionary in its band. Its map is

        ``Lambda_k = n_k softplus(<f, w_k> + b_k + <v_k, h(C2 h(C1 r_k + g + u_k))>)``

    with the noise ``n_k`` of its response, the numbers ``w_k, b_k, v_k, u_k`` that an embedding of
    the filter gives, its responses ``r_k`` to the initial image and to the estimate, two small
    convolutions ``C1, C2`` that all filters share, and a leaky ReLU ``h``. So the map of any filter
    can be low where the encoder expects what the filter shows, and the image is still made of the
    measured data. Filters do not see each other (but for ``pooling``), so that shuffling them
    shuffles the maps.
    """

    permutation_equivariant = True

    def __init__(self, metadata: WeightMetadata) -> None:
        super().__init__(metadata)
        config = metadata.architecture
        self.config = config
        inputs = 4 + (2 if config.conditioning else 0) + (2 if config.pooling else 0)
        outputs = config.features + config.hidden + (2 if config.estimate else 0)
        self.encoder = UNet(inputs, outputs, config.channels, config.stages, _HALO)
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
            seen = 3 * (int(config.local) + int(config.estimate))
            if seen:
                self.local = nn.Conv2d(seen, config.hidden, 3, bias=False)
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

    @classmethod
    def title_of(cls, metadata: WeightMetadata) -> str:
        """Return the title; of other weights than the usual ones, their name."""
        return "V4, for any dictionary" if metadata.name == "v4" else metadata.name

    def forward(
        self,
        image: Tensor,
        synthesis: SynthesisOperator,
        mask: Tensor,
        checkpoint: Callable[[], None] | None = None,
        chunk_pixels: int = CHUNK_PIXELS,
        encoding: Encoding | None = None,
    ) -> Tensor:
        """Infer the maps; see `MapNetwork.forward`.

        ``encoding`` is what `encode` gave for the same images, if it is at hand.
        """
        check = checkpoint or _nothing
        return self._infer(image, synthesis, mask, check, chunk_pixels, encoding)[0]

    def encode(self, image: Tensor, mask: Tensor) -> Encoding | None:
        """Return what the encoder says; nothing with ``pooling``, which looks at all responses."""
        if self.config.pooling:
            return None
        return self._encode(image, mask, _local_phase(image).conj(), []).tensors()

    def with_estimate(
        self, image: Tensor, synthesis: SynthesisOperator, mask: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Return maps and estimate; see `MapNetwork.with_estimate`."""
        return self._infer(image, synthesis, mask, _nothing, CHUNK_PIXELS)

    def estimate(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the estimate (n, y, x) of the image alone, in noise units.

        It needs no dictionary, so the encoder can be trained on it first.
        """
        found = self._encode(image, mask, _local_phase(image).conj(), []).estimate
        assert found is not None
        return found

    def _infer(
        self,
        image: Tensor,
        synthesis: SynthesisOperator,
        mask: Tensor,
        check: Callable[[], None],
        chunk_pixels: int,
        encoding: Encoding | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        check()
        count = len(synthesis)
        at_once = count if self.training else max(1, chunk_pixels // image[0].numel())
        chunks = [slice(i, min(i + at_once, count)) for i in range(0, count, at_once)]
        power = filter_power(synthesis)
        noise = response_noise(power, mask).expand(len(image), -1)
        back = _local_phase(image).conj()
        measured = _Responses(image, synthesis, noise, back)
        if encoding is None:
            pooled = _pooled(measured, chunks) if self.config.pooling else []
            encoded = self._encode(image, mask, back, pooled)
        else:
            encoded = _Encoded.of(encoding)
        check()
        views = [measured] if self.config.local else []
        if encoded.estimate is not None:
            views.append(_Responses(encoded.estimate, synthesis, noise, back))
        with torch.autocast(image.device.type, enabled=False):
            known = self._embed(power, noise)
        maps = []
        for chunk in chunks:
            check()
            logits = self._read(encoded, known[:, chunk], [view(chunk) for view in views])
            maps.append(F.softplus(logits.float()) * noise[:, chunk, None, None])
        return torch.cat(maps, dim=1), encoded.estimate

    def _encode(self, image: Tensor, mask: Tensor, back: Tensor, pooled: list[Tensor]) -> _Encoded:
        masks = mask.reshape(-1, *mask.shape[-2:]).to(image.real.dtype)
        level = masks.mean((-2, -1)).sqrt().clamp_min(0.05)[:, None, None]
        turned = image / level * back
        squeezed, modulus = compress(turned)
        planes = [squeezed.real, squeezed.imag, modulus, turned.abs().clamp_max(8) / 4]
        if self.config.conditioning:
            planes += [share.expand_as(modulus) for share in _extents(masks)]
        found = self.encoder(torch.stack([*planes, *pooled], dim=1)).float()
        sizes = [self.config.features, self.config.hidden]
        shared, own, change = found.tensor_split([sizes[0], sum(sizes)], dim=1)
        estimate = None
        if self.config.estimate:
            estimate = (turned + torch.complex(change[:, 0], change[:, 1])) * back.conj() * level
        return _Encoded(shared, _around(own, 1), estimate)

    def _embed(self, power: Tensor, noise: Tensor) -> Tensor:
        """Return what is known of each filter, (n, K, embedding)."""
        redundancy = filter_redundancy(power).expand_as(noise)
        known = torch.stack([noise, redundancy], dim=-1)
        if self.config.embedding == "spectrum":
            bins = _power_in_bins(power)
            known = torch.cat([known, bins.expand(len(noise), *bins.shape)], dim=-1)
        result: Tensor = self.embedding(known)
        return result

    def _read(self, encoded: _Encoded, known: Tensor, responses: list[Tensor]) -> Tensor:
        """Return the logits (n, k, y, x) of some filters, of their responses (n, k, y, x)."""
        logits = torch.einsum("nkf,nfyx->nkyx", self.weights(known), encoded.shared)
        logits = logits + self.offset(known)[..., None]
        if not self.config.hidden:
            return logits
        units = encoded.own[:, None] + self.to_units(known)[..., None, None]
        lead = units.shape[:2]
        units = units.flatten(0, 1)
        if responses:
            planes = []
            for one in responses:
                squeezed, modulus = compress(one)
                planes += [squeezed.real, squeezed.imag, modulus]
            seen = torch.stack(planes, dim=2).flatten(0, 1)
            units = units + self.local(_around(seen, 2))
        units = F.leaky_relu(self.near(F.leaky_relu(units, _SLOPE)), _SLOPE)
        units = units.unflatten(0, lead)
        return logits + torch.einsum("nkh,nkhyx->nkyx", self.from_units(known), units)

    def working_bytes(self, shape: tuple[int, int], n_filters: int, chunk_pixels: int) -> int:
        """Return the bytes of encoder or one chunk; see `MapNetwork.working_bytes`."""
        pixels = shape[0] * shape[1]
        at_once = min(max(1, chunk_pixels // pixels), n_filters)
        reading = at_once * pixels * 4 * (3 * self.config.hidden + 24)
        features = 4 * pixels * (self.config.features + self.config.hidden + 8)
        return features + max(self.encoder.working_bytes(shape), reading)


@dataclass(frozen=True)
class _Encoded:
    """What the encoder says of the image.

    Attributes
    ----------
    shared : Tensor
        Features that every filter weighs, (n, c, y, x).
    own : Tensor
        Features for the small convolutions, (n, c, y + 2, x + 2), extended by a pixel.
    estimate : Tensor or None
        The image without noise, (n, y, x).
    """

    shared: Tensor
    own: Tensor
    estimate: Tensor | None

    def tensors(self) -> Encoding:
        """Return it as tensors, to be kept."""
        return (self.shared, self.own, *(() if self.estimate is None else (self.estimate,)))

    @classmethod
    def of(cls, tensors: Encoding) -> _Encoded:
        """Return it as `tensors` gave it."""
        return cls(tensors[0], tensors[1], tensors[2] if len(tensors) > 2 else None)


class _Responses:
    """Responses of the filters to an image, in units of their noise, turned by its phase."""

    def __init__(
        self, image: Tensor, synthesis: SynthesisOperator, noise: Tensor, back: Tensor
    ) -> None:
        self._spectra, self.noise, self._back = synthesis.spectra, noise, back
        self._spectrum = torch.fft.fft2(image, norm="ortho")

    def __call__(self, chunk: slice) -> Tensor:
        """Return the responses (n, k, y, x) of some filters."""
        products = self._spectrum.unsqueeze(1) * self._spectra[chunk].conj()
        responses = torch.fft.ifft2(products, norm="ortho") / self.noise[:, chunk, None, None]
        return responses * self._back[:, None]


def _nothing() -> None:
    pass


def _pooled(responses: _Responses, chunks: list[slice]) -> list[Tensor]:
    """Return mean and maximum of the compressed moduli of all responses, each (n, y, x)."""
    moduli = [compress(responses(chunk))[1] for chunk in chunks]
    count = responses.noise.shape[1]
    largest = torch.stack([one.amax(1) for one in moduli]).amax(0)
    return [torch.stack([one.sum(1) for one in moduli]).sum(0) / count, largest]


def _around(stack: Tensor, halo: int) -> Tensor:
    """Return images (n, c, y, x) extended circularly on all sides."""
    return F.pad(stack, (halo,) * 4, mode="circular")


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


def _power_in_bins(power: Tensor) -> Tensor:
    """Return the log power of filters in half a plane of frequency bins, (K, bins).

    The same for any image grid, as far as the grid resolves the spectrum.
    """
    centred = torch.fft.fftshift(power, dim=(-2, -1))
    binned = F.adaptive_avg_pool2d(centred, (_BINS, _BINS))
    # The power of a real filter is symmetric; half of it says all.
    half = binned[:, :, _BINS // 2 - 1 :]
    return torch.log(half.flatten(1) + 1e-2)
