"""Random numbers for a batch, on its device."""

from __future__ import annotations

import math

import numpy as np
import torch

Tensor = torch.Tensor
_EACH = (1, 1)


class Draw:
    """Random numbers, one for each image of a batch if nothing else is asked for.

    Parameters
    ----------
    count
        Images.
    device
        Where the numbers are made.
    seed
        Numbers that tell this draw from others; the same ones give the same numbers.
    realisation
        Another one gives other noise and otherwise the same numbers.
    """

    def __init__(self, count: int, device: torch.device, *seed: int, realisation: int = 0) -> None:
        self.count, self.device = count, device
        self._other = None
        if realisation:
            self._other = Draw(count, device, *seed, realisation)
        mixed = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
        self._generator = torch.Generator(device).manual_seed(int(mixed >> np.uint64(1)))

    def uniform(
        self, low: float = 0.0, high: float = 1.0, shape: tuple[int, ...] = _EACH
    ) -> Tensor:
        """Return numbers between two, (count, *shape)."""
        drawn = torch.rand(self.count, *shape, device=self.device, generator=self._generator)
        return low + (high - low) * drawn

    def log_uniform(self, low: float, high: float, shape: tuple[int, ...] = _EACH) -> Tensor:
        """Return positive numbers whose logarithms are uniform, (count, *shape)."""
        return torch.exp(self.uniform(math.log(low), math.log(high), shape))

    def normal(self, *shape: int) -> Tensor:
        """Return Gaussian numbers of variance one, (count, *shape)."""
        return torch.randn(self.count, *shape, device=self.device, generator=self._generator)

    def noise(self, *shape: int) -> Tensor:
        """Return complex Gaussian numbers of variance one, (count, *shape)."""
        numbers = self.normal(*shape, 2)
        if self._other is not None:
            numbers = self._other.normal(*shape, 2)
        return torch.view_as_complex(numbers) / 2**0.5

    def chance(self, share: float, shape: tuple[int, ...] = _EACH) -> Tensor:
        """Return True for a share of the images, (count, *shape)."""
        return self.uniform(shape=shape) < share
