"""
All maps at once
================

Dark: the filter is free. Bright: it is held back.
"""

import matplotlib.pyplot as plt

import napari_csc as csc

scan = csc.load(csc.sample_path(), slice=1)
result = csc.Reconstructor(csc.Dictionary.load("brain-16-9"), csc.load_map_network("v5"))(scan)

figure, axes = plt.subplots(4, 4, figsize=(9, 9.4), layout="constrained")
for number, axis in enumerate(axes.flat):
    shown = axis.imshow(
        result.sparsity_maps[0, number] / result.noise_std, cmap="inferno", vmin=0, vmax=6
    )
    axis.set_title(f"{number}", fontsize=9)
    axis.set_axis_off()
figure.colorbar(shown, ax=axes, shrink=0.5, label="noise levels")
