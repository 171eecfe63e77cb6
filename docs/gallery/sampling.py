"""
Other ways to sample
====================

Several coils with lines left out, and a part of the lines only: the same call.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

import napari_csc as csc
from napari_csc.phantom.head import head_phantom

image = head_phantom(128, 1, "t2w", seed=3)
y, x = np.mgrid[-1:1:128j, -1:1:128j]
coils = np.stack(
    [np.exp(-((x - a) ** 2 + (y - b) ** 2)) for a, b in ((-1, 0), (1, 0), (0, -1), (0, 1))]
)
every_second = np.zeros((128, 128), bool)
every_second[::2] = every_second[54:74] = True
five_eighths = np.zeros((128, 128), bool)
five_eighths[:80] = True


def simulated(**given: object) -> csc.Acquisition:
    """Return a scan of the whole matrix, with noise."""
    generator = torch.Generator().manual_seed(0)
    return csc.simulate_low_field(image, None, 0.1, generator=generator, **given)


scans = {
    "four coils, every second line": simulated(mask=every_second, coil_maps=coils),
    "five eighths of the lines": simulated(mask=five_eighths),
}
reconstruct = csc.Reconstructor(csc.Dictionary.load("brain-32-9"), csc.load_map_network("v5"))
figure, axes = plt.subplots(2, 3, figsize=(8, 5.6), layout="constrained")
for row, (name, scan) in zip(axes, scans.items(), strict=True):
    result = reconstruct(scan)
    row[0].imshow(scan.mask.cpu(), cmap="gray", interpolation="nearest")
    row[1].imshow(result.initial[0].abs(), cmap="gray", vmin=0, vmax=10)
    row[2].imshow(result.image[0].abs(), cmap="gray", vmin=0, vmax=10)
    row[0].set_title(name, fontsize=9)
    row[1].set_title("initial image", fontsize=9)
    row[2].set_title("reconstruction", fontsize=9)
    for axis in row:
        axis.set_axis_off()
