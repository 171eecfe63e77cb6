"""What a reconstruction took away of the measured image: one definition for all who show it."""

from __future__ import annotations

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.fourier import image_to_kspace, kspace_to_image
from napari_csc.core.reconstruction.result import Reconstruction

Tensor = torch.Tensor

# Of the largest power of all coils together: where no coil sees the object.
_FAINT = 1e-3
# Of the largest sample: what a Fourier transform in single precision leaves of a zero.
_NOTHING = 1e-6


def taken_away(
    result: Reconstruction, number: int, acquisition: Acquisition | None = None
) -> Tensor:
    """Return what was taken away from a slice, along the phase of the image, in units of the noise.

    Turned by that phase, noise stays noise around zero, which a difference of magnitudes does not
    keep where there is little signal.

    Parameters
    ----------
    result
        The reconstruction.
    number
        The slice, counted in the result.
    acquisition
        What it was made of, with the same slices. Without it a scan of one coil is assumed.

    Returns
    -------
    Tensor
        ``Re(r e^(-i arg x)) / sigma``, shape (y, x), float32: positive where less is left than was
        measured. ``r = x0 - x`` where all of k-space was measured by one coil. Else it is what the
        data hold beyond the result, ``r = A^H (y - A x) / sqrt(sum_c |S_c|^2)``: frequencies that
        were not measured, of which edges without rings have some, were taken from nobody; and the
        initial image is brighter where coil maps are not normalised, and folded where lines were
        left out. Zero where no coil sees anything. Where the noise is uneven, sigma is that of the
        pixel.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import numpy as np
    >>> from napari_csc.core.reconstruction.health_checks.taken_away import taken_away
    >>> scan = csc.simulate_low_field(np.eye(32), 32)
    >>> made = csc.Reconstructor(csc.Dictionary.dct(4, 5), 0.3, iterations=1, device="cpu")
    >>> tuple(taken_away(made(scan), 0, scan).shape)
    (32, 32)
    """
    along = torch.exp(-1j * result.image[number].angle())
    if acquisition is None:
        return (_of_a_result(result, number) * along).real / result.noise_std
    taken = (_left_over(acquisition.select(number), result, number) * along).real / result.noise_std
    uneven = acquisition.relative_noise
    return taken if uneven is None else taken / uneven.to(taken.device)


def leaves_frequencies_out(result: Reconstruction) -> bool:
    """Return whether a result tells that k-space was measured in part only."""
    told = result.provenance.get("input")
    acquired = told.get("acquired") if isinstance(told, dict) else None
    if not isinstance(acquired, dict):
        return False
    return bool(acquired.get("positions") != result.image[0].numel())


def _of_a_result(result: Reconstruction, number: int) -> Tensor:
    """Return what of the initial image is not in the result, as far as a result tells it."""
    left = result.initial[number] - result.image[number]
    told = result.provenance.get("input")
    shape = told.get("shape") if isinstance(told, dict) else None
    is_of_one_coil = isinstance(shape, list) and len(shape) == 4 and shape[1] == 1
    if not is_of_one_coil or not leaves_frequencies_out(result):
        return left
    measured = image_to_kspace(result.initial[number]).abs()
    return kspace_to_image(image_to_kspace(left) * (measured > _NOTHING * measured.max()))


def _left_over(one: Acquisition, result: Reconstruction, number: int) -> Tensor:
    """Return what of the measured image is not in the result, with the noise of a pixel."""
    is_whole = not one.is_cartesian or bool(one.mask.all())
    if one.coil_maps is None and is_whole:
        return result.initial[number] - result.image[number]
    image = result.image[number][None].to(one.kspace.device)
    if one.coil_maps is None:
        return (one.adjoint() - one.gram(image))[0].to(result.image.device)
    gain = one.coil_maps[0].abs().square().sum(0)
    seen = gain > _FAINT * gain.max()
    left = (one.adjoint() - one.gram(image))[0] / torch.where(seen, gain, 1.0).sqrt()
    return (left * seen).to(result.image.device)
