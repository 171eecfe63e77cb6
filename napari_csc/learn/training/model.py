"""The map network in front of the unrolled solver, to be trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.filter_set import filter_set
from napari_csc.core.dictionary.smooth_modes import SMOOTH_MODES
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps import MapNetwork, MapNetworkV4, save_map_network
from napari_csc.core.solvers.data_term import CartesianDataTerm
from napari_csc.core.solvers.table import BatchProblem, unrolled
from napari_csc.learn.training.batch import Batch
from napari_csc.learn.training.trainable import Trainable

Tensor = torch.Tensor


class UnrolledReconstruction(Trainable):
    """Batch of scans to images, differentiable in the weights of the map network.

    Parameters
    ----------
    network
        The map network; its metadata give solver, norm and smooth mode.
    gradient_iterations
        Number of last iterations to differentiate through.
    checkpoint_every
        Iterations from one stored state to the next; all are stored if None.
    """

    def __init__(
        self, network: MapNetwork, gradient_iterations: int, checkpoint_every: int | None = None
    ) -> None:
        super().__init__()
        self.checkpoint_every = checkpoint_every
        self.network = network
        self.gradient_iterations = gradient_iterations
        weight = torch.tensor(network.metadata.low_pass_weight)
        self.log_low_pass_weight = nn.Parameter(weight.log())

    def forward(self, batch: Batch, dictionary: Dictionary, half_precision: bool = False) -> Tensor:
        """Return images (n, y, x) in units of the reference."""
        return self.with_estimate(batch, dictionary, half_precision)[0]

    def with_estimate(
        self, batch: Batch, dictionary: Dictionary, half_precision: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Return images, and the estimates of the network behind its maps, if it has any."""
        synthesis = self.operator(batch, dictionary)
        initial = torch.fft.ifft2(batch.spectrum, norm="ortho")
        with torch.autocast(initial.device.type, torch.bfloat16, enabled=half_precision):
            maps, estimate = self.network.with_estimate(initial, synthesis, batch.mask)
        if estimate is not None:
            estimate = estimate * batch.sigma[:, None, None]
        return self.solve(batch, synthesis, maps), estimate

    def estimate(self, batch: Batch, half_precision: bool = False) -> Tensor | None:
        """Return the estimates (n, y, x) of the network alone, without dictionary and solver."""
        network = self.network
        if not isinstance(network, MapNetworkV4) or not network.config.estimate:
            return None
        if network.config.pooling:
            return None
        initial = torch.fft.ifft2(batch.spectrum, norm="ortho")
        with torch.autocast(initial.device.type, torch.bfloat16, enabled=half_precision):
            return network.estimate(initial, batch.mask) * batch.sigma[:, None, None]

    def weights(self) -> list[nn.Parameter]:
        """Return the weights of the map network."""
        return list(self.network.parameters())

    def scalars(self) -> list[nn.Parameter]:
        """Return the logarithm of the weight of the low-pass."""
        return [self.log_low_pass_weight]

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over the weights of a map network."""
        self.network.load_state_dict(tensors)

    def save(self, path: Path, training: dict[str, Any], validation: dict[str, Any]) -> None:
        """Write the map network, for `napari_csc.load_map_network`."""
        self.network.metadata = self.network.metadata.model_copy(
            update={
                "low_pass_weight": float(self.log_low_pass_weight.detach().exp()),
                "training": training,
                "validation": validation,
            }
        )
        save_map_network(self.network, path)

    def operator(self, batch: Batch, dictionary: Dictionary) -> SynthesisOperator:
        """Return the synthesis operator of all filters, smooth ones last."""
        metadata = self.network.metadata
        filters = filter_set(dictionary, metadata.smooth, metadata.smooth_widths)
        filters = filters.to(batch.mask.device)
        return SynthesisOperator(filters, (batch.mask.shape[-2], batch.mask.shape[-1]))

    def solve(self, batch: Batch, synthesis: SynthesisOperator, maps: Tensor) -> Tensor:
        """Return images (n, y, x) for given maps (n, K, y, x) in noise units."""
        metadata = self.network.metadata
        smooth_part: Tensor | float = 0.0
        target = batch.spectrum
        shape = (batch.mask.shape[-2], batch.mask.shape[-1])
        transfer = SMOOTH_MODES[metadata.smooth].transfer(
            shape, self.log_low_pass_weight.exp(), batch.mask.device
        )
        if transfer is not None:
            smooth_part = batch.spectrum * transfer
            target = batch.spectrum - batch.mask * smooth_part
        data = CartesianDataTerm(target, batch.mask)
        codes = unrolled(
            metadata.solver,
            BatchProblem(
                synthesis,
                data,
                maps,
                metadata.iterations,
                metadata.norm,
                metadata.step_rule,
                self.gradient_iterations,
                self.checkpoint_every,
            ),
        )
        spectrum = synthesis.to_spectrum(codes) + smooth_part
        return torch.fft.ifft2(spectrum, norm="ortho") * batch.sigma[:, None, None]
