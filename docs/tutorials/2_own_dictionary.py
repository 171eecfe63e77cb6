"""
Your own dictionary
===================

Filters of your own: learned from an image, taken from an array, put together, cut down. No network
is trained again. About ten minutes.
"""

# %%
# Learn one from an image
# -----------------------
# Sixteen filters are learned from the other slices of the sample, so that the slice below is new
# to them. Twenty steps are few; they take seconds. The recipes of the shipped dictionaries take
# hundreds.

import math

import matplotlib.pyplot as plt
import numpy as np

import napari_csc as csc
from napari_csc.learn.dictionaries.image_sources import GivenImages
from napari_csc.learn.dictionaries.learning import LearningSettings, learn_dictionary

others = csc.load(csc.sample_path()).select([0, 2, 3])
settings = LearningSettings(count=16, sizes=(9,), steps=20, seed=0)
mine = learn_dictionary(GivenImages(others.adjoint()), settings, name="mine")
print(mine, "digest", mine.digest[:12])


def draw(dictionary: csc.Dictionary, axis: plt.Axes) -> None:
    """Show filters side by side, each scaled to its largest value."""
    filters = dictionary.filters.numpy()
    _, height, width = filters.shape
    columns = math.ceil(math.sqrt(len(filters)))
    rows = math.ceil(len(filters) / columns)
    sheet = np.full((rows * (height + 1), columns * (width + 1)), np.nan)
    for number, one in enumerate(filters):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        sheet[top : top + height, left : left + width] = one / np.abs(one).max()
    axis.imshow(sheet, cmap="gray", vmin=-1, vmax=1)
    axis.set_title(dictionary.name)
    axis.set_axis_off()


# %%
# Make one by hand
# ----------------
# Any array (K, y, x) becomes a dictionary: a filter is scaled to norm 1, and that is all that
# happens to it. Here are four edges and four bars.

y, x = np.mgrid[-4:5, -4:5]
window = np.exp(-(x**2 + y**2) / 8)
turned = [np.cos(a) * x + np.sin(a) * y for a in np.arange(4) * np.pi / 4]
edges = [np.sin(0.9 * t) * window for t in turned]
bars = [np.cos(0.9 * t) * window for t in turned]
bars = [bar - bar.mean() for bar in bars]
drawn = csc.Dictionary.from_filters(np.stack(edges + bars), name="drawn")

figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for axis, dictionary in zip(axes, (mine, drawn, csc.Dictionary.load("brain-16-9")), strict=True):
    draw(dictionary, axis)

# %%
# Use them
# --------
# The map network V4 has seen none of these and takes them all, because it looks at one filter
# after the other.

scan = csc.load(csc.sample_path(), slice=1)
network = csc.load_map_network("v4")
truth = scan.reference
head = np.abs(np.asarray(truth)) > 0.05 * float(truth.abs().max())
results = {}
for dictionary in (mine, drawn, csc.Dictionary.load("brain-16-9"), csc.Dictionary.random(16, 9)):
    result = csc.Reconstructor(dictionary, network)(scan)
    results[dictionary.name] = result
    inside = csc.metrics.ssim(truth, result.image, mask=head)
    print(f"{dictionary.name:15} {len(dictionary):3} filters, SSIM in the head {inside:.3f}")

# %%
# Learned and drawn filters come out alike here, filters of random numbers behind them. What the
# figure means shows in the picture.

figure, axes = plt.subplots(1, 4, figsize=(11, 3.2), layout="constrained")
for axis, (name, result) in zip(axes, results.items(), strict=True):
    axis.imshow(result.image[0, 60:150, 60:150].abs(), cmap="gray", vmin=0, vmax=8)
    axis.set_title(name)
    axis.set_axis_off()

# %%
# Order, parts, files
# -------------------
# ``permuted`` shuffles, ``subset`` takes some. With V4 the order changes nothing but rounding;
# leaving out half of the filters changes the image.

whole = results["mine"].image
shuffled = csc.Reconstructor(mine.permuted(seed=1), network)(scan).image
half = csc.Reconstructor(mine.subset(range(8)), network)(scan).image
for name, image in {"shuffled": shuffled, "eight of sixteen": half}.items():
    print(f"{name}: changed by {float((image - whole).norm() / whole.norm()):.1e} of its norm")

# %%
# ``mine.save("mine.safetensors")`` keeps it, with how it came about; every command and the dock
# take the file as they take a name::
#
#     napari-csc learn-dictionary scan.mat -o mine.safetensors --count 16 --size 9
#     napari-csc reconstruct scan.mat -o out.h5 --dictionary mine.safetensors --maps v4
