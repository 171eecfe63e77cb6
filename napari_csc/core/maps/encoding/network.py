"""The networks that encode the image once: what V4 and V5 have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import nn

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.base import CHUNK_PIXELS, Encoding, MapNetwork
from napari_csc.core.maps.config import WeightMetadata
from napari_csc.core.maps.encoding.cpu_head import Convolutions, CpuHead
from napari_csc.core.maps.encoding.embedding import (
    EMBEDDING,
    SLOPE,
    embedding_network,
    power_in_bins,
    start_near_noise,
)
from napari_csc.core.maps.encoding.head import HeadGrid, around
from napari_csc.core.maps.encoding.responses import Responses, joint_responses, planes_of
from napari_csc.core.maps.encoding.scene import (
    IMAGE_PLANES,
    Encoded,
    Scene,
    checked_profile,
    in_levels,
    seen_of,
)
from napari_csc.core.maps.features import filter_power, filter_redundancy, response_noise
from napari_csc.core.maps.unet import UNet

Tensor = torch.Tensor

# Beyond it, objects on the other side of the circular boundary are too far to matter.
_HALO = 16


class EncodingNetwork(MapNetwork):
    """One U-Net on the image, and a light head for each filter: any dictionary, any order.

    A network says how it finds the phase, what its encoder sees, and how a filter reads its map;
    the rest is the same. Where the noise varies over the image, the image is divided by it first
    and the maps are multiplied by it in the end, so that inside everything is in units of the
    noise at each pixel.
    """

    permutation_equivariant = True
    knows_noise_maps = True
    grid: HeadGrid
    """What the small convolutions of the head work on."""

    def __init__(
        self,
        metadata: WeightMetadata,
        further_planes: int,
        views: int,
        has_estimate: bool = True,
        knows_spectra: bool = True,
    ) -> None:
        super().__init__(metadata)
        self.config = config = metadata.architecture
        self.has_estimate, self.knows_spectra = has_estimate, knows_spectra
        self.sees_responses = bool(config.hidden and views)
        outputs = config.features + config.hidden + (2 if has_estimate else 0)
        planes = IMAGE_PLANES + further_planes
        self.encoder = UNet(planes, outputs, config.channels, config.stages, _HALO)
        self.embedding = embedding_network(knows_spectra)
        self.weights = nn.Linear(EMBEDDING, config.features)
        self.offset = nn.Linear(EMBEDDING, 1)
        if config.hidden:
            self.to_units = nn.Linear(EMBEDDING, config.hidden)
            self.from_units = nn.Linear(EMBEDDING, config.hidden)
            self.near = nn.Conv2d(config.hidden, config.hidden, 3)
        if self.sees_responses:
            self.local = self.grid.convolution(3 * views, config.hidden)
        self._start()

    def _start(self) -> None:
        others = [self.weights, self.from_units] if self.config.hidden else [self.weights]
        start_near_noise(self.offset, *others)

    @classmethod
    def title_of(cls, metadata: WeightMetadata) -> str:
        """Return the title; of other weights than the usual ones, their name."""
        kind = metadata.architecture.kind
        return f"{kind.upper()}, for any dictionary" if metadata.name == kind else metadata.name

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
    def _further_planes(self, scene: Scene, like: Tensor) -> list[Tensor]:
        """Return what the encoder sees besides the image, each (n, y, x)."""

    @abstractmethod
    def _views(self, measured: Responses, estimated: Responses | None) -> list[Responses]:
        """Return the responses that the head sees, in its order."""

    def _encode(self, scene: Scene) -> Encoded:
        """Return what the encoder says of the images."""
        turned, level = in_levels(scene.image, scene.masks, scene.back)
        planes = seen_of(turned)
        planes += self._further_planes(scene, planes[0])
        found = self.encoder(torch.stack(planes, dim=1)).float()
        sizes = [self.config.features, self.config.hidden]
        shared, own, change = found.tensor_split([sizes[0], sum(sizes)], dim=1)
        estimate = None
        if self.has_estimate:
            change = torch.complex(change[:, 0], change[:, 1])
            estimate = (turned + change) * scene.back.conj() * level
        # Copies, so that nothing else is kept with them.
        return Encoded(shared.contiguous(), self.grid.own(own), estimate)

    def _pooled(self, measured: Responses, chunks: list[slice]) -> tuple[Tensor, ...]:
        """Return planes for the encoder that come from all responses; none by default."""
        return ()

    def _scene(self, image: Tensor, mask: Tensor, noise_map: Tensor | None) -> Scene:
        masks = mask.reshape(-1, *mask.shape[-2:]).to(image.real.dtype)
        profile = None if noise_map is None else checked_profile(noise_map, image, self.training)
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
        read = self._read_on_cpu if self._is_plain_cpu(image, synthesis) else self._read
        unit = self.config.scale * noise
        joined, estimate = read(encoded, known, unit, views, chunks, check), encoded.estimate
        if scene.noise_map is not None:
            joined = joined * scene.noise_map[:, None]
            estimate = None if estimate is None else estimate * scene.noise_map
        return joined, estimate

    def _is_plain_cpu(self, image: Tensor, synthesis: SynthesisOperator) -> bool:
        """Return whether nobody wants a gradient, on a CPU, in full precision."""
        tensors = (image, synthesis.spectra, *self.parameters())
        wanted = torch.is_grad_enabled() and any(one.requires_grad for one in tensors)
        return image.device.type == "cpu" and not wanted and not torch.is_autocast_enabled("cpu")

    def _read(
        self,
        encoded: Encoded,
        known: Tensor,
        unit: Tensor,
        views: list[Responses],
        chunks: list[slice],
        check: Callable[[], None],
    ) -> Tensor:
        """Return the maps (n, K, y, x) in units of the noise at each pixel."""
        maps = []
        for chunk in chunks:
            check()
            logits = self._logits(encoded, known[:, chunk], [view(chunk) for view in views])
            maps.append(F.softplus(logits.float()) * unit[:, chunk, None, None])
        return torch.cat(maps, dim=1)

    def _logits(self, encoded: Encoded, known: Tensor, responses: list[Tensor]) -> Tensor:
        """Return the logits (n, k, y, x) of some filters, of their responses (n, k, y, x)."""
        logits = torch.einsum("nkf,nfyx->nkyx", self.weights(known), encoded.shared)
        logits = logits + self.offset(known)[..., None]
        if not self.config.hidden:
            return logits
        units = encoded.own[:, None] + self.to_units(known)[..., None, None]
        lead = units.shape[:2]
        units = units.flatten(0, 1)
        if self.sees_responses:
            planes = around(planes_of(responses), self.grid.halo, even=self.grid.stride > 1)
            units = units + self.local(planes)
        units = F.leaky_relu(units, SLOPE)
        if self.grid.border:
            units = around(units, self.grid.border)
        units = F.leaky_relu(self.near(units), SLOPE).unflatten(0, lead)
        found = torch.einsum("nkh,nkhyx->nkyx", self.from_units(known), units)
        return logits + self.grid.back(found, (logits.shape[-2], logits.shape[-1]))

    def _read_on_cpu(
        self,
        encoded: Encoded,
        known: Tensor,
        unit: Tensor,
        views: list[Responses],
        chunks: list[slice],
        check: Callable[[], None],
    ) -> Tensor:
        """Return the same as `_read`; see `CpuHead`."""
        count, n_filters = known.shape[:2]
        grid = (encoded.shared.shape[-2], encoded.shared.shape[-1])
        logits = encoded.shared.new_empty(count, n_filters, *grid)
        heads = []
        for image in range(count):
            # All filters at once: the features are read once.
            torch.addmm(
                self.offset(known[image]),
                self.weights(known[image]),
                encoded.shared[image].flatten(1),
                out=logits[image].flatten(1),
            )
            if self.config.hidden:
                local = self.local if self.sees_responses else None
                parts = Convolutions(self.grid, local, self.near, SLOPE)
                heads.append(CpuHead(parts, encoded.own[image], grid))
        for chunk in chunks:
            check()
            for image, head in enumerate(heads):
                constants = self.to_units(known[image, chunk])
                weights = self.from_units(known[image, chunk])
                seen = joint_responses(views, image, chunk) if self.sees_responses else None
                for number, one in enumerate(logits[image, chunk]):
                    answers = None if seen is None else seen[:, number]
                    head.add_to(one, constants[number], weights[number], answers)
            part = logits[:, chunk]
            torch.mul(F.softplus(part), unit[:, chunk, None, None], out=part)
        return logits

    def _embed(self, power: Tensor, noise: Tensor) -> Tensor:
        """Return what is known of each filter, (n, K, embedding)."""
        redundancy = filter_redundancy(power).expand_as(noise)
        known = torch.stack([noise, redundancy], dim=-1)
        if self.knows_spectra:
            bins = power_in_bins(power)
            known = torch.cat([known, bins.expand(len(noise), *bins.shape)], dim=-1)
        result: Tensor = self.embedding(known)
        return result


def _nothing() -> None:
    pass
