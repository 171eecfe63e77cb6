"""
While it runs
=============

Pictures of the iterations, as the viewer shows them. Before the third nearly all codes are zero.
"""

import matplotlib.pyplot as plt

import napari_csc as csc

scan = csc.load(csc.sample_path(), slice=1)
figure, axes = plt.subplots(1, 5, figsize=(12, 2.9), layout="constrained")
for axis, iterations in zip(axes, (3, 4, 6, 8, 16), strict=True):
    made = csc.Reconstructor(
        csc.Dictionary.dct(32, 9), csc.NoiseScalar(1.5), solver="admm", iterations=iterations
    )
    axis.imshow(made(scan).image[0].abs(), cmap="gray", vmin=0, vmax=9)
    axis.set_title(f"after {iterations}")
    axis.set_axis_off()
