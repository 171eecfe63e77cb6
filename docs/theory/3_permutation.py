"""
The order of the filters
========================

A dictionary is a set. A network that takes it as a list may say something else for every order.
"""

# %%
# The problem does not know an order: :math:`\sum_k d_k * s_k` and :math:`\sum_k \|\Lambda_k \cdot
# s_k\|_1` are sums. So if the maps move with their filters, :math:`\Lambda(d_{\pi}) =
# \Lambda(d)_{\pi}`, the image is the same. V3, V4 and V5 make each map from its own filter and
# from the image, so they cannot know the order. V1 has an output for each filter, in the order of
# its training.

import matplotlib.pyplot as plt
import torch

import napari_csc as csc
from napari_csc.phantom.head import head_phantom

scan = csc.simulate_low_field(
    head_phantom(96, 1, "t1w", seed=2), 64, 0.2, generator=torch.Generator().manual_seed(0)
)
dictionary = csc.Dictionary.dct(32, size=9)
shuffled = dictionary.permuted(seed=5)

figure, axes = plt.subplots(3, 3, figsize=(8, 8.2), layout="constrained")
for row, name in zip(axes, ("v4", "v3", "v1:dct-32-9"), strict=True):
    network = csc.load_map_network(name)
    one, other = (csc.Reconstructor(d, network)(scan).image[0] for d in (dictionary, shuffled))
    change = float((other - one).norm() / one.norm())
    print(f"{name:12} image changes by {change:.1e} of its norm")
    row[0].imshow(one.abs(), cmap="gray", vmin=0, vmax=10)
    row[1].imshow(other.abs(), cmap="gray", vmin=0, vmax=10)
    row[2].imshow((other - one).abs(), cmap="magma", vmin=0, vmax=1)
    row[0].set_ylabel(name)
for axis, title in zip(axes[0], ("in order", "shuffled", "difference, 0 to 1"), strict=True):
    axis.set_title(title)
for axis in axes.flat:
    axis.set_xticks([])
    axis.set_yticks([])

# %%
# The maps move along
# -------------------
# Filter by filter the maps of V4 are the same before and after.

network = csc.load_map_network("v4")
maps = csc.Reconstructor(dictionary, network)(scan).sparsity_maps
moved = csc.Reconstructor(shuffled, network)(scan).sparsity_maps
back = dict(zip(shuffled.order, moved[0], strict=True))
largest = max(float((back[k] - maps[0, k]).abs().max()) for k in range(32))
print(f"largest difference of a map: {largest / scan.noise_std:.1e} noise levels")
