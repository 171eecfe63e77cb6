"""The objective of several coils is the misfit itself, and not that less a constant."""

import pytest
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.solvers.data_term import data_energy, data_term


@pytest.mark.parametrize("is_radial", [False, True])
def test_misfit_is_what_it_says(is_radial: bool) -> None:
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, dtype=torch.complex64, generator=generator)

    maps = drawn(1, 3, 16, 16)
    if is_radial:
        angles, radius = torch.arange(30) * torch.pi / 30, torch.linspace(-8, 7.9, 32)
        spokes = torch.stack([angles.sin(), angles.cos()], -1)[:, None] * radius[:, None]
        scan = Acquisition.from_trajectory(
            drawn(1, 3, 30, 32), spokes, (16, 16), maps, noise_std=1.0
        )
        weights = scan.density
    else:
        scan = Acquisition.from_kspace(drawn(1, 3, 16, 16), coil_maps=maps, noise_std=1.0)
        weights = scan.mask
    term = data_term(scan, scan.adjoint()[0], data_energy(scan))
    image = drawn(1, 16, 16)
    wanted = 0.5 * ((scan.forward(image) - scan.kspace).abs().square() * weights).sum()
    found = term.misfit(torch.fft.fft2(image[0], norm="ortho"))
    assert float(found) == pytest.approx(float(wanted), rel=1e-3)
    assert term.misfit(torch.zeros(16, 16, dtype=torch.complex64)) > 0
