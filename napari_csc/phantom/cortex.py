"""Folding of the cortex of the head phantom: sulci that grow, branch and keep their distance.

Sulci start on the brain surface and on the interhemispheric fissure and grow inwards at the same
time; each steers away from its neighbours and stops before it would meet one. What is left
between two sulci is a gyrus. Lengths are in millimetres, x to the right, y posterior. Positions are
rounded at each step, so that the last bits of a sine do not lead to another brain elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_csc.phantom.random_fields import Array

REFERENCE_HEIGHT = 0.4
_STEP_MM = 0.6
_TURNS = (0.0, 0.35, -0.35, 0.7, -0.7)

# Deep region of one hemisphere that lateral sulci do not enter: discs (x, y, radius).
_CORE = np.array(
    [
        (11, -39, 9),
        (21, -27, 16),
        (25, -12, 18),
        (24, 4, 17),
        (20, 18, 14),
        (23, 30, 10),
        (25, 43, 7),
    ],
    float,
)


@dataclass(frozen=True)
class Sulci:
    """All sulci of one hemisphere as points, 0.6 mm apart, at the reference height.

    Attributes
    ----------
    position
        Points (n, 2) in mm.
    along
        Length from the root of the sulcus to the point, through its branches.
    width
        Half width of the fluid, in mm.
    tree
        Index of the sulcus a point belongs to; 0 is the Sylvian fissure with the insula.
    length, deep_length, phase, drift
        Of each sulcus: its length low in the head and higher up, and how its depth changes with
        height.
    root
        Root position of each sulcus, (m, 2).
    medial
        Whether a sulcus starts on the interhemispheric fissure.
    """

    position: Array
    along: Array
    width: Array
    tree: NDArray[np.int64]
    length: Array
    deep_length: Array
    phase: Array
    drift: Array
    root: Array
    medial: NDArray[np.bool_]


@dataclass
class _Tip:
    tree: int
    position: Array
    heading: float
    along: float
    end: float
    bend: float = 0.0
    born: float = 0.0
    forks: tuple[float, ...] = ()
    medial: bool = False
    branch: int = 0


class _Numbers:
    """Numbers that more are put to again and again, and that are an array at every time."""

    def __init__(self, *shape: int, dtype: type = float) -> None:
        self._room: Array = np.empty((256, *shape), dtype)
        self.count = 0

    def add(self, values: npt.ArrayLike) -> None:
        """Put some more behind, (n, ...)."""
        more = np.asarray(values)
        end = self.count + len(more)
        if end > len(self._room):
            self._room = np.concatenate([self._room, np.empty_like(self._room)])
            return self.add(more)
        self._room[self.count : end] = more
        self.count = end

    @property
    def array(self) -> Array:
        """Return all of them, not copied."""
        return self._room[: self.count]


class _Growth:
    """State of the growing sulci of the right hemisphere; the caller mirrors the left one."""

    def __init__(self, rng: np.random.Generator, hull: Callable[[Array], Array]) -> None:
        self.rng, self.hull = rng, hull
        self.points, self.along = _Numbers(2), _Numbers()
        self.tree, self.branch = _Numbers(dtype=int), _Numbers(dtype=int)
        self.branches = 0
        self.deep = False
        self.resting: list[_Tip] = []
        self.roots: list[Array] = []
        self.medial: list[bool] = []

    def plant(
        self,
        root: Array,
        heading: float,
        length: float,
        medial: bool,
        forks: tuple[float, ...] = (),
    ) -> _Tip:
        """Start a sulcus."""
        self.roots.append(root)
        self.medial.append(medial)
        return _Tip(
            len(self.roots) - 1,
            root.copy(),
            heading,
            0.0,
            length,
            forks=forks,
            medial=medial,
            branch=self.new_branch(),
        )

    def add(self, tip: _Tip) -> None:
        """Record the position of a tip."""
        self.points.add([tip.position])
        self.along.add([tip.along])
        self.tree.add([tip.tree])
        self.branch.add([tip.branch])

    def new_branch(self) -> int:
        """Return the number of the next branch."""
        self.branches += 1
        return self.branches

    def depth(self, position: Array) -> float:
        """Distance below the brain surface."""
        angle = np.arctan2(position[0], -position[1])
        return float(self.hull(np.array([angle]))[0] - np.hypot(*position))

    def others(self, tip: _Tip) -> tuple[Array, Array]:
        """Vectors from, and distances to, the points of other sulci and of older branches."""
        points, tree, along = self.points.array, self.tree.array, self.along.array
        away = tip.position - points
        foreign = tree != tip.tree
        if self.deep:
            foreign &= (tree != 0) | (along < 14.0)
        if tip.along - tip.born > 4.0:
            apart = (along > tip.born + 3.5) | (along < tip.born - 5.0)
            foreign |= (tree == tip.tree) & (self.branch.array != tip.branch) & apart
        away = away[foreign]
        return away, np.hypot(away[:, 0], away[:, 1])

    def advance(self, tip: _Tip) -> list[_Tip]:
        """Take one step; returns the tips that go on."""
        rng = self.rng
        tip.bend = 0.93 * tip.bend + rng.normal(0.0, 0.024)
        tip.heading += tip.bend
        away, distance = self.others(tip)
        near = distance < 11.0
        if near.any():
            push = (away[near] / distance[near, None] ** 2.5).sum(0)
            ahead = np.array([np.cos(tip.heading), np.sin(tip.heading)]) + 0.16 * push
            tip.heading = float(np.arctan2(ahead[1], ahead[0]))
        else:
            tip.heading += 0.03 * np.sin(self.inward(tip) - tip.heading)
        tip.along += _STEP_MM
        here, start = tip.position, round(float(tip.heading), 6)
        for turn in _TURNS:
            heading = start + turn
            step = _STEP_MM * np.array([np.cos(heading), np.sin(heading)])
            tip.position = np.round(here + step, 6)
            if not self.blocked(tip):
                tip.heading = heading
                break
        else:
            tip.position, tip.along = here, tip.along - _STEP_MM
            self.resting.append(tip)
            return []
        core = float((np.hypot(*(tip.position - _CORE[:, :2]).T) - _CORE[:, 2]).min())
        if core < 0 and not tip.medial and not self.deep:
            self.resting.append(tip)
            return []
        self.add(tip)
        if tip.along >= tip.end:
            self.resting.append(tip)
            return []
        return self.fork(tip) if tip.forks and tip.along >= tip.forks[0] else [tip]

    def blocked(self, tip: _Tip) -> bool:
        """Whether a tip touches another sulcus, the surface or the wrong hemisphere."""
        free = tip.along - tip.born
        _, distance = self.others(tip)
        if tip.position[0] < (0.0 if tip.medial else 8.0):
            return True
        if distance.size and float(distance.min()) < 5.6 and free > 2.0:
            return True
        return free > 7.0 and self.depth(tip.position) < 5.0

    @staticmethod
    def inward(tip: _Tip) -> float:
        """Direction of the middle of the hemisphere."""
        to = np.array([22.0, 0.55 * tip.position[1]]) - tip.position
        return tip.heading if tip.medial else float(np.arctan2(to[1], to[0]))

    def fork(self, tip: _Tip) -> list[_Tip]:
        """Split a tip in two."""
        rng = self.rng
        turn = rng.uniform(0.75, 1.3) * float(rng.choice([-1.0, 1.0]))
        child = _Tip(
            tip.tree,
            tip.position.copy(),
            tip.heading + turn,
            tip.along,
            tip.along + rng.uniform(6.0, 15.0),
        )
        child.born = tip.born = tip.along
        child.medial, child.branch = tip.medial, self.new_branch()
        tip.heading -= 0.5 * turn
        tip.forks = tip.forks[1:]
        return [tip, child]

    def deepen(self) -> None:
        """Let sulci that came to rest grow on into the region that is free higher in the head."""
        self.deep = True
        tips, self.resting = [tip for tip in self.resting if not tip.medial], []
        for tip in tips:
            tip.end = tip.along + self.rng.uniform(4.0, 14.0)
            tip.bend = 0.0
        self.run(tips)

    def run(self, tips: list[_Tip]) -> None:
        """Grow until nothing moves."""
        for tip in tips:
            self.add(tip)
        while tips:
            tips = [after for tip in tips for after in self.advance(tip)]

    def clear(self, position: Array, sylvian: float = np.inf) -> float:
        """Distance to the nearest sulcus, the Sylvian fissure counting up to a length only."""
        counts = (self.tree.array != 0) | (self.along.array < sylvian)
        return float(np.hypot(*(self.points.array[counts] - position).T).min())


def _surface_roots(growth: _Growth, spacing: float) -> list[tuple[Array, float]]:
    """Roots along the outer brain surface with inward headings."""
    angle = np.linspace(0.06, np.pi - 0.06, 800)
    radius = growth.hull(angle)
    xy = np.stack([radius * np.sin(angle), -radius * np.cos(angle)], -1)
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    at, roots = 0.35 * spacing, []
    while at < arc[-1] - 4.0:
        i = int(np.searchsorted(arc, at))
        tangent = xy[min(i + 3, 799)] - xy[max(i - 3, 0)]
        inward = float(np.arctan2(tangent[0], -tangent[1]))
        heading = np.array([np.cos(inward), np.sin(inward)])
        if heading @ xy[i] > 0:
            inward += np.pi
        roots.append((xy[i], inward))
        at += spacing * growth.rng.uniform(0.72, 1.3)
    return roots


def _plant_sylvian(growth: _Growth) -> None:
    """Sylvian fissure: a stem from the surface, then the slit over the insula."""
    rng = growth.rng
    radius = float(growth.hull(np.array([1.28]))[0])
    mouth = np.array([radius * np.sin(1.28), -radius * np.cos(1.28)])
    jitter = rng.normal(0.0, 0.8, 2)
    corner = np.array([42.5, -15.0]) + jitter
    stem = np.array([mouth, mouth * 0.6 + corner * 0.4 + (0, 2.5), corner])
    front = np.array([corner, (41.5, -23.0), (39.0, -31.0), (38.0, -36.5), (42.0, -40.0)])
    back = np.array([corner, (43.5, -8.0), (43.2, 0.0), (40.5, 7.0), (43.0, 12.5), (48.0, 14.0)])
    front[1:-1] += jitter + rng.normal(0.0, 0.5, (3, 2))
    back[1:-1] += jitter + rng.normal(0.0, 0.5, (4, 2))
    growth.roots.append(mouth)
    growth.medial.append(False)
    start = 0.0
    for k, line in enumerate((stem, front, back)):
        piece = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
        fine = np.arange(0.0, piece[-1], _STEP_MM)
        smooth = np.stack(
            [np.interp(fine, piece, line[:, 0]), np.interp(fine, piece, line[:, 1])], -1
        )
        smooth = gaussian_filter(smooth, (3.0, 0), mode="nearest")
        growth.points.add(smooth)
        growth.along.add(start + fine)
        growth.tree.add([0] * fine.size)
        growth.branch.add([0] * fine.size)
        start = start + float(piece[-1]) if k == 0 else start


def _plant_primary(growth: _Growth) -> list[_Tip]:
    """Plant the long sulci and those of the medial wall."""
    rng, tips = growth.rng, []
    for root, inward in _surface_roots(growth, 15.0):
        if growth.clear(root) > 9.0:
            length = rng.uniform(20.0, 36.0)
            forks = tuple(sorted(rng.uniform(7.0, 0.85 * length, int(rng.integers(1, 4)))))
            tips.append(growth.plant(root, inward + rng.normal(0.0, 0.18), length, False, forks))
    y = -70.0 + rng.uniform(0.0, 6.0)
    while y < 68.0:
        length = rng.uniform(7.0, 23.0)
        forks = (rng.uniform(5.0, 0.7 * length),) if length > 10 else ()
        tips.append(growth.plant(np.array([0.3, y]), rng.normal(0.0, 0.35), length, True, forks))
        y += rng.uniform(8.0, 15.0)
    return tips


def grow(rng: np.random.Generator, hull: Callable[[Array], Array], side: float) -> Sulci:
    """Grow all sulci of one hemisphere.

    Parameters
    ----------
    rng
        Random generator.
    hull
        Radius of the brain surface in mm over the angle, at the reference height.
    side
        1 for the right of the image, -1 for the left.

    Returns
    -------
    Sulci
        Points with their attributes.
    """
    growth = _Growth(rng, lambda angle: hull(side * angle))
    _plant_sylvian(growth)
    growth.run(_plant_primary(growth))
    for room, shortest, longest in ((6.8, 9.0, 21.0), (5.8, 4.0, 12.0)):
        for root, inward in _surface_roots(growth, 2.0):
            if growth.clear(root) > room and growth.clear(root * 0.94) > 0.9 * room:
                length = rng.uniform(shortest, longest)
                forks = (rng.uniform(4.0, 0.7 * length),) if length > 10 else ()
                growth.run(
                    [growth.plant(root, inward + rng.normal(0.0, 0.2), length, False, forks)]
                )
    low = growth.points.count
    growth.deepen()
    for root, inward in _surface_roots(growth, 2.0):
        if growth.clear(root * 0.92, 14.0) > 6.3 and growth.clear(root * 0.82, 14.0) > 6.3:
            length = rng.uniform(10.0, 24.0)
            growth.run(
                [growth.plant(root, inward + rng.normal(0.0, 0.2), length, False, (0.6 * length,))]
            )
    return _collect(growth, side, low)


def _collect(growth: _Growth, side: float, low: int) -> Sulci:
    """Turn the grown points into arrays and draw their widths."""
    rng = growth.rng
    position, along = growth.points.array.copy(), growth.along.array
    tree = np.array(growth.tree.array, dtype=np.int64)
    count = len(growth.roots)
    base = rng.lognormal(np.log(0.32), 0.5, count)
    base[0] = 0.8
    wave = np.sin(
        along * rng.uniform(0.25, 0.6, count)[tree] + rng.uniform(0, 2 * np.pi, count)[tree]
    )
    swing = np.where(tree == 0, 0.4, 1.1)
    width = base[tree] * (0.85 + swing * wave) + 1.1 * np.exp(-along / 2.0)
    length, deep_length = np.zeros(count), np.zeros(count)
    np.maximum.at(length, tree[:low], along[:low])
    np.maximum.at(deep_length, tree, along)
    position[:, 0] *= side
    root = np.array(growth.roots) * (side, 1.0)
    phase, drift = rng.uniform(0, 2 * np.pi, count), rng.normal(0.0, 1.8, count)
    return Sulci(
        position,
        along,
        width,
        tree,
        length,
        deep_length,
        phase,
        drift,
        root,
        np.array(growth.medial),
    )
