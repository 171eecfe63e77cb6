"""Which figure of the noise to believe, if any."""

from __future__ import annotations

from dataclasses import dataclass

from napari_csc.core.kspace.noise.background import Background
from napari_csc.core.kspace.noise.details import Details
from napari_csc.core.kspace.noise.figures import Figures
from napari_csc.core.kspace.noise.patches import Patches

BACKGROUND = "image background"
PHASE = "details out of phase"
FINE = "finest details"
PATCHES = "smooth patches"
RIM = "k-space rim"

# Where two figures are farther apart than this, there must be a reason to prefer one.
_APART = 3.0

# A mask leaves of the background what is close to the object, where its rings are. Of the root mean
# square signal: noise that rings of one percent are no small part of. Over discs and ellipses about
# three kinds of objects, rings made the level 1.15 to 1.5 times too high at SNR 100, and up to 2.9
# times at SNR 400, but where more than a quarter of the blocks were background.
_MASKED = 0.99
_WEAK = 0.015
_SURE_SHARE, _SURE_COUNT = 0.25, 60
_FEWEST_MASKED = 8
# Nor is a small background, share of the blocks, sure where its level is so far below the signal
# (SNR 290 and more): up to 2.1 times too high.
_SMALL, _FAINT = 0.05, 0.0035

# Smooth patches are believed where two sizes give so nearly the same level, and are so many and
# so large a share: largest ratio, least share, fewest. Of 749 inputs of SNR 5 to 100 this gave a
# level for 79 %, one of which was off by more than 12 %; with less, some were 1.6 times too high.
_SMOOTH = ((1.2, 0.15, 1000), (1.25, 0.2, 1000), (1.25, 0.4, 500))
# Nor may the corners of the spectrum hold less, as they do where the noise is not white: at 1.26
# the level is 15 % too low, white noise has at most 1.07 in 98 % of the inputs.
_WHITE = 1.07
# What is so far below the signal (SNR 670) may be any slow change of it.
_FAINT_PATCHES = 0.0015
# Rings may make a background this much louder than the smooth patches.
_RINGING = 1.1

# (mean |x|)^2 / mean |x|^2 of noise alone.
_EVENNESS = {"complex": 0.7854, "magnitude": 0.7854, "real": 0.6366}


@dataclass(frozen=True)
class Choice:
    """Noise power, its method, and whether it can be believed."""

    power: float
    method: str
    known: bool
    line: tuple[int, float, float] | None = None


def choose(figures: Figures) -> Choice:
    """Return the figure to believe.

    Signal can only add to a figure, and each knows a sign that it did: the pixels of a background
    are not spread like noise, patches of two sizes give two levels, details get fewer towards the
    corner of the spectrum, or only few blocks have the level of the lowest. The background comes
    first, since it holds noise of any spectrum; a small one only as far as the details agree.
    """
    phase, fine = figures.phase, figures.fine
    details = min(_lowest(fine), _lowest(phase) if phase is not None else float("inf"))
    patches = figures.patches
    finest = min(min(one.powers) for one in (fine, phase) if one is not None)
    smooth = _is_smooth(patches, finest, figures.signal)
    for background in figures.backgrounds:
        if smooth and background.line is None and _is_ringing(background, patches):
            continue
        if _is_background(background, figures, details):
            return Choice(background.power, BACKGROUND, True, background.line)
    if smooth:
        return Choice(patches.power, PATCHES, True)
    if phase is not None and _is_clean_phase(phase, fine):
        return Choice(_mean(phase), PHASE, True)
    if _is_clean(fine):
        return Choice(_mean(fine), FINE, True)
    guesses = [(details, FINE if phase is None else PHASE)]
    guesses += [(one.power, BACKGROUND) for one in figures.backgrounds]
    guesses.append((patches.power, PATCHES))
    power, method = min(guesses)
    return Choice(power, method, False)


def _is_background(background: Background, figures: Figures, details: float) -> bool:
    if figures.measured < _MASKED and not _is_far_from_object(background, figures.signal):
        return False
    if background.share < _SMALL and background.power < _FAINT**2 * figures.signal:
        return False
    off = background.evenness - _EVENNESS[figures.kind]
    large = background.share > 0.15 and background.count > 40
    # Noise that is uneven, as interference is, has less; signal has more.
    if off > 0.02 + 0.06 / background.count**0.5 or off < (-0.05 if large else -0.04):
        return False
    if large:
        return background.power < _APART**2 * details
    # Rings of a bright object look like noise; the more so, the fewer blocks there are.
    confirmed = details < 4 * background.power or background.count >= 30
    return confirmed and background.power < 1.3 * details


def _is_smooth(patches: Patches, finest: float, signal: float) -> bool:
    if not _FAINT_PATCHES**2 * signal < patches.power <= _WHITE**2 * finest:
        return False
    return any(
        patches.apart < apart and patches.share > share and patches.count > count
        for apart, share, count in _SMOOTH
    )


def _is_ringing(background: Background, patches: Patches) -> bool:
    return background.power > _RINGING**2 * patches.power


def _is_far_from_object(background: Background, signal: float) -> bool:
    """Whether rings cannot be what is seen beside a masked object: too weak, or too few."""
    if background.power > _WEAK**2 * signal:
        return background.count >= _FEWEST_MASKED
    return background.share > _SURE_SHARE and background.count > _SURE_COUNT


def _lowest(details: Details) -> float:
    return min(details.powers[:2])


def _mean(details: Details) -> float:
    """Return the mean of the first two orders, or the first if signal raises the second."""
    return min(details.powers[0], (details.powers[0] + details.powers[1]) / 2)


def _is_clean(details: Details, share: float = 0.85) -> bool:
    first, later = details.powers[0], details.powers[1:3]
    if details.counts[0] < 12 or first == float("inf"):
        return False
    falls = (first / min(later)) ** 0.5
    rises = falls < 1.02
    return falls < 1.1 and details.shares[0] > (0.73 if rises else share)


def _is_clean_phase(phase: Details, fine: Details) -> bool:
    if phase.counts[0] < 12 or phase.powers[0] == float("inf"):
        return False
    falls = (phase.powers[0] / min(phase.powers[1:3])) ** 0.5
    apart = (fine.powers[0] / phase.powers[0]) ** 0.5
    return falls < 1.1 and phase.shares[0] > 0.85 and fine.shares[0] > 0.3 and apart < 1.6
