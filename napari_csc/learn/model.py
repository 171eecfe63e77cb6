"""The unrolled reconstruction that is trained: map network, then FISTA or ADMM."""

import torch
from torch import nn

from napari_csc.core.data_term import CartesianDataTerm
from napari_csc.core.dictionary import Dictionary
from napari_csc.core.filter_sets import filter_set, step_sizes
from napari_csc.core.lowpass import low_pass_transfer
from napari_csc.core.maps.networks import MapNetwork
from napari_csc.core.solvers import unrolled_admm, unrolled_fista
from napari_csc.core.synthesis import SynthesisOperator
from napari_csc.learn.data import Batch

Tensor = torch.Tensor


class UnrolledReconstruction(nn.Module):
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
        synthesis = self.operator(batch, dictionary)
        initial = torch.fft.ifft2(batch.spectrum, norm="ortho")
        with torch.autocast(initial.device.type, torch.bfloat16, enabled=half_precision):
            maps = self.network(initial, synthesis, batch.mask)
        return self.solve(batch, synthesis, maps)

    def operator(self, batch: Batch, dictionary: Dictionary) -> SynthesisOperator:
        """Return the synthesis operator of all filters, smooth ones last."""
        filters = filter_set(dictionary, self.network.metadata.smooth).to(batch.mask.device)
        return SynthesisOperator(filters, (batch.mask.shape[-2], batch.mask.shape[-1]))

    def solve(self, batch: Batch, synthesis: SynthesisOperator, maps: Tensor) -> Tensor:
        """Return images (n, y, x) for given maps (n, K, y, x) in noise units."""
        metadata = self.network.metadata
        smooth_part: Tensor | float = 0.0
        target = batch.spectrum
        if metadata.smooth == "low-pass":
            shape = (batch.mask.shape[-2], batch.mask.shape[-1])
            transfer = low_pass_transfer(shape, self.log_low_pass_weight.exp(), batch.mask.device)
            smooth_part = batch.spectrum * transfer
            target = batch.spectrum - batch.mask * smooth_part
        data = CartesianDataTerm(target, batch.mask)
        if metadata.solver == "admm":
            codes = unrolled_admm(
                synthesis,
                data,
                maps,
                metadata.iterations,
                metadata.norm,
                self.gradient_iterations,
                checkpoint_every=self.checkpoint_every,
            )
        else:
            codes = unrolled_fista(
                synthesis,
                data,
                maps,
                step_sizes(synthesis.spectra, metadata.step_rule),
                metadata.iterations,
                metadata.norm,
                self.gradient_iterations,
                checkpoint_every=self.checkpoint_every,
            )
        spectrum = synthesis.to_spectrum(codes) + smooth_part
        return torch.fft.ifft2(spectrum, norm="ortho") * batch.sigma[:, None, None]
