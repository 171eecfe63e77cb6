"""
Can I trust it?
===============

Five questions to a reconstruction that need no truth: would a lesion have survived, how much noise
is left, how sharp is it, how large is the error, which dictionary is better. About fifteen
minutes; :doc:`/trust` says what each figure means, and what it does not say.
"""

# %%
# A scan and its result
# ---------------------
# Each answer takes further reconstructions. To be quick, this page takes the 128 x 128 samples
# that were acquired and leaves out the empty rest of k-space.

import matplotlib.pyplot as plt

import napari_csc as csc

whole = csc.load(csc.sample_path(), slice=1)
centre = whole.kspace[..., 64:192, 64:192]
scan = csc.Acquisition.from_kspace(centre, noise_std=whole.noise_std)
reconstruct = csc.Reconstructor.from_settings(csc.ReconstructionSettings(), csc.MapCache())
result = reconstruct(scan)
for finding in csc.health(result, scan):
    print(f"{finding.name:12} {finding.level:6} {finding.sentence}")

# %%
# Would a lesion have survived?
# -----------------------------
# Measuring is linear: had the body held this lesion, the scanner would have measured these data
# plus those of the lesion. That is what is reconstructed, with maps inferred anew.

lesion = csc.Lesion((50, 50), radius=2, contrast=0.3)
test = csc.lesion_test(scan, result, lesion)
print(test.sentence)

figure, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
top = float(result.image.abs().max())
for axis, image in zip(axes, (test.without, test.with_lesion), strict=False):
    axis.imshow(image.abs(), cmap="gray", vmin=0, vmax=top)
limit = float(test.ideal.abs().max())
for axis, image in zip(axes[2:], (test.difference, test.ideal), strict=True):
    axis.imshow(image.abs(), cmap="magma", vmin=0, vmax=limit)
titles = ("without", "with the lesion", "what it changed", "what it should have changed")
for axis, title in zip(axes, titles, strict=True):
    axis.set_title(title)
    axis.set_axis_off()

# %%
# One size says little. The curve asks the same of more of them, in the same place.

curves = csc.lesion_curves(scan, result, lesion, radii=(1, 2, 4), contrasts=(0.1, 0.3, 0.6))
figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained", sharey=True)
axes[0].plot(
    [t.lesion.radius for t in curves.by_radius], [t.recovered for t in curves.by_radius], "o-"
)
axes[1].plot(
    [t.lesion.contrast for t in curves.by_contrast], [t.recovered for t in curves.by_contrast], "o-"
)
axes[0].set(xlabel="radius in pixels", ylabel="contrast kept", ylim=(0, 1.05))
axes[1].set(xlabel="contrast")
for axis in axes:
    axis.grid(alpha=0.3)

# %%
# How much noise is left?
# -----------------------
# Never an uncertainty: where a detail was smoothed away in every repeat, no noise is left at all.

left = csc.noise_left(scan, result, replicas=4)
print(left.sentence)
figure, axis = plt.subplots(figsize=(4.6, 3.6), layout="constrained")
shown = axis.imshow(left.in_sigma[0], cmap="viridis", vmin=0)
figure.colorbar(shown, ax=axis, label="noise left, in noise levels")
axis.set_axis_off()

# %%
# How sharp is it here?
# ---------------------
# The method is not linear: a strong point comes out sharper than a weak one, so the strength
# belongs to the answer.

for strength in (5, 20):
    print(csc.point_response(scan, result, (50, 50), strength=strength).sentence)

# %%
# How large is the error, and which dictionary is better?
# --------------------------------------------------------
# Stein's estimate needs the noise level and nothing else. Two settings on one scan share the
# noise, so that their difference is known better than either; what is too close to tell is called
# a tie.

print(csc.estimate_risk(scan, result).sentence)
ranking = csc.rank_dictionaries(scan, result, ["brain-64-unrolled", "dct-32-9", "random-64-11"])
for row in ranking.rows:
    tie = "  (tie with the best)" if row is not ranking.best and row.is_tie else ""
    print(f"{row.name:20} {row.risk.value:.3f}{tie}")
print(ranking.sentence)

# %%
# All of it in one file
# ---------------------
# ``napari-csc report head.h5 -o case.html --at 50,50 --noise --risk`` writes it into one page. In
# the viewer a click into the image asks for a lesion there, see :doc:`/viewer`.
