"""
Your first scan
===============

From a file to an image, a look at what was taken away, and a file to keep. About ten minutes.
"""

# %%
# Open a file
# -----------
# The sample is a synthetic head at 0.055 T: k-space of 256 x 256 samples of which only the central
# 128 x 128 were acquired. For a scan of your own write its path instead; :doc:`/data` lists what
# can be read.

import matplotlib.pyplot as plt
import numpy as np

import napari_csc as csc

scan = csc.load(csc.sample_path(), slice=1)
print("slices, rows, columns:", scan.shape)
print("samples acquired:", int(scan.mask.sum()), "of", scan.mask.numel())
print(scan.noise.sentence)

# %%
# Two things in this are worth a look with every new file: whether the acquired part is right
# (samples that were never measured must not count as zeros), and how the noise level was found.
# All else is in units of that level.
#
# Reconstruct
# -----------
# The defaults are a dictionary of 64 filters and the network V5, which were trained together.
# ``result`` holds the image and everything that it was made of.

reconstruct = csc.Reconstructor.from_settings(csc.ReconstructionSettings())
result = reconstruct(scan)
print(result.dictionary)
print("maps:", tuple(result.sparsity_maps.shape), "(slice, filter, y, x)")

# %%
# Look
# ----
# Beside the image stands what was taken away from the initial image, in units of the noise. Here
# is the first question to every reconstruction: *is that noise, or does it show the head?*

from napari_csc.core.analysis.filter_figures import removed

initial, image, taken = result.initial[0].abs(), result.image[0].abs(), removed(result)[0]
grey = {"cmap": "gray", "vmin": 0, "vmax": float(image.max())}

figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
axes[0].imshow(initial, **grey)
axes[1].imshow(image, **grey)
shown = axes[2].imshow(taken, cmap="RdBu_r", vmin=-2, vmax=2)
figure.colorbar(shown, ax=axes[2], shrink=0.8, label="noise levels")
for axis, title in zip(axes, ("initial image", "reconstruction", "taken away"), strict=True):
    axis.set_title(title)
    axis.set_axis_off()

# %%
# No outline of the head stands out, which is good. Within the head less was taken than outside:
# there the filters are free, and some noise stays.
#
# Ask what is wrong
# -----------------
# A table of checks, each green, amber or red with a sentence. Green means that none of them speaks
# against the image, not that it is right.

for finding in csc.health(result, scan):
    print(f"{finding.name:12} {finding.level:6} {finding.sentence}")

# %%
# Compare with the truth
# ----------------------
# A real scan has no truth. The sample has, because it was computed. Figures of the whole picture
# and of the head say different things, so always say which.

truth = scan.reference
head = np.abs(np.asarray(truth)) > 0.05 * float(truth.abs().max())
for name, picture in {"initial image": result.initial, "reconstruction": result.image}.items():
    whole, inside = csc.metrics.ssim(truth, picture), csc.metrics.ssim(truth, picture, mask=head)
    error = csc.metrics.nmse(truth, picture)
    print(f"{name:15} SSIM {whole:.3f}, in the head {inside:.3f}, squared error {error:.4f}")

# %%
# Keep it
# -------
# The result file holds image, maps, codes and settings, and opens like any other file. ``export``
# writes images for other programs, ``save_report`` one page to show to somebody.

import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp())
csc.save(result, folder / "head.h5")
csc.export(result, folder / "head.nii.gz")
csc.save_report(result, folder / "head.html")
print(sorted(path.name for path in folder.iterdir()))

# %%
# The same elsewhere
# ------------------
# On the command line::
#
#     napari-csc sample
#     napari-csc reconstruct head_phantom_lowfield.h5 -o head.h5 --slice 1
#     napari-csc report head.h5 -o head.html
#
# In the viewer: ``napari-csc view``, press *Sample*, then *Run*. On the CPU the three give the
# same numbers, bit for bit.
