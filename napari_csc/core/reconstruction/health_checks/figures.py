"""How far a result is from the data, and whether it is as bright."""

from __future__ import annotations

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.health_checks.taken_away import taken_away
from napari_csc.core.reconstruction.result import Reconstruction

Tensor = torch.Tensor

# Pixels over which images are smoothed, so that noise does not pass for brightness.
_SMOOTHING = 2.0
_OBJECT_SHARE = 0.15
_FEWEST_PIXELS = 30


def misfit(acquisition: Acquisition, result: Reconstruction) -> float:
    """Return ``mean |A x - y|^2 / sigma^2`` over the sampled positions; one for noise alone."""
    power, count = 0.0, 0
    for number in range(acquisition.shape[0]):
        one = acquisition.select(number)
        left = one.forward(result.image[number][None].to(one.kspace.device)) - one.kspace
        squares = left.abs().double().square()
        if one.noise_spectrum is not None:
            squares = squares / one.noise_spectrum
        if one.is_cartesian:
            squares = squares[..., one.mask]
        power, count = power + float(squares.sum()), count + squares.numel()
    return power / count / result.noise_std**2


def brightness(acquisition: Acquisition, result: Reconstruction) -> float | None:
    """Return the slope of the result on the data inside the object; None without an object.

    Both as seen through the sampling, ``A^H A x`` and ``A^H y``, and smoothed.
    """
    above, below = 0.0, 0.0
    for number in range(acquisition.shape[0]):
        one = acquisition.select(number)
        measured = _smoothed(one.adjoint()[0])
        made = _smoothed(one.gram(result.image[number][None].to(measured.device))[0])
        # In units of the data, whose squares may be beyond single precision.
        unit = float(measured.abs().max()) or 1.0
        measured, made = measured / unit, made / unit
        size = measured.abs()
        inside = size > _OBJECT_SHARE * torch.quantile(
            size.flatten()[:: 1 + size.numel() // 10**6], 0.99
        )
        above += unit**2 * float((made * measured.conj()).real[inside].double().sum())
        below += unit**2 * float(size[inside].double().square().sum())
    return above / below if below > 0 else None


def last_change(result: Reconstruction) -> float:
    """Return the relative change of the image in the last iteration; the largest of all slices."""
    last = {entry.get("slice", 0): entry.get("image_change", 0.0) for entry in result.history}
    return max(last.values(), default=0.0)


def structure_taken_away(
    acquisition: Acquisition, result: Reconstruction
) -> tuple[float, float] | None:
    """Return how strong what was taken away is inside the object, and how much like its details.

    As `taken_away` has it; then the correlation with what smoothing takes away from the magnitude
    of the image. Of one coil that is of the whole difference to the initial image, in which rings
    that went speak against lost details. The larger one of all slices; None without an object.
    """
    found = []
    for number in range(len(result.image)):
        image = result.image[number]
        magnitude = image.abs()
        inside = _object(magnitude)
        if int(inside.sum()) < _FEWEST_PIXELS:
            continue
        details = (magnitude - _smoothed(magnitude).real)[inside].double()
        taken = taken_away(result, number, acquisition)[inside].double()
        alike = taken
        if acquisition.coil_maps is None:
            along = torch.exp(-1j * image.angle())
            alike = ((result.initial[number] - image) * along).real[inside].double()
        both = torch.stack([details, alike])
        spread = both.std(1)
        correlation = 0.0 if float(spread.min()) == 0 else float(torch.corrcoef(both)[0, 1])
        found.append((float(taken.square().mean().sqrt()), correlation))
    if not found:
        return None
    sizes, correlations = zip(*found, strict=True)
    return max(sizes), max(correlations)


def noise_share(acquisition: Acquisition) -> float:
    """Return the power of the noise over that of all, in the initial images."""
    noise = acquisition.noise_std**2 * float(acquisition.noise_power().double().sum())
    power = float(acquisition.adjoint().abs().double().square().sum()) / acquisition.shape[0]
    return noise / power if power > 0 else float("inf")


def _object(magnitude: Tensor) -> Tensor:
    smooth = _smoothed(magnitude).real
    sample = smooth.flatten()[:: 1 + smooth.numel() // 10**6]
    return smooth > _OBJECT_SHARE * torch.quantile(sample, 0.99)


def _smoothed(image: Tensor) -> Tensor:
    squares = [torch.fft.fftfreq(n, device=image.device).square() for n in image.shape]
    radius = squares[0][:, None] + squares[1][None, :]
    transfer = torch.exp(-2 * (torch.pi * _SMOOTHING) ** 2 * radius)
    return torch.fft.ifft2(torch.fft.fft2(image) * transfer)
