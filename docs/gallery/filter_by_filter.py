"""
An image, filter by filter
==========================

The smooth part, then the filters in the order of what they add.
"""

import matplotlib.pyplot as plt

import napari_csc as csc
from napari_csc.core.analysis.filter_figures import filter_figures

scan = csc.load(csc.sample_path(), slice=2)
result = csc.Reconstructor(csc.Dictionary.dct(32, 9), csc.load_map_network("v4"))(scan)
order = filter_figures(result).energy.argsort(descending=True).tolist()

figure, axes = plt.subplots(2, 4, figsize=(11, 5.8), layout="constrained")
image, done = result.low_pass[0].clone(), 0
for axis, count in zip(axes.flat, (0, 1, 2, 4, 8, 16, 24, 32), strict=True):
    for number in order[done:count]:
        image = image + result.contributions(number)[0]
    done = count
    axis.imshow(image[60:190, 60:190].abs(), cmap="gray", vmin=0, vmax=9)
    axis.set_title(f"with {count} of 32" if count else "smooth part")
    axis.set_axis_off()
