"""
More and less
=============

One factor on all maps, from much detail and noise to smooth.
"""

import matplotlib.pyplot as plt

import napari_csc as csc

scan = csc.load(csc.sample_path(), slice=1)
cache = csc.MapCache()  # the maps are inferred once
figure, axes = plt.subplots(1, 4, figsize=(11, 3.3), layout="constrained")
for axis, strength in zip(axes, (0.25, 0.5, 1, 2), strict=True):
    settings = csc.ReconstructionSettings(dictionary="dct-32-9", maps="v4", strength=strength)
    image = csc.Reconstructor.from_settings(settings, cache)(scan).image[0]
    axis.imshow(image[40:170, 60:190].abs(), cmap="gray", vmin=0, vmax=9)
    axis.set_title(f"strength {strength:g}")
    axis.set_axis_off()
