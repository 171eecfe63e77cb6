"""Coil maps of any scale: what is reconstructed has maps of a root sum of squares of one."""

from __future__ import annotations

import math
from dataclasses import replace

from napari_csc.core.acquisition.cartesian import Acquisition, knowing

# Maps that are normalised are so up to this, and are left as they are.
_ROUNDING = 1e-3


def normalised_coils(acquisition: Acquisition) -> tuple[Acquisition, float]:
    """Return a scan whose coil maps are of usual size, and by how much they were larger.

    Level maps, networks, penalties and tolerances are made for noise units, which the initial
    image has for such maps only. In an image of the scan itself the reconstruction is smaller by
    the factor, the initial image and the level maps are larger by it.

    Parameters
    ----------
    acquisition
        The scan; without coil maps, or with normalised ones, it is returned itself.

    Returns
    -------
    tuple
        The scan, and the largest root sum of squares of its maps.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_csc as csc
    >>> from napari_csc.core.acquisition.coil_gain import normalised_coils
    >>> maps = np.full((2, 16, 16), 3 / np.sqrt(2))
    >>> scan = csc.Acquisition.from_kspace(np.ones((1, 2, 16, 16)) + 0j, coil_maps=maps)
    >>> same, gain = normalised_coils(scan)
    >>> round(gain, 5), round(same.gram_norm, 5)
    (3.0, 1.0)
    """
    if acquisition.coil_maps is None:
        return acquisition, 1.0
    squares = acquisition.gram_norm / acquisition.sampling.norm
    if not 0 < squares < math.inf or abs(squares - 1) <= _ROUNDING:
        return acquisition, 1.0
    gain = math.sqrt(squares)
    known = acquisition.noise_of_scan()
    # On a trajectory it is that of the coils, too.
    del known["noise_gain"]
    scaled = replace(acquisition, coil_maps=acquisition.coil_maps / gain)
    return knowing(scaled, known), gain
