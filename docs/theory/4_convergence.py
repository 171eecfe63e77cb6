"""
How the solvers converge
========================

FISTA and ADMM go to the same minimum, and take different ways there.
"""

# %%
# Both minimise
#
# .. math:: \tfrac12 \Bigl\| A \sum_k d_k * s_k - y' \Bigr\|_2^2
#           + \sum_k \| \Lambda_k \cdot s_k \|_1 .
#
# The problem is convex for given maps. Below is the gap to the lowest value that any run here
# reached, with one level for all filters.

import matplotlib.pyplot as plt
import torch

import napari_csc as csc
from napari_csc.phantom.head import head_phantom

scan = csc.simulate_low_field(
    head_phantom(96, 1, "flair", seed=4), 64, 0.1, generator=torch.Generator().manual_seed(0)
)
dictionary = csc.Dictionary.dct(32, size=9)
objectives = {}
images = {}
for solver, iterations in (("admm", 400), ("fista", 300)):
    made = csc.Reconstructor(
        dictionary,
        csc.NoiseScalar(1.5),
        solver=solver,
        iterations=iterations,
        smooth="low-pass",
        rule="shrunk",
    )
    result = made(scan)
    objectives[solver] = torch.tensor([entry["objective"] for entry in result.history])
    images[solver] = result.image

least = min(float(one.min()) for one in objectives.values())
figure, axis = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
for solver, values in objectives.items():
    gap = (values[:300] - least).clamp(min=1e-7 * least) / least
    axis.plot(range(1, len(gap) + 1), gap, label=solver)
axis.set(xscale="log", yscale="log", xlabel="iteration", ylabel="gap / lowest value")
axis.axvline(16, color="C0", ls=":", lw=1)
axis.axvline(64, color="C1", ls=":", lw=1)
axis.legend()
axis.grid(alpha=0.3)

apart = float((images["admm"] - images["fista"]).norm() / images["admm"].norm())
print(f"the two images differ by {apart:.1e} of their norm")

# %%
# In the first hundred iterations ADMM is ahead, later FISTA. Dotted: the iterations that are
# usual. There neither has converged, and does not have to: the
# networks were trained through just so many iterations. ``until="convergence"`` goes on; see
# :doc:`/method`.
#
# From run to run
# ---------------
# Neither method promises that the objective falls in every iteration. What it did here:

for solver, values in objectives.items():
    rises = int((values[1:] > values[:-1] * (1 + 1e-6)).sum())
    print(f"{solver}: the objective rose in {rises} of {len(values) - 1} iterations")
