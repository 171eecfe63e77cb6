"""
Reading maps
============

What a sparsity level map says about the image, and what it does not. About fifteen minutes.
"""

# %%
# One map for every filter
# ------------------------
# ``sparsity_maps`` is (slice, filter, y, x), in units of the image; over the noise level it is in
# units of the noise. Dark: the filter is free to act there. Bright: it is held back, and where
# everything is held back the image is smooth.

import matplotlib.pyplot as plt
import numpy as np

import napari_csc as csc
from napari_csc.core.analysis.filter_figures import (
    against_the_others,
    filter_figures,
    pixel_figures,
    ruling_filters,
)

scan = csc.load(csc.sample_path(), slice=1)
cache = csc.MapCache()
settings = csc.ReconstructionSettings(dictionary="brain-32-9")
reconstruct = csc.Reconstructor.from_settings(settings, cache)
result = reconstruct(scan)
maps = result.sparsity_maps[0] / result.noise_std

figures = filter_figures(result)
strongest = figures.energy.argsort(descending=True)[:3].tolist()
print("the three filters that make most of the image:", strongest)

# %%
# Filter, map, contribution
# -------------------------
# For each of the three: its filter, its map, and what it adds to the image. Map and contribution
# belong together: a filter adds where it is free *and* the data ask for it.

figure, axes = plt.subplots(3, 3, figsize=(8, 8.2), layout="constrained")
for row, number in zip(axes, strongest, strict=True):
    added = result.contributions(number)[0]
    top = float(added.abs().quantile(0.999))
    row[0].imshow(result.dictionary.filters[number], cmap="gray")
    row[1].imshow(maps[number], cmap="inferno", vmin=0, vmax=6)
    row[2].imshow(added.real, cmap="gray", vmin=-top, vmax=top)
    row[0].set_title(f"filter {number}")
    row[1].set_title("map, 0 to 6 noise levels")
    row[2].set_title("what it adds (real part)")
for axis in axes.flat:
    axis.set_axis_off()

# %%
# What they have in common
# ------------------------
# Most of a map is shared by all filters: *here is structure, here is none*. That part is the mean
# of all maps. What is left, the *own part*, says in which places this filter is held back more
# (red) or less (blue) than the others.

own = against_the_others(result, strongest[0])[0]
figure, axes = plt.subplots(1, 3, figsize=(10, 3.5), layout="constrained")
axes[0].imshow(maps[strongest[0]], cmap="inferno", vmin=0, vmax=6)
axes[1].imshow(maps.mean(0), cmap="inferno", vmin=0, vmax=6)
axes[2].imshow(own, cmap="RdBu_r", vmin=-2, vmax=2)
for axis, title in zip(
    axes,
    (f"map of filter {strongest[0]}", "mean of all maps", "own part, factors of 2"),
    strict=True,
):
    axis.set_title(title)
    axis.set_axis_off()

# %%
# One pixel
# ---------
# What the viewer shows under the cursor: which filters add most at this pixel, and how strongly
# each is held back.

place = (92, 128)
here = pixel_figures(result, 0, *place)
for number in here.contribution.argsort(descending=True)[:5].tolist():
    print(
        f"filter {number:2}: adds {float(here.contribution[number]):.3f}, "
        f"level {float(here.level[number]):.2f} noise levels"
    )

# %%
# Which filter rules where
# ------------------------
# Each pixel has the colour of the filter that adds most to it; black where none does.

rules = np.ma.masked_less(ruling_filters(result, 0).numpy(), 0)
figure, axis = plt.subplots(figsize=(4.4, 4.4), layout="constrained")
axis.imshow(rules, cmap="hsv", interpolation="nearest")
axis.set_facecolor("black")
axis.set_xticks([])
axis.set_yticks([])

# %%
# Do the maps cause the image?
# ----------------------------
# Change a map and see what follows; the network is not asked again. First the three strongest
# filters are forbidden inside a rectangle, then the whole dictionary.

region = csc.Region.rectangle((60, 60), (150, 120))
changed = {}
for filters in (tuple(strongest), "dictionary"):
    edit = csc.MapEdit(factor="forbid", filters=filters, region=region)
    changed[edit.sentence] = csc.edit_maps(result, scan, [edit], map_cache=cache).image[0]
for sentence, image in changed.items():
    change = float((image - result.image[0]).abs().max() / result.image.abs().max())
    print(f"{sentence}: changes up to {change:.1%} of the brightest pixel")

figure, axes = plt.subplots(1, 3, figsize=(10, 3.5), layout="constrained")
titles = ("as it was", "three forbidden", "all forbidden")
for axis, title, image in zip(axes, titles, (result.image[0], *changed.values()), strict=True):
    axis.imshow(image[40:170, 40:170].abs(), cmap="gray", vmin=0, vmax=9)
    axis.set_title(title)
    axis.set_axis_off()

# %%
# Without three filters little is lost: others take over what those cannot carry. So one map alone
# decides little, and what is not there was held back by all of them. Without any filter only the
# smooth part is left.
#
# What a map does not say
# -----------------------
# - It is no uncertainty. A bright map says that something was smoothed, not that something is
#   wrong.
# - It is no segmentation, though it looks like one.
# - It does not say why the network chose it. It says what the choice *does*, and that can be
#   checked, as above.
