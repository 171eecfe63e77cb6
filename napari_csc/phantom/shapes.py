"""Deep structures of the head phantom as curved tubes, and the list of its tissues."""

from __future__ import annotations

from enum import IntEnum
from functools import cache

import numpy as np
from scipy.interpolate import CubicSpline

from napari_csc.phantom.random_fields import Array


class Label(IntEnum):
    """Tissues of the phantom, in the order of the tissue table."""

    AIR = 0
    SKIN = 1
    FAT = 2
    MUSCLE = 3
    BONE = 4
    MARROW = 5
    DURA = 6
    CSF = 7
    GREY = 8
    WHITE = 9
    STRIATUM = 10
    THALAMUS = 11
    PALLIDUM = 12
    CHOROID = 13
    BLOOD = 14
    LESION = 15


HEIGHTS = np.array([0.0, 0.33, 0.66, 0.9])

# A structure: one line for each of HEIGHTS, with the points "x y radius" of its centre line in mm
# on the right side. Where the radius is negative there is nothing.
_TABLE = """
ventricle
  15 -41 0.9, 12.5 -36 2.6, 9 -29 3.3, 5.5 -22 2.4, 3.2 -17 1.2, 3 -12 -1.5, 4 -6 -3
  15 -41 0.9, 12 -35 3.2, 8.2 -27 4, 5.4 -18 3.5, 4.6 -9 2.7, 5.6 -1 1.9, 9 6 0.6
  13 -33 0.6, 11.5 -26 2.4, 9.6 -16 3.2, 8.8 -5 3.4, 10 5 3.3, 13.5 14 3.2, 18 22 2
  14 -28 -3, 13 -22 -2, 12 -14 -1, 11 -4 -0.6, 12 6 -0.8, 14.5 14 -2, 18 22 -3

atrium
  20 19 2.2, 23.5 26 4.3, 26 34 4.2, 26.5 43 2.4, 25 53 0.8
  14 15 1.2, 19 22 3.9, 24 31 4.5, 26.5 41 2.4, 26 50 0.6
  17 19 1.5, 20 26 1, 23 33 0.2, 25 40 -1.5, 25 46 -3
  17 19 -3, 20 26 -3, 23 33 -3, 25 40 -3, 25 46 -3

caudate
  15.5 -35 3.4, 14.5 -30 5.2, 13 -24 4.6, 10.5 -18 2.2
  18 -33 2.8, 16 -25 3.8, 12.5 -12 3.2, 12.5 0 2
  17.5 -26 1, 16.5 -18 2, 15.5 -7 2, 16 3 1.2
  17.5 -26 -2, 16.5 -18 -2, 15.5 -7 -2, 16 3 -2

putamen
  20.5 -34 2.4, 24.5 -28 4.4, 27.8 -19 4.9, 30 -9 3.6, 31 -1 1.6
  23 -29 1.6, 25.5 -24 3, 27.5 -16 3.4, 29 -9 2.6, 30 -3 1.2
  23 -29 -3, 25.5 -24 -2, 27.5 -16 -2, 29 -9 -2, 30 -3 -3
  23 -29 -4, 25.5 -24 -4, 27.5 -16 -4, 29 -9 -4, 30 -3 -4

pallidum
  18 -23 1.4, 20.5 -17.5 3.4, 23.5 -11 3, 26 -5 1.2
  19 -21 -2, 21 -17 -1, 23.5 -11 -1, 26 -5 -2
  19 -21 -4, 21 -17 -4, 23.5 -11 -4, 26 -5 -4
  19 -21 -4, 21 -17 -4, 23.5 -11 -4, 26 -5 -4

thalamus
  5.5 -12 2, 8 -5 5.4, 11.5 4 7.6, 14.5 11 6.2
  9 -8 1.5, 11 -2 3.8, 13.5 5 5, 16 11 4
  9 -8 -3, 11 -2 -2, 13.5 5 -2, 16 11 -3
  9 -8 -4, 11 -2 -4, 13.5 5 -4, 16 11 -4

claustrum
  30.5 -34 0.2, 33.4 -22 0.7, 34.8 -10 0.7, 34.6 0 0.2
  30.5 -31 -0.3, 33 -22 0.4, 34.2 -12 0.4, 34.2 -4 -0.3
  30.5 -30 -2, 33 -22 -2, 34 -12 -2, 34 -4 -2
  30.5 -30 -3, 33 -22 -3, 34 -12 -3, 34 -4 -3

third
  0 -14 0.8, 0.2 -8 1.5, 0 0 2.1, 0 9 1.1
  0 -14 -3, 0 -8 -2, 0 0 -2, 0 9 -3
  0 -14 -4, 0 -8 -4, 0 0 -4, 0 9 -4
  0 -14 -4, 0 -8 -4, 0 0 -4, 0 9 -4

cistern
  0 27 1.6, 4 29 1.7, 8.5 27 1.3, 11.5 23 0.5
  0 30 0.2, 3 31 0.2, 6 30 -0.4, 9 28 -1
  0 30 -3, 3 31 -3, 6 30 -3, 9 28 -3
  0 30 -4, 3 31 -4, 6 30 -4, 9 28 -4

choroid
  21.5 22 0.8, 23.5 27 1.7, 24.5 31 1.1
  16.5 19 0.9, 19.5 24 1.6, 22.5 30 1.2
  17 20 -0.6, 20 26 -1, 23 31 -2
  17 20 -4, 20 26 -4, 23 31 -4
"""


def _parse(table: str) -> dict[str, Array]:
    chains: dict[str, list[list[list[float]]]] = {}
    name = ""
    for line in table.strip().splitlines():
        if not line.startswith(" "):
            name = line.strip()
            if name:
                chains[name] = []
            continue
        chains[name].append([[float(v) for v in point.split()] for point in line.split(",")])
    return {name: np.array(rows) for name, rows in chains.items()}


CHAINS = _parse(_TABLE)


@cache
def _centre_line(name: str) -> CubicSpline:
    return CubicSpline(HEIGHTS, CHAINS[name], bc_type="natural")


def chain_at(name: str, z: float) -> Array:
    """Interpolate the centre line of a structure.

    Parameters
    ----------
    name
        One of `CHAINS`.
    z
        Height.

    Returns
    -------
    Array
        Points (n, 3) of x, y and radius in mm, on the right side.
    """
    knots = CHAINS[name]
    at = float(np.clip(z, HEIGHTS[0], HEIGHTS[-1]))
    points = np.array(_centre_line(name)(at))
    points[:, 2] = [np.interp(at, HEIGHTS, knots[:, i, 2]) for i in range(knots.shape[1])]
    return points


def tube_distance(x: Array, y: Array, chain: Array) -> Array:
    """Signed distance to a tube, negative inside; 30 mm far away from it.

    Parameters
    ----------
    x, y
        Positions in mm.
    chain
        Points (n, 3) of x, y and radius, close to each other.

    Returns
    -------
    Array
        Distance in mm.
    """
    out = np.full(x.shape, 30.0)
    chain = chain[chain[:, 2] > -0.5]
    if not len(chain):
        return out
    low, high = chain[:, :2].min(0) - 10.0, chain[:, :2].max(0) + 10.0
    box = (x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1])
    px, py = x[box], y[box]
    best = np.full(px.shape, 30.0)
    for cx, cy, radius in chain:
        np.minimum(best, np.hypot(px - cx, py - cy) - radius, out=best)
    out[box] = best
    return out
