"""What is trained together: a map network and the filters of a dictionary."""

from __future__ import annotations

from typing import Self

import torch
from torch import nn

from napari_csc.core.dictionary.smooth_modes import SMOOTH_MODES
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.encoding import EncodingNetwork
from napari_csc.core.solvers.batched import RULES, batched_admm
from napari_csc.core.solvers.data_term import CartesianDataTerm
from napari_csc.learn.training.batch import Batch

Tensor = torch.Tensor


class JointModel(nn.Module):
    """Scans to images, differentiable in the weights of the network and in the filters.

    Parameters
    ----------
    network
        The map network; its metadata give iterations, rule, norm and smooth filters.
    filters
        The filters (K, ky, kx) to begin with.
    halo
        Pixels by which the encoder extends images while it is trained.
    """

    def __init__(self, network: EncodingNetwork, filters: Tensor, halo: int = 16) -> None:
        super().__init__()
        self.network = network
        self.learned = nn.Parameter(filters.clone())
        self._halos = network.encoder.halo, halo

    def train(self, mode: bool = True) -> Self:
        """Turn training on or off."""
        self.network.encoder.halo = self._halos[int(mode)]
        return super().train(mode)

    def filters(self, order: Tensor | None = None) -> Tensor:
        """Return the learned filters (K, ky, kx), or some of them, of unit norm."""
        chosen = self.learned if order is None else self.learned[order]
        return chosen / chosen.flatten(1).norm(dim=1)[:, None, None]

    def estimate(self, batch: Batch, half_precision: bool = False) -> Tensor:
        """Return the estimates (n, y, x) of the network alone, in noise units."""
        initial = torch.fft.ifft2(batch.spectrum, norm="ortho")
        with torch.autocast(initial.device.type, torch.bfloat16, enabled=half_precision):
            return self.network.estimate(initial, batch.mask, batch.noise_map)

    def forward(
        self, batch: Batch, filters: Tensor, half_precision: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return images and estimates (n, y, x), in noise units, with some filters (K, ky, kx)."""
        image, estimate, _ = self.with_maps(batch, filters, half_precision)
        return image, estimate

    def with_maps(
        self, batch: Batch, filters: Tensor, half_precision: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return images, estimates and the maps (n, K, y, x) of the filters, in noise units."""
        synthesis = self._synthesis(batch, filters)
        maps, estimate = self._inferred(batch, synthesis, half_precision)
        assert estimate is not None
        return self._solved(batch, synthesis, maps), estimate, maps[:, : len(filters)]

    def maps(self, batch: Batch, filters: Tensor, half_precision: bool = False) -> Tensor:
        """Return the maps (n, K, y, x) of some filters alone, in noise units."""
        synthesis = self._synthesis(batch, filters)
        return self._inferred(batch, synthesis, half_precision)[0][:, : len(filters)]

    def responses(self, batch: Batch, filters: Tensor) -> Tensor:
        """Return the magnitudes (n, K, y, x) of the responses to the true images."""
        synthesis = SynthesisOperator(filters, (batch.mask.shape[-2], batch.mask.shape[-1]))
        return synthesis.adjoint(batch.reference / batch.sigma[:, None, None]).abs()

    def with_scalar(self, batch: Batch, filters: Tensor, level: float) -> Tensor:
        """Return images (n, y, x) with one level, in noise units, for all maps."""
        synthesis = self._synthesis(batch, filters)
        shape = (len(batch.mask), *synthesis.spectra.shape)
        return self._solved(batch, synthesis, batch.mask.new_full(shape, level))

    def _inferred(
        self, batch: Batch, synthesis: SynthesisOperator, half_precision: bool
    ) -> tuple[Tensor, Tensor | None]:
        initial = torch.fft.ifft2(batch.spectrum, norm="ortho")
        with torch.autocast(initial.device.type, torch.bfloat16, enabled=half_precision):
            maps, estimate = self.network.with_estimate(
                initial, synthesis, batch.mask, batch.noise_map
            )
        return maps.float(), estimate

    def _synthesis(self, batch: Batch, filters: Tensor) -> SynthesisOperator:
        metadata = self.network.metadata
        joined = SMOOTH_MODES[metadata.smooth].joined(filters, metadata.smooth_widths)
        return SynthesisOperator(joined, (batch.mask.shape[-2], batch.mask.shape[-1]))

    def _solved(self, batch: Batch, synthesis: SynthesisOperator, maps: Tensor) -> Tensor:
        metadata = self.network.metadata
        spectrum = batched_admm(
            synthesis,
            CartesianDataTerm(batch.spectrum, batch.mask),
            maps,
            metadata.iterations,
            metadata.norm,
            RULES[metadata.rule],
        )
        return torch.fft.ifft2(spectrum, norm="ortho")
