"""
Dictionaries side by side
=========================

What kinds of filters there are.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

import napari_csc as csc

names = (
    "brain-64-unrolled",
    "brain-64-mixed",
    "brain-64-11",
    "dct-64-11",
    "gabor-64-11",
    "random-64-11",
)
figure, axes = plt.subplots(2, 3, figsize=(10, 7), layout="constrained")
for axis, name in zip(axes.flat, names, strict=True):
    filters = csc.Dictionary.load(name).filters.numpy()
    _, height, width = filters.shape
    columns = math.ceil(math.sqrt(len(filters)))
    sheet = np.full((columns * (height + 1), columns * (width + 1)), np.nan)
    for number, one in enumerate(filters):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        sheet[top : top + height, left : left + width] = one / np.abs(one).max()
    axis.imshow(sheet, cmap="gray", vmin=-1, vmax=1)
    axis.set_title(name)
    axis.set_axis_off()
