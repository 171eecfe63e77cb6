"""
The smooth part
===============

Filters of nine pixels are bad at shading. Two ways to carry it.
"""

# %%
# A low-pass
# ----------
# The papers take a smooth part out beforehand: every frequency :math:`\omega` of the initial image
# is divided by :math:`1 + \beta \sum_d |1 - e^{i\omega_d}|^2`. The larger :math:`\beta`, the less
# passes.

import matplotlib.pyplot as plt
import torch

import napari_csc as csc
from napari_csc.core.dictionary.smooth_part import gaussian_filters, low_pass_transfer

figure, axis = plt.subplots(figsize=(5, 3.2), layout="constrained")
for weight in (1, 10, 100):
    transfer = low_pass_transfer((256, 256), weight)[0, :129]
    axis.plot(torch.linspace(0, 0.5, 129), transfer, label=f"beta = {weight}")
axis.set(xlabel="cycles per pixel", ylabel="share that passes")
axis.legend()
axis.grid(alpha=0.3)

# %%
# Wide filters
# ------------
# The other way has no low-pass. A few wide Gaussians join the dictionary, with maps like all
# others, so that the smooth part, too, can be held back where nothing is.

figure, axis = plt.subplots(figsize=(5, 3.2), layout="constrained")
for wide, width in zip(gaussian_filters((2, 4, 8)), (2, 4, 8), strict=True):
    row = wide[wide.shape[0] // 2]
    axis.plot(torch.arange(len(row)) - len(row) // 2, row / row.max(), label=f"{width} pixels wide")
axis.set(xlabel="pixels", ylabel="value, largest 1")
axis.legend()
axis.grid(alpha=0.3)

# %%
# What comes of it
# ----------------
# The same scan in both ways, the smooth part alone and the whole image. The low-pass lets noise of
# low frequency pass, in the background, too.

scan = csc.load(csc.sample_path(), slice=1)
dictionary = csc.Dictionary.dct(32, size=9)
figure, axes = plt.subplots(2, 2, figsize=(7, 7.2), layout="constrained")
for row, smooth in zip(axes, ("low-pass", "filters"), strict=True):
    made = csc.Reconstructor(
        dictionary, csc.NoiseScalar(1.5), smooth=smooth, solver="admm", iterations=16
    )
    result = made(scan)
    background = scan.reference[0].abs() < 1e-3
    noise = float(result.image[0][background].abs().square().mean().sqrt() / scan.noise_std)
    print(f"{smooth:9} left in the background: {noise:.2f} noise levels")
    row[0].imshow(result.low_pass[0].abs(), cmap="gray", vmin=0, vmax=9)
    row[1].imshow(result.image[0].abs(), cmap="gray", vmin=0, vmax=9)
    row[0].set_title(f'smooth="{smooth}": smooth part')
    row[1].set_title("image")
for axis in axes.flat:
    axis.set_axis_off()
