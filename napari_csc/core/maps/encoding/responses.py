"""What filters answer to images, as the head of a network sees it."""

from __future__ import annotations

import torch

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.features import compress

Tensor = torch.Tensor


class Responses:
    """Responses of the filters to images (n, y, x), in units of their noise, turned by a phase."""

    def __init__(
        self, image: Tensor, synthesis: SynthesisOperator, noise: Tensor, back: Tensor
    ) -> None:
        self.spectra, self.noise, self.back = synthesis.spectra, noise, back
        self.spectrum = torch.fft.fft2(image, norm="ortho")

    def __call__(self, chunk: slice) -> Tensor:
        """Return the responses (n, k, y, x) of some filters."""
        products = self.spectrum.unsqueeze(1) * self.spectra[chunk].conj()
        responses = torch.fft.ifft2(products, norm="ortho") / self.noise[:, chunk, None, None]
        return responses * self.back[:, None]


def joint_responses(views: list[Responses], image: int, chunk: slice) -> Tensor:
    """Return the responses (views, k, y, x) of some filters to all views of one image."""
    first = views[0]
    parts = torch.view_as_real(first.spectra[chunk]) / first.noise[image, chunk, None, None, None]
    scaled = torch.view_as_complex(parts)
    # Of real filters, IFFT(conj(d) x) is FFT of d(w) x(-w), which needs no conjugation.
    spectra = torch.stack([view.spectrum[image] for view in views])
    mirrored = spectra.flip((-2, -1)).roll((1, 1), (-2, -1))
    found = torch.fft.fft2(scaled * mirrored.unsqueeze(1), norm="ortho")
    return found.mul_(first.back[image])


def planes_of(responses: list[Tensor]) -> Tensor:
    """Return real part, imaginary part and modulus of responses, compressed, (n k, c, y, x)."""
    planes = []
    for one in responses:
        squeezed, modulus = compress(one)
        planes += [squeezed.real, squeezed.imag, modulus]
    return torch.stack(planes, dim=2).flatten(0, 1)
