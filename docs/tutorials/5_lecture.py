"""
A lecture in 20 minutes
=======================

What to show, and what to say. The pictures come from this page's code, for slides. It can all be
shown live in the viewer, too, where *Take the guided tour* goes a similar way (:doc:`/viewer`).

.. list-table::
   :header-rows: 1
   :widths: 12 38 50

   * - minute
     - show
     - say
   * - 0 to 3
     - k-space, initial image
     - A low-field scanner measures little, and noisily. Outside the square nothing was measured.
   * - 3 to 7
     - filters, partial sums
     - An image is a sum of small patterns. Few of them are needed where the image is simple.
   * - 7 to 11
     - one level for all
     - A pattern pays for being used. One price for all is too much here and too little there.
   * - 11 to 14
     - maps
     - A network names the price: one map for every filter. You can look at all of them.
   * - 14 to 16
     - shuffled filters
     - The order of the filters is arbitrary, so it must not matter. In an older network it did.
   * - 16 to 19
     - a lesion
     - Would we have seen it? Put one in and reconstruct again.
   * - 19 to 20
     - the limits
     - Research software. A good picture is not yet a true one.
"""

# %%
# A small scan, so that everything runs live
# ------------------------------------------

import matplotlib.pyplot as plt
import torch

import napari_csc as csc
from napari_csc.phantom.head import head_phantom

image = head_phantom(128, 1, "flair", seed=4)
generator = torch.Generator().manual_seed(0)
scan = csc.simulate_low_field(image, sampled=80, noise_variance=0.15, generator=generator)
dictionary = csc.Dictionary.dct(32, size=9)
network = csc.load_map_network("v4")
result = csc.Reconstructor(dictionary, network)(scan)


def side_by_side(pictures: dict[str, torch.Tensor], top: float | None = None) -> None:
    """Draw magnitudes in one row, in one grey window if ``top`` is given."""
    _, axes = plt.subplots(1, len(pictures), figsize=(11, 3.4), layout="constrained")
    for axis, (title, one) in zip(axes, pictures.items(), strict=True):
        axis.imshow(one.abs(), cmap="gray", vmin=0, vmax=top)
        axis.set_title(title)
        axis.set_axis_off()


# %%
# Minute 0: what is measured
# --------------------------
# *Ask:* what does the image lose if only the middle of k-space is measured? (Fine detail;
# brightness stays.)

side_by_side(
    {
        "k-space, logarithm": scan.kspace[0, 0].abs().log1p(),
        "initial image": result.initial[0],
        "the truth, which nobody has": scan.reference[0],
    }
)

# %%
# Minute 3: a sum of patterns
# ---------------------------
# The smooth part first, then filter after filter, the strongest first. In the viewer: *Play*, by
# filters. *Ask:* how many filters make the image? (The first few make nearly all of it.)

added = torch.stack([result.contributions(k)[0] for k in range(len(dictionary))])
order = added.abs().square().sum((-2, -1)).argsort(descending=True)
sums = {"smooth part": result.low_pass[0]}
for count in (2, 8, 32):
    sums[f"and {count} filters"] = result.low_pass[0] + added[order[:count]].sum(0)
side_by_side(sums, top=10)

# %%
# Minute 7: one price for all
# ---------------------------
# *Ask:* which one would you take? (There is no good answer, and this is the point.)

levels = {}
for level in (0.4, 1.5, 6.0):
    made = csc.Reconstructor(dictionary, csc.NoiseScalar(level), solver="admm", iterations=16)
    levels[f"{level:g} noise levels"] = made(scan).image[0]
side_by_side(levels, top=10)

# %%
# Minute 11: a price for each place and each filter
# -------------------------------------------------
# Dark: free. *Ask:* why is the outline of the head dark in all of them? (There every filter may be
# needed.)

maps = result.sparsity_maps[0] / result.noise_std
figure, axes = plt.subplots(1, 4, figsize=(11, 3.2), layout="constrained")
for axis, number in zip(axes, order[:4].tolist(), strict=True):
    axis.imshow(maps[number], cmap="inferno", vmin=0, vmax=6)
    axis.set_title(f"map of filter {number}")
    axis.set_axis_off()
side_by_side({"initial": result.initial[0], "with maps": result.image[0]}, top=10)

# %%
# Minute 14: shuffle the filters
# ------------------------------
# In the viewer: *Shuffle*, then *Run*. Two networks, the same filters in another order. *Ask:* why
# does the older one change its picture? (It has one output for each filter, in the order it was
# trained with.)

for name in ("v4", "v1:dct-32-9"):
    one = csc.load_map_network(name)
    images = [
        csc.Reconstructor(d, one)(scan).image for d in (dictionary, dictionary.permuted(seed=3))
    ]
    change = float((images[1] - images[0]).norm() / images[0].norm())
    print(f"{name:12} image changes by {change:.1e} of its norm")

# %%
# Minute 16: would we have seen it?
# ---------------------------------
# *Ask:* is it there in the third picture, and would you have reported it?

test = csc.lesion_test(scan, result, csc.Lesion((52, 54), radius=2, contrast=0.4))
print(test.sentence)
side_by_side(
    {
        "without": test.without[32:96, 32:96],
        "ideal": (test.without + test.ideal)[32:96, 32:96],
        "reconstructed": test.with_lesion[32:96, 32:96],
    },
    top=10,
)

# %%
# Minute 19: what to take home
# ----------------------------
# - An image is an answer to a question with too few data; some of it was assumed.
# - Here the assumption can be looked at, filter by filter, and changed.
# - That a picture looks good says nothing about what is missing in it. Ask, as with the lesion.
