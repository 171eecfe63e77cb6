"""Estimate the noise level of measured k-space, and say how, or why not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from napari_csc.core.kspace.fourier import kspace_to_image
from napari_csc.core.kspace.noise.answer import NoiseEstimate, Profile
from napari_csc.core.kspace.noise.decide import BACKGROUND, FINE, PATCHES, PHASE, RIM, choose
from napari_csc.core.kspace.noise.figures import Kind, figures_of, straightened
from napari_csc.core.kspace.noise.partial import background_noise_std, rim_noise_std
from napari_csc.core.kspace.noise.sentences import sentence_of

Tensor = torch.Tensor

# Without any noise the estimate stays at this share of the root mean square sample, so that
# noise units remain defined (and proportional to the data).
_SMALLEST_SHARE = 1e-4
_SILENT = 1e-6
_MOST_PIXELS = 700_000
_APART = 3.0


@dataclass(frozen=True, eq=False)
class _Coil:
    std: float
    method: str
    known: bool
    others: dict[str, float]
    kind: Kind = "complex"
    shares: tuple[float, float] = (1.0, 1.0)
    profile: Profile | None = None


def estimate_noise(kspace: Tensor, mask: Tensor, kind: Kind | None = None) -> NoiseEstimate:
    """Estimate the noise level of each living coil, and of all.

    Parameters
    ----------
    kspace
        Centred k-space (slice, coil, ky, kx).
    mask
        Sampled positions (ky, kx).
    kind
        What the images are; found from the data if None.
    """
    powers = kspace.abs().double().square().mean((0, 2, 3)).sqrt()
    largest = float(powers.max())
    if largest == 0 or not bool(mask.any()):
        return NoiseEstimate(0.0, "none", False, "The noise is unknown: there are no data.")
    dead = [n for n, power in enumerate(powers.tolist()) if power <= _SILENT * largest]
    box = _acquired_box(mask)
    sampled = mask[box]
    coils: dict[int, _Coil] = {}
    step = max(1, math.ceil(kspace[:, :, box[0], box[1]].numel() / _MOST_PIXELS))
    for number in range(kspace.shape[1]):
        if number in dead:
            continue
        one = kspace[::step, number : number + 1, box[0], box[1]].to(torch.complex128)
        scale = float(one[..., sampled].abs().square().mean().sqrt())
        coils[number] = _of_coil(one / (scale or 1.0), sampled, scale or 1.0, kind)
    return _together(coils, dead, kspace.shape[1], (int(sampled.shape[0]), int(sampled.shape[1])))


def joined_estimate(figures: Sequence[dict[str, float]], powers: Sequence[float]) -> NoiseEstimate:
    """Return the estimate for coils of which some figures are known, to all of which signal adds.

    Parameters
    ----------
    figures
        The noise level of each coil by method.
    powers
        Root mean square sample of each coil.
    """
    largest = max(powers)
    dead = [number for number, power in enumerate(powers) if power <= _SILENT * largest]
    coils = {
        number: _smallest(found, powers[number])
        for number, found in enumerate(figures)
        if number not in dead
    }
    return _together(coils, dead, len(powers), None)


def _smallest(figures: dict[str, float], scale: float) -> _Coil:
    others = {name: value / scale for name, value in figures.items() if math.isfinite(value)}
    method = min(others, key=lambda name: others[name])
    known = max(others.values()) < _APART * others[method]
    return _finished(_Coil(others[method], method, known, others), scale)


def root_mean_square(levels: Sequence[float]) -> float:
    """Return the noise level of the combined coils from those of each."""
    largest = max(levels)
    if largest == 0:
        return 0.0
    return largest * math.sqrt(sum((level / largest) ** 2 for level in levels) / len(levels))


def _lines(shares: tuple[float, float], shape: tuple[int, int]) -> tuple[int, int] | None:
    if shares == (1.0, 1.0):
        return None
    return round(shares[0] * shape[0]), round(shares[1] * shape[1])


def _acquired_box(mask: Tensor) -> tuple[slice, slice]:
    """Return the acquired extent: zero filling only interpolates the noise."""
    rows = torch.nonzero(mask.any(1))[:, 0]
    columns = torch.nonzero(mask.any(0))[:, 0]
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _of_coil(kspace: Tensor, mask: Tensor, scale: float, kind: Kind | None) -> _Coil:
    """Estimate the level of one coil, whose samples have a mean power of one."""
    rim = rim_noise_std(kspace, mask)
    if not bool(mask.all()):
        share = float(mask.to(torch.float32).mean())
        images = kspace_to_image(kspace * mask)
        background = background_noise_std(images, share, share)
        return _smallest({RIM: rim * scale, BACKGROUND: background * scale}, scale)
    pictures = kspace_to_image(kspace)[:, 0].cpu().numpy()
    straight = straightened(pictures) if kind in (None, "complex") else None
    figures = figures_of(pictures, kind) if straight is None else figures_of(straight)
    if figures is None:
        return _finished(_Coil(rim, RIM, False, {RIM: rim}), scale)
    others = {FINE: math.sqrt(figures.fine.powers[0])}
    if figures.phase is not None:
        others[PHASE] = math.sqrt(figures.phase.powers[0])
    if math.isfinite(figures.patches.power):
        others[PATCHES] = math.sqrt(figures.patches.power)
    if figures.backgrounds:
        others[BACKGROUND] = math.sqrt(figures.backgrounds[0].power)
    whole = figures.measured > 0.999 and figures.kind == "complex"
    if whole and figures.shares == (1.0, 1.0):
        others[RIM] = rim
    others = {name: value for name, value in others.items() if math.isfinite(value)}
    choice = choose(figures)
    std, method, known = math.sqrt(choice.power), choice.method, choice.known
    if not known and others.get(RIM, math.inf) < std:
        std, method = others[RIM], RIM
    if not math.isfinite(std):
        std, method = rim, RIM
    profile = None
    if choice.line is not None:
        axis, first, last = choice.line
        inside, size = figures.box[axis], pictures.shape[1 + axis]
        place = (np.arange(size) + 0.5 - inside.start) / (inside.stop - inside.start)
        powers = first + (last - first) * place
        profile = (axis, np.sqrt(np.maximum(powers, 0.1 * choice.power)))
    told = figures.kind if straight is None else "complex"
    return _finished(_Coil(std, method, known, others, told, figures.shares, profile), scale)


def _finished(coil: _Coil, scale: float) -> _Coil:
    """Bring a coil back to its units, and note when its level is at the floor."""
    profile = None if coil.profile is None else (coil.profile[0], scale * coil.profile[1])
    return _Coil(
        float(scale * max(coil.std, _SMALLEST_SHARE)),
        coil.method,
        coil.known and coil.std > _SMALLEST_SHARE,
        {name: float(scale * value) for name, value in coil.others.items()},
        coil.kind,
        coil.shares,
        profile,
    )


def _together(
    coils: dict[int, _Coil], dead: list[int], count: int, shape: tuple[int, int] | None
) -> NoiseEstimate:
    """Join the coils; the level counts as known where it is in most of them."""
    living = list(coils.values())
    believed = [coil for coil in living if coil.known]
    known = len(believed) > len(living) / 2
    used = believed if known else living
    std = root_mean_square([coil.std for coil in used])
    method = Counter(coil.method for coil in used).most_common(1)[0][0]
    names = [name for name in living[0].others if all(name in coil.others for coil in living)]
    others = {name: root_mean_square([coil.others[name] for coil in living]) for name in names}
    # A coil of unknown level counts as noisy as the known ones, lest it be weighed wrongly.
    each = {n: coil.std if coil.known or not known else std for n, coil in coils.items()}
    kind = living[0].kind
    extent = None if shape is None else _lines(living[0].shares, shape)
    return NoiseEstimate(
        std,
        method,
        known,
        sentence_of(std, method, known, others, kind, extent, dead),
        others,
        _joined_profile(used) if known else None,
        kind,
        extent,
        tuple(each.get(n, 0.0) for n in range(count)),
        tuple(dead),
    )


def _joined_profile(coils: list[_Coil]) -> Profile | None:
    profiles = [coil.profile for coil in coils if coil.profile is not None]
    if len(profiles) < len(coils) or len({axis for axis, _ in profiles}) != 1:
        return None
    return profiles[0][0], np.sqrt(np.mean([values**2 for _, values in profiles], axis=0))
