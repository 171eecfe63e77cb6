"""Procedural anatomy behind the head phantom: a label map for any axial height.

Everything is described in millimetres and drawn once from a random generator, so the same head
appears at any matrix size. Axes: x to the right of the displayed image, y downwards (posterior),
origin in the middle of the head; the height z runs from 0 (level of the basal ganglia) to 1
(above the ventricles).

The cortex is built the way it is folded: sulci grow inwards from the brain surface, keep their
distance from each other and branch; grey matter is what lies within a few millimetres of
the cerebrospinal fluid in them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from napari_csc.phantom.cortex import REFERENCE_HEIGHT, Sulci, grow
from napari_csc.phantom.random_fields import FIELD_OF_VIEW_MM, Array, Field, Ring, smoothstep
from napari_csc.phantom.shapes import CHAINS, Label, chain_at, tube_distance

_LAYERS = (
    ("skin", Label.FAT),
    ("fat", Label.MUSCLE),
    ("muscle", Label.BONE),
    ("outer", Label.MARROW),
    ("diploe", Label.BONE),
    ("inner", Label.DURA),
    ("dura", Label.CSF),
)
_NUCLEI = (
    ("claustrum", Label.GREY),
    ("caudate", Label.STRIATUM),
    ("putamen", Label.STRIATUM),
    ("thalamus", Label.THALAMUS),
    ("pallidum", Label.PALLIDUM),
)


class Anatomy:
    """One random head. `labels` renders any of its axial slices.

    Parameters
    ----------
    rng
        Random generator; all of the head is drawn from it at construction.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.tilt = rng.normal(0.0, 0.025)
        self.outline = Ring.draw(rng, 0.006, orders=4, first=1)
        self.fat = Ring.draw(rng, 0.7)
        self.skull = Ring.draw(rng, 0.7)
        self.fluid = Ring.draw(rng, 0.45, orders=9, first=2)
        self.midline = rng.normal(0.0, 1.0, 4)
        self.side = {name: 1.0 + rng.normal(0.0, 0.03, (2, 2)) for name in CHAINS}
        self.swelling = rng.normal(0.25, 0.35, 2)
        self.warp = (Field.draw(rng, 16.0), Field.draw(rng, 16.0))
        self.ripple = (Field.draw(rng, 5.0, 9.0), Field.draw(rng, 5.0, 9.0))
        self.thickness = Field.draw(rng, 8.0, 13.0)
        self.grain = Field.draw(rng, 3.0, 6.0)
        self.lesions = self._draw_lesions(rng)
        self.vessels = np.stack(
            [
                rng.uniform(-3.0, 3.0, 24),
                rng.uniform(0.2, 0.8, 24),
                rng.uniform(0.5, 1.1, 24),
                rng.normal(0.0, 0.1, 24),
            ],
            -1,
        )
        self.sulci = (grow(rng, self._reference_hull, 1.0), grow(rng, self._reference_hull, -1.0))

    @staticmethod
    def _draw_lesions(rng: np.random.Generator) -> Array:
        """Rows of (x, y, z, radius, radius in z, strength)."""
        rows = [(-24.0, 9.0, 0.5, 5.2, 0.28, 1.0), (-28.5, 3.0, 0.52, 3.4, 0.22, 0.9)]
        for _ in range(7):
            x = float(rng.choice([-1, 1])) * rng.uniform(21, 33)
            rows.append(
                (
                    x,
                    rng.uniform(-32, 38),
                    rng.uniform(0.3, 1.0),
                    rng.uniform(0.9, 1.7),
                    0.12,
                    rng.uniform(0.4, 0.8),
                )
            )
        return np.array(rows)

    # -- outlines, as radius over the angle (0 = anterior, positive = right) ---------------------
    def head_radius(self, angle: Array, z: float) -> Array:
        """Radius of the skin in mm."""
        half_width, half_length = 75.5, 96.0
        c, s = np.cos(angle), np.sin(angle)
        ellipse = half_width * half_length / np.hypot(half_length * s, half_width * c)
        shape = 1.0 - 0.075 * c * s**2 - 0.014 * np.cos(4 * angle) + self.outline(angle, z)
        return np.asarray(ellipse * shape * (1.0 - 0.075 * max(z, 0.0) ** 2.2))

    def layers(self, angle: Array, z: float) -> dict[str, Array]:
        """Radii in mm at which each layer of the scalp and skull ends, from outside inwards."""
        c, s = np.cos(angle), np.abs(np.sin(angle))
        low = 1.0 - smoothstep(0.25, 0.95, z)
        skin = self.head_radius(angle, z) - 1.9
        fat = skin - np.clip(3.4 - 1.0 * c + 0.6 * s + self.fat(angle, z), 1.6, None)
        temporal = np.exp(-(((np.abs(angle) - 1.05) / 0.42) ** 2))
        nuchal = np.exp(-(((np.abs(angle) - 2.55) / 0.35) ** 2))
        muscle = fat - 1.0 - 6.8 * low * temporal - 1.5 * low * nuchal
        thick = np.clip(
            6.6
            + 1.4 * c**2
            - 1.9 * s**4 * low
            + 1.3 * np.exp(-(((np.abs(angle) - np.pi) / 0.2) ** 2))
            + self.skull(angle, z),
            3.6,
            None,
        )
        outer = muscle - 0.34 * thick
        diploe = muscle - 0.68 * thick
        inner = muscle - thick
        dura = inner - 0.8
        hull = dura - np.clip(1.5 + 0.9 * z + 0.5 * c + self.fluid(angle, z), 0.5, None)
        return {
            "skin": skin,
            "fat": fat,
            "muscle": muscle,
            "outer": outer,
            "diploe": diploe,
            "inner": inner,
            "dura": dura,
            "hull": hull,
        }

    def hull(self, angle: Array, z: float) -> Array:
        """Radius of the brain surface in mm."""
        return self.layers(angle, z)["hull"]

    def midline_x(self, y: Array, z: float) -> Array:
        """Sideways position of the falx."""
        a, b, c, d = self.midline
        return 0.5 * a * np.cos(y / 45 + b) + 0.35 * c * np.sin(y / 19 + d + z) * np.clip(
            np.abs(y) / 60, 0, 1
        )

    # -- one slice -------------------------------------------------------------------------------
    def chain(self, name: str, side: float, z: float) -> Array:
        """Points (x, y, radius), 0.7 mm apart, of a deep structure on one side at one height."""
        points = chain_at(name, z)
        scale = self.side[name][0 if side > 0 else 1]
        points[:, :2] *= scale
        if name in ("ventricle", "atrium"):
            points[:, 2] += self.swelling[0 if side > 0 else 1]
        length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points[:, :2], axis=0).T))])
        dense = np.asarray(
            CubicSpline(length, points)(np.linspace(0, length[-1], max(int(length[-1] / 0.7), 4)))
        )
        dense[:, 0] *= side
        return dense

    def tube(self, x: Array, y: Array, name: str, z: float) -> Array:
        """Signed distance in mm to a deep structure on both sides, negative inside."""
        right = tube_distance(x, y, self.chain(name, 1.0, z))
        return np.minimum(right, tube_distance(x, y, self.chain(name, -1.0, z)))

    def _reference_hull(self, angle: Array) -> Array:
        return self.layers(angle, REFERENCE_HEIGHT)["hull"]

    def _sulci_at(self, sulci: Sulci, z: float) -> tuple[Array, Array]:
        """Points and half widths of the sulci of one hemisphere at a height."""
        front, back = self.fissure_range(z)
        share = np.clip(0.95 + 0.4 * np.sin(sulci.phase + sulci.drift * z), 0.4, 1.0)
        y = sulci.root[:, 1]
        opened = np.clip(np.maximum(front - y, y - back) / 14.0, 0.0, 1.0)
        share = np.where(sulci.medial, share * opened, share)
        share[0] = 1.0 - 0.72 * smoothstep(0.1, 0.75, z)
        high = smoothstep(0.35, 0.9, z)
        reach = share * (sulci.length + high * (sulci.deep_length - sulci.length))
        keep = sulci.along <= reach[sulci.tree]
        keep &= (share > 0.02)[sulci.tree]
        points, width = sulci.position[keep], sulci.width[keep]
        angle = np.arctan2(points[:, 0], -points[:, 1])
        scale = self.hull(angle, z) / self._reference_hull(angle)
        points = points * scale[:, None]
        fade = np.clip(sulci.along[keep] / 4.0, 0.0, 1.0) * 1.6
        shift = [f(points[:, 0], points[:, 1], z) for f in self.warp]
        moved = points + fade[:, None] * np.stack(shift, -1)
        moved[:, 0] += self.midline_x(moved[:, 1], z) * np.exp(-np.abs(moved[:, 0]) / 12.0)
        return moved, width

    def fluid_distance(self, x: Array, y: Array, z: float, depth: Array) -> Array:
        """Signed distance in mm to the fluid around the brain and in its sulci, negative inside."""
        fissure, fissure_width = self.fissure(z)
        points, width = [fissure], [fissure_width]
        for sulci in self.sulci:
            p, w = self._sulci_at(sulci, z)
            points.append(p)
            width.append(w)
        out = _distance(np.stack([x, y], -1), np.concatenate(points), np.concatenate(width))
        round_off = 0.9
        return np.asarray(-round_off * np.logaddexp(-out / round_off, -depth / round_off))

    def fissure_range(self, z: float) -> tuple[float, float]:
        """End of the anterior and start of the posterior interhemispheric fissure, y in mm."""
        meet = smoothstep(0.48, 0.92, z)
        return -50.0 + 55.0 * meet, 31.0 - 27.0 * meet

    def fissure(self, z: float) -> tuple[Array, Array]:
        """Points and half widths of the interhemispheric fissure."""
        front, back = self.fissure_range(z)
        y = np.concatenate([np.arange(-95.0, front, 0.6), np.arange(back, 95.0, 0.6)])
        wave = 0.5 + 0.5 * np.sin(y / 6.0 + 3.0 * z + self.midline[1]) * np.sin(
            y / 11.0 + self.midline[2]
        )
        return np.stack([self.midline_x(y, z), y], -1), 0.4 + 0.5 * wave

    def falx_distance(self, x: Array, y: Array, z: float) -> Array:
        """Distance in mm to the falx in the interhemispheric fissure."""
        front, back = self.fissure_range(z)
        inside = (y < front - 3.0) | (y > back + 3.0)
        return np.where(inside, np.abs(x - self.midline_x(y, z)), 30.0)

    def labels(self, z: float, n: int) -> tuple[NDArray[np.uint8], Array]:
        """Render one slice.

        Parameters
        ----------
        z
            Height, 0 (basal ganglia) to 1 (above the ventricles).
        n
            Matrix size over the field of view.

        Returns
        -------
        labels
            `Label` of each pixel, (n, n).
        lesion
            Share of lesion in each white-matter pixel, 0 to 1.
        """
        axis = (np.arange(n) + 0.5) / n * FIELD_OF_VIEW_MM - FIELD_OF_VIEW_MM / 2
        gx, gy = np.meshgrid(axis, axis)
        c, s = np.cos(self.tilt), np.sin(self.tilt)
        x, y = c * gx - s * gy, s * gx + c * gy
        radius, angle = np.hypot(x, y), np.arctan2(x, -y)
        grid = np.linspace(-np.pi, np.pi, 1441)
        end = {name: np.interp(angle, grid, value) for name, value in self.layers(grid, z).items()}
        out = np.full((n, n), Label.AIR, dtype=np.uint8)
        out[radius < np.interp(angle, grid, self.head_radius(grid, z))] = Label.SKIN
        for name, label in _LAYERS:
            out[radius < end[name]] = label
        self._draw_vessels(out, x, y, z)
        inside = radius < end["dura"] + 1.0
        ix, iy = x[inside], y[inside]
        ix, iy = ix + 0.45 * self.ripple[0](ix, iy, z), iy + 0.45 * self.ripple[1](ix, iy, z)
        brain, lesion = self._brain(ix, iy, z, (end["hull"] - radius)[inside])
        keep = radius[inside] > end["hull"][inside]
        brain = np.where(keep, out[inside], brain)
        sinus = np.abs(ix - self.midline_x(iy, z)) < 0.55 * (radius - end["hull"] + 5.5)[inside] * (
            np.abs(iy) > 60
        )
        brain[sinus & (radius < end["dura"])[inside]] = Label.BLOOD
        out[inside] = brain
        share = np.zeros((n, n))
        share[inside] = np.where(brain == Label.WHITE, lesion, 0.0)
        return out, share

    def _draw_vessels(self, out: NDArray[np.uint8], x: Array, y: Array, z: float) -> None:
        """Mark small vessels in the subcutaneous fat."""
        n = out.shape[0]
        c, s = np.cos(self.tilt), np.sin(self.tilt)
        for turn, share, size, drift in self.vessels:
            angle = np.array([turn + drift * z])
            layers = self.layers(angle, z)
            radius = share * layers["skin"] + (1.0 - share) * layers["fat"]
            vx, vy = float(radius[0] * np.sin(angle[0])), float(-radius[0] * np.cos(angle[0]))
            column = int(((c * vx + s * vy) / FIELD_OF_VIEW_MM + 0.5) * n)
            row = int(((c * vy - s * vx) / FIELD_OF_VIEW_MM + 0.5) * n)
            near = np.s_[max(row - 9, 0) : row + 10, max(column - 9, 0) : column + 10]
            inside = np.hypot(x[near] - vx, y[near] - vy) < size
            out[near][inside & (out[near] == Label.FAT)] = Label.MUSCLE

    def _brain(self, x: Array, y: Array, z: float, depth: Array) -> tuple[NDArray[np.uint8], Array]:
        """Label the pixels inside the dura."""
        fluid = self.fluid_distance(x, y, z, depth)
        thickness = 2.85 + 0.45 * self.thickness(x, y, z)
        out = np.where(fluid < thickness, Label.GREY, Label.WHITE).astype(np.uint8)
        white = out == Label.WHITE
        for name, label in _NUCLEI:
            out[(self.tube(x, y, name, z) < 0) & white] = label
        out[fluid < 0] = Label.CSF
        out[(self.falx_distance(x, y, z) < 0.45) & (fluid < 0)] = Label.DURA
        horns = np.minimum(self.tube(x, y, "ventricle", z), self.tube(x, y, "atrium", z))
        out[
            np.minimum(
                horns, np.minimum(self.tube(x, y, "third", z), self.tube(x, y, "cistern", z))
            )
            < 0
        ] = Label.CSF
        grain = self.grain(x, y, z)
        out[(self.tube(x, y, "choroid", z) < 0.5 * grain) & (out == Label.CSF)] = Label.CHOROID
        rim = 0.16 + 0.22 * np.exp(-(((np.abs(y + 2) - 40) / 9) ** 2))
        lesion = np.clip(rim * np.exp(-horns / 1.6), 0.0, 0.5)
        for lx, ly, lz, size, height, strength in self.lesions:
            distance = np.hypot(x - lx, y - ly) + 0.12 * size * grain
            reach = size * (1.0 - 0.5 * ((z - lz) / height) ** 2)
            lesion = np.maximum(
                lesion,
                strength / (1.0 + np.exp(np.clip((distance - reach) / (0.22 * size), -30.0, 30.0))),
            )
        return out, lesion


def _distance(where: Array, points: Array, width: Array, reach: float = 12.0) -> Array:
    """Distance from each position to the nearest of some discs."""
    distance, index = cKDTree(points).query(where, distance_upper_bound=reach)
    return np.asarray(
        np.where(np.isfinite(distance), distance - np.append(width, 0.0)[index], reach)
    )
