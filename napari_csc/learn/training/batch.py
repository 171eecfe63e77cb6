"""Scans to train on, simulated or measured."""

from __future__ import annotations

from dataclasses import dataclass

import torch

Tensor = torch.Tensor


@dataclass(frozen=True)
class Batch:
    """Scans of one step, in noise units.

    Attributes
    ----------
    spectrum : Tensor
        Sampled unitary spectrum in `torch.fft` order, (n, y, x) complex64, divided by sigma.
    mask : Tensor
        Sampled positions (n, y, x) in `torch.fft` order, float32.
    sigma : Tensor
        Noise standard deviation of a k-space sample, (n,), for images of maximum 10.
    reference : Tensor
        True images (n, y, x) complex64, maximum 10.
    noise_map : Tensor or None
        Noise at each pixel as far as it is known, (n, y, x), mean one; even if None.
    """

    spectrum: Tensor
    mask: Tensor
    sigma: Tensor
    reference: Tensor
    noise_map: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(
            self.spectrum.to(device),
            self.mask.to(device),
            self.sigma.to(device),
            self.reference.to(device),
            None if self.noise_map is None else self.noise_map.to(device),
        )
