"""
Networks side by side
=====================

One scan, one dictionary, four networks and one level for all; the map of one filter below each.
"""

import matplotlib.pyplot as plt

import napari_csc as csc

scan = csc.load(csc.sample_path(), slice=1)
dictionary = csc.Dictionary.dct(32, size=9)
sources = {"one level": csc.NoiseScalar(1.5)}
sources |= {name: csc.load_map_network(name) for name in ("v1:dct-32-9", "v3", "v4", "v5")}

figure, axes = plt.subplots(2, 5, figsize=(12, 5.2), layout="constrained")
for (above, below), (name, source) in zip(axes.T, sources.items(), strict=True):
    result = csc.Reconstructor(dictionary, source)(scan)
    above.imshow(result.image[0].abs(), cmap="gray", vmin=0, vmax=9)
    below.imshow(result.sparsity_maps[0, 3] / result.noise_std, cmap="inferno", vmin=0, vmax=6)
    above.set_title(name)
    above.set_axis_off()
    below.set_axis_off()
