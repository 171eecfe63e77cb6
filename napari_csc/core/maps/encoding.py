"""What the networks share that encode the image once: V4 and V5."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import nn

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.base import CHUNK_PIXELS, Encoding, MapNetwork
from napari_csc.core.maps.features import (
    compress,
    filter_power,
    filter_redundancy,
    response_noise,
)
from napari_csc.core.maps.unet import UNet
from napari_csc.errors import CscError

Tensor = torch.Tensor

# Beyond it, objects on the other side of the circular boundary are too far to matter.
HALO = 16
SLOPE = 0.01
# Bins of the power spectrum of a filter along each axis.
BINS = 16
EMBEDDING = 64
# Maps start near twice the noise of each response.
_FIRST_LOGIT = 1.5
_SAMPLED_POWER = 0.05


@dataclass(frozen=True)
class Encoded:
    """What the encoder says of the image.

    Attributes
    ----------
    shared : Tensor
        Features that every filter weighs, (n, c, y, x).
    own : Tensor
        Features for the small convolutions of the head, on the grid and with the border that it
        needs.
    estimate : Tensor or None
        The image without noise, (n, y, x), in the units of the image that was encoded.
    """

    shared: Tensor
    own: Tensor
    estimate: Tensor | None

    def tensors(self) -> Encoding:
        """Return it as tensors, to be kept."""
        return (self.shared, self.own, *(() if self.estimate is None else (self.estimate,)))

    @classmethod
    def of(cls, tensors: Encoding) -> Encoded:
        """Return it as `tensors` gave it."""
        return cls(tensors[0], tensors[1], tensors[2] if len(tensors) > 2 else None)


@dataclass(frozen=True)
class Scene:
    """An image as the encoder is given it.

    Attributes
    ----------
    image : Tensor
        Initial images (n, y, x), complex, in units of the noise at each pixel.
    masks : Tensor
        Noise power at each frequency, (n or 1, y, x).
    back : Tensor
        Conjugate of the phase of each neighbourhood, (n, y, x): it turns images to be nearly real.
    noise_map : Tensor or None
        Noise at each pixel over its mean, (n or 1, y, x), where it varies.
    pooled : tuple of Tensor
        Further planes (n, y, x) for the encoder.
    """

    image: Tensor
    masks: Tensor
    back: Tensor
    noise_map: Tensor | None = None
    pooled: tuple[Tensor, ...] = ()


class EncodingNetwork(MapNetwork):
    """One U-Net on the image, and a light head for each filter: any dictionary, any order.

    A network says how it finds the phase, what its encoder sees, and how a filter reads its map;
    the rest is the same. Where the noise varies over the image, the image is divided by it first
    and the maps are multiplied by it in the end, so that inside everything is in units of the
    noise at each pixel.
    """

    permutation_equivariant = True
    knows_noise_maps = True
    encoder: UNet
    embedding: nn.Sequential
    knows_spectra = True
    """Whether the embedding is given the power spectrum of each filter."""

    @property
    def looks_at_responses(self) -> bool:
        """Whether the encoder sees the responses of all filters, so that it depends on them."""
        return False

    def forward(
        self,
        image: Tensor,
        synthesis: SynthesisOperator,
        mask: Tensor,
        checkpoint: Callable[[], None] | None = None,
        chunk_pixels: int = CHUNK_PIXELS,
        encoding: Encoding | None = None,
        noise_map: Tensor | None = None,
    ) -> Tensor:
        """Infer the maps; see `MapNetwork.forward`.

        Parameters
        ----------
        image, synthesis, mask, checkpoint, chunk_pixels
            See `MapNetwork.forward`.
        encoding
            What `encode` gave for the same images and noise map, if it is at hand.
        noise_map
            Noise at each pixel, (y, x) or (n, y, x), positive, with a mean of one; the same
            everywhere if None.
        """
        check = checkpoint or _nothing
        return self._infer(image, synthesis, mask, check, chunk_pixels, encoding, noise_map)[0]

    def encode(
        self, image: Tensor, mask: Tensor, noise_map: Tensor | None = None
    ) -> Encoding | None:
        """Return what the encoder says; nothing if it looks at the responses."""
        if self.looks_at_responses:
            return None
        return self._encode(self._scene(image, mask, noise_map)).tensors()

    def with_estimate(
        self,
        image: Tensor,
        synthesis: SynthesisOperator,
        mask: Tensor,
        noise_map: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Return maps and estimate; see `MapNetwork.with_estimate`."""
        return self._infer(image, synthesis, mask, _nothing, CHUNK_PIXELS, None, noise_map)

    def estimate(self, image: Tensor, mask: Tensor, noise_map: Tensor | None = None) -> Tensor:
        """Return the estimate (n, y, x) of the image alone, in noise units.

        It needs no dictionary, so the encoder can be trained on it first.
        """
        scene = self._scene(image, mask, noise_map)
        found = self._encode(scene).estimate
        assert found is not None
        return found if scene.noise_map is None else found * scene.noise_map

    @abstractmethod
    def _phase(self, image: Tensor) -> Tensor:
        """Return the phase of each neighbourhood of images (n, y, x), as unit complex numbers."""

    @abstractmethod
    def _encode(self, scene: Scene) -> Encoded:
        """Return what the encoder says of the images."""

    @abstractmethod
    def _views(self, measured: Responses, estimated: Responses | None) -> list[Responses]:
        """Return the responses that the head sees, in its order."""

    @abstractmethod
    def _read(self, encoded: Encoded, known: Tensor, responses: list[Tensor]) -> Tensor:
        """Return the logits (n, k, y, x) of some filters, of their responses (n, k, y, x)."""

    def _pooled(self, measured: Responses, chunks: list[slice]) -> tuple[Tensor, ...]:
        """Return planes for the encoder that come from all responses; none by default."""
        return ()

    def _scene(self, image: Tensor, mask: Tensor, noise_map: Tensor | None) -> Scene:
        masks = mask.reshape(-1, *mask.shape[-2:]).to(image.real.dtype)
        profile = None if noise_map is None else _checked_profile(noise_map, image, self.training)
        if profile is not None:
            image = image / profile
        return Scene(image, masks, self._phase(image).conj(), profile)

    def _infer(
        self,
        image: Tensor,
        synthesis: SynthesisOperator,
        mask: Tensor,
        check: Callable[[], None],
        chunk_pixels: int,
        encoding: Encoding | None,
        noise_map: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:
        check()
        count = len(synthesis)
        at_once = count if self.training else max(1, chunk_pixels // image[0].numel())
        chunks = [slice(i, min(i + at_once, count)) for i in range(0, count, at_once)]
        power = filter_power(synthesis)
        noise = response_noise(power, mask).expand(len(image), -1)
        scene = self._scene(image, mask, noise_map)
        measured = Responses(scene.image, synthesis, noise, scene.back)
        if encoding is None:
            encoded = self._encode(replace(scene, pooled=self._pooled(measured, chunks)))
        else:
            encoded = Encoded.of(encoding)
        check()
        estimated = None
        if encoded.estimate is not None:
            estimated = Responses(encoded.estimate, synthesis, noise, scene.back)
        views = self._views(measured, estimated)
        with torch.autocast(image.device.type, enabled=False):
            known = self._embed(power, noise)
        maps = []
        for chunk in chunks:
            check()
            logits = self._read(encoded, known[:, chunk], [view(chunk) for view in views])
            maps.append(F.softplus(logits.float()) * noise[:, chunk, None, None])
        joined, estimate = torch.cat(maps, dim=1), encoded.estimate
        if scene.noise_map is not None:
            joined = joined * scene.noise_map[:, None]
            estimate = None if estimate is None else estimate * scene.noise_map
        return joined, estimate

    def _embed(self, power: Tensor, noise: Tensor) -> Tensor:
        """Return what is known of each filter, (n, K, embedding)."""
        redundancy = filter_redundancy(power).expand_as(noise)
        known = torch.stack([noise, redundancy], dim=-1)
        if self.knows_spectra:
            bins = power_in_bins(power)
            known = torch.cat([known, bins.expand(len(noise), *bins.shape)], dim=-1)
        result: Tensor = self.embedding(known)
        return result


class Responses:
    """Responses of the filters to images (n, y, x), in units of their noise, turned by a phase."""

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


def embedding_network(knows_spectra: bool = True) -> nn.Sequential:
    """Return the small network that turns what is known of a filter into its embedding."""
    known = 2 + (BINS * (BINS // 2 + 1) if knows_spectra else 0)
    return nn.Sequential(
        nn.Linear(known, EMBEDDING),
        nn.LeakyReLU(SLOPE),
        nn.Linear(EMBEDDING, EMBEDDING),
        nn.LeakyReLU(SLOPE),
    )


def start_near_noise(offset: nn.Linear, *others: nn.Linear) -> None:
    """Begin with maps near twice the noise, the same everywhere."""
    for layer in (offset, *others):
        nn.init.normal_(layer.weight, std=0.01)
        nn.init.zeros_(layer.bias)
    nn.init.constant_(offset.bias, _FIRST_LOGIT)


def planes_of(responses: list[Tensor]) -> Tensor:
    """Return real part, imaginary part and modulus of responses, compressed, (n k, c, y, x)."""
    planes = []
    for one in responses:
        squeezed, modulus = compress(one)
        planes += [squeezed.real, squeezed.imag, modulus]
    return torch.stack(planes, dim=2).flatten(0, 1)


def in_levels(image: Tensor, masks: Tensor, back: Tensor) -> tuple[Tensor, Tensor]:
    """Return images turned, over their mean noise; and that noise (n, 1, 1), in noise units."""
    level = masks.mean((-2, -1)).sqrt().clamp_min(0.05)[:, None, None]
    return image / level * back, level


def seen_of(turned: Tensor) -> list[Tensor]:
    """Return the planes in which an encoder sees turned images: compressed, and the faint part."""
    squeezed, modulus = compress(turned)
    return [squeezed.real, squeezed.imag, modulus, turned.abs().clamp_max(8) / 4]


def around(stack: Tensor, halo: int) -> Tensor:
    """Return images (n, c, y, x) extended circularly on all sides."""
    return F.pad(stack, (halo,) * 4, mode="circular")


def local_phase(image: Tensor, width: float, ramp: bool = False) -> Tensor:
    """Return the phase of the neighbourhood of each pixel, as unit complex numbers (n, y, x).

    Parameters
    ----------
    image
        Complex images (n, y, x).
    width
        Standard deviation, in pixels, of the neighbourhood.
    ramp
        Whether the strongest linear phase is taken out before and put back after the smoothing: an
        echo off the centre of k-space turns the phase so fast that a neighbourhood would cancel.
    """
    if ramp:
        slope = _ramp(image)
        return local_phase(image * slope.conj(), width) * slope
    squares = [torch.fft.fftfreq(n, device=image.device).square() for n in image.shape[-2:]]
    radius = squares[0][:, None] + squares[1][None, :]
    transfer = torch.exp(-2 * (torch.pi * width) ** 2 * radius)
    return torch.sgn(torch.fft.ifft2(torch.fft.fft2(image) * transfer))


def _ramp(image: Tensor) -> Tensor:
    """Return the linear phase (n, y, x) that the autocorrelation of an image at one pixel tells."""
    angles = []
    for axis in (-2, -1):
        step = torch.angle((torch.roll(image, -1, axis) * image.conj()).sum((-2, -1)))
        size = image.shape[axis]
        places = torch.arange(size, device=image.device, dtype=image.real.dtype) - size // 2
        angles.append(step[:, None] * places)
    angle = angles[0][:, :, None] + angles[1][:, None, :]
    return torch.polar(torch.ones_like(angle), angle)


def extents(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Return the share of rows and of columns that hold samples, each (n, 1, 1)."""
    held = masks > _SAMPLED_POWER
    rows, columns = (held.any(axis).float().mean(-1) for axis in (-1, -2))
    return rows[:, None, None], columns[:, None, None]


def power_in_bins(power: Tensor) -> Tensor:
    """Return the log power of filters in half a plane of frequency bins, (K, bins).

    The same for any image grid, as far as the grid resolves the spectrum.
    """
    centred = torch.fft.fftshift(power, dim=(-2, -1))
    binned = F.adaptive_avg_pool2d(centred, (BINS, BINS))
    # The power of a real filter is symmetric; half of it says all.
    half = binned[:, :, BINS // 2 - 1 :]
    return torch.log(half.flatten(1) + 1e-2)


def _checked_profile(noise_map: Tensor, image: Tensor, training: bool) -> Tensor:
    """Return the noise map as (n or 1, y, x), or say what is wrong with it."""
    profile = noise_map.reshape(-1, *noise_map.shape[-2:]).to(image.real)
    if profile.shape[-2:] != image.shape[-2:] or len(profile) not in (1, len(image)):
        raise CscError(
            f"The noise map has the shape {tuple(noise_map.shape)}, but the images have "
            f"{tuple(image.shape)}; give one value for each pixel."
        )
    # Training draws its own noise maps, and an accelerator would have to wait for this look.
    if not training and not bool((profile > 0).all()):
        raise CscError("The noise map must be positive at every pixel; mask nothing in it.")
    return profile


def _nothing() -> None:
    pass
