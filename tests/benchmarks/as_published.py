"""How much each convention of the authors' code changes the image, one at a time, as a table.

``python tests/benchmarks/as_published.py`` (PYTHONPATH=tests/helpers), for docs/as_published.md.
"""

from __future__ import annotations

import plain_published as plain
import torch

import napari_csc as csc
from napari_csc.core.dictionary.spectra import filter_spectra
from napari_csc.core.solvers.published import starting_image
from napari_csc.phantom.head import head_phantom

TITLES = {
    "smoothing": "Threshold smoothed with b = 0.001, at images of maximum 10; the paper: plain",
    "threshold": "Threshold lambda / L beside steps of 0.9 / L; the paper: lambda times the step",
    "low_pass": "Low-pass by 16 conjugate gradient steps; exact",
    "norm": "L from 16 power iterations; exact",
    "step": "Steps of 0.9 / L; 0.97 / L",
    "momentum": "Momentum (n - 1) / (n + 2); n / (n + 3)",
}


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    truth = torch.as_tensor(head_phantom(96, 1, "t1w", seed=1))[0]
    scan = csc.simulate_low_field(
        truth, 48, noise_variance=0.2, generator=torch.Generator().manual_seed(0)
    )
    dictionary = csc.Dictionary.load("dct-32-9")
    maps = csc.Reconstructor(
        dictionary, csc.load_map_network("v3"), smooth="low-pass", device="cpu"
    )(scan).sparsity_maps[0]
    mask = torch.fft.ifftshift(scan.mask).double()
    initial = plain.sampled(scan.adjoint()[0].to(torch.complex128), mask)
    scale = 10 / initial.abs().max()
    spectra = filter_spectra(dictionary.filters, tuple(initial.shape))
    power = spectra.abs().square().sum(0)
    start = torch.fft.ifft2(spectra.conj() * (starting_image(power) / power), norm="ortho")

    def image(theirs: tuple[str, ...]) -> torch.Tensor:
        parts = scale * initial, mask, dictionary.filters.double(), scale * maps.double()
        return plain.reconstruct(*parts, 10.0, start.to(torch.complex128), theirs=theirs)

    published = image(plain.CONVENTIONS)
    print("| convention of the authors' code, and what napari-csc does by itself | difference |")
    print("|---|---:|")
    rows = []
    for name in plain.CONVENTIONS:
        others = tuple(one for one in plain.CONVENTIONS if one != name)
        rows.append((float((image(others) - published).norm() / published.norm()), TITLES[name]))
    for size, title in sorted(rows, reverse=True):
        print(f"| {title} | {size:.1e} |")
    print(f"| all together | {float((image(()) - published).norm() / published.norm()):.1e} |")


if __name__ == "__main__":
    main()
