"""How colours look to people with other colour vision, and how far apart they are then.

Simulated for full strength with the matrices of Machado, Oliveira and Fernandes (2009), "A
physiologically-based model for simulation of color vision deficiency", on linear sRGB.
"""

from itertools import combinations

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

VISION = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def rgb(colour: str) -> np.ndarray:
    """Return red, green and blue of ``"#rrggbb"``, 0 to 1."""
    return np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])


def linear(colour: np.ndarray) -> np.ndarray:
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)


def seen(colour: str, vision: str) -> np.ndarray:
    """Return what a colour looks like, as sRGB."""
    light = np.clip(VISION[vision] @ linear(rgb(colour)), 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def least_difference(colours: list[str], vision: str) -> float:
    """Return the CIEDE2000 difference of the two colours that are hardest to tell apart."""
    return min(
        float(deltaE_ciede2000(rgb2lab(seen(one, vision)), rgb2lab(seen(other, vision))))
        for one, other in combinations(colours, 2)
    )


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2 has it, 1 to 21."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    lights = sorted(float(weights @ linear(rgb(colour))) for colour in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)
