"""What the training loop asks of everything it trains, whatever is inside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch
from torch import nn

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.learn.training.batch import Batch

Tensor = torch.Tensor


class Trainable(nn.Module, ABC):
    """Batch of scans to images, with weights to be learned."""

    @abstractmethod
    def forward(self, batch: Batch, dictionary: Dictionary, half_precision: bool = False) -> Tensor:
        """Return images (n, y, x) in units of the reference."""

    def with_estimate(
        self, batch: Batch, dictionary: Dictionary, half_precision: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Return images, and a second estimate of them to be trained too, if there is one."""
        return self(batch, dictionary, half_precision), None

    def estimate(self, batch: Batch, half_precision: bool = False) -> Tensor | None:
        """Return that estimate alone, if it can be had without a dictionary."""
        return None

    @abstractmethod
    def weights(self) -> list[nn.Parameter]:
        """Return the weights of the network."""

    def scalars(self) -> list[nn.Parameter]:
        """Return single numbers, which need a larger learning rate than weights."""
        return []

    @abstractmethod
    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over the weights of a file that `save` wrote."""

    @abstractmethod
    def save(self, path: Path, training: dict[str, Any], validation: dict[str, Any]) -> None:
        """Write the weights, and what is known of them, to a safetensors file."""
