"""
What a level map does
=====================

One price for everything, one price for each place: the same filters, the same solver.
"""

# %%
# The map :math:`\Lambda_k(r)` is what filter :math:`k` pays for being used at pixel :math:`r`.
# Below, a picture with a fine grid on the left, a flat grey on the right, and noise on both.

import matplotlib.pyplot as plt
import numpy as np
import torch

import napari_csc as csc

y, x = np.mgrid[:96, :96]
picture = np.where(x < 48, 5 + 2 * np.sin(0.9 * x) * np.sin(0.9 * y), 5.0)
generator = torch.Generator().manual_seed(1)
scan = csc.simulate_low_field(picture, sampled=None, noise_variance=0.05, generator=generator)
dictionary = csc.Dictionary.dct(32, size=9)
sigma = scan.noise_std


def reconstructed(level: np.ndarray | float) -> torch.Tensor:
    """Return the image for levels (y, x) that all filters share, in noise levels."""
    maps = np.broadcast_to(level * sigma, (len(dictionary), 96, 96)).astype(np.float32)
    made = csc.Reconstructor(dictionary, maps, smooth="low-pass", solver="admm", iterations=60)
    return made(scan).image[0].abs()


# %%
# Little keeps the noise, much takes the grid. A map that is low where the grid is and high where
# nothing is has both.

low, high = 0.5, 4.0
by_place = np.where(x < 48, low, high)
images = {
    "measured": scan.adjoint()[0].abs(),
    f"{low:g} everywhere": reconstructed(low),
    f"{high:g} everywhere": reconstructed(high),
    f"{low:g} left, {high:g} right": reconstructed(by_place),
}
figure, axes = plt.subplots(1, 4, figsize=(11, 3.1), layout="constrained")
for axis, (title, image) in zip(axes, images.items(), strict=True):
    axis.imshow(image, cmap="gray", vmin=0, vmax=10)
    axis.set_title(title)
    axis.set_axis_off()
    print(f"{title:20} squared error {csc.metrics.nmse(scan.reference[0], image):.5f}")

# %%
# The price of a price
# --------------------
# What is not forbidden pays, too, so the grid fades as the level rises. At a low level the noise is
# counted along with the grid, which is why the curves begin above one. The rule says which codes
# make the image, see :doc:`/method`.

levels = (0.25, 0.5, 1, 2, 4)
figure, axis = plt.subplots(figsize=(5, 3.4), layout="constrained")
for rule in ("shrunk", "fitted"):
    strengths = []
    for level in levels:
        made = csc.Reconstructor(
            dictionary, csc.NoiseScalar(level), smooth="low-pass", solver="admm", rule=rule
        )
        grid = made(scan).image[0, :, 8:40].abs()
        strengths.append(float(grid.std() / scan.reference[0, :, 8:40].abs().std()))
    axis.plot(levels, strengths, "o-", label=rule)
axis.set(xscale="log", xlabel="level, in noise levels", ylabel="grid, as a share of the true one")
axis.axhline(1, color="k", ls=":")
axis.minorticks_off()
axis.set_xticks(levels, [f"{level:g}" for level in levels])
axis.legend()
axis.grid(alpha=0.3)
