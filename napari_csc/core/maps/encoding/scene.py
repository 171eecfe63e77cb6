"""The image as an encoder is given it, and what the encoder says of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from napari_csc.core.maps.base import Encoding
from napari_csc.core.maps.features import compress
from napari_csc.errors import CscError

Tensor = torch.Tensor

IMAGE_PLANES = 4
"""The planes in which an encoder sees the image, see `seen_of`."""
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


def in_levels(image: Tensor, masks: Tensor, back: Tensor) -> tuple[Tensor, Tensor]:
    """Return images turned, over their mean noise; and that noise (n, 1, 1), in noise units."""
    level = masks.mean((-2, -1)).sqrt().clamp_min(0.05)[:, None, None]
    return image / level * back, level


def seen_of(turned: Tensor) -> list[Tensor]:
    """Return the planes in which an encoder sees turned images: compressed, and the faint part."""
    squeezed, modulus = compress(turned)
    return [squeezed.real, squeezed.imag, modulus, turned.abs().clamp_max(8) / 4]


def extents(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Return the share of rows and of columns that hold samples, each (n, 1, 1)."""
    held = masks > _SAMPLED_POWER
    rows, columns = (held.any(axis).float().mean(-1) for axis in (-1, -2))
    return rows[:, None, None], columns[:, None, None]


def checked_profile(noise_map: Tensor, image: Tensor, training: bool) -> Tensor:
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
