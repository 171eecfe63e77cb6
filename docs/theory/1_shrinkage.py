"""
Shrinkage
=========

Why most codes are exactly zero.
"""

# %%
# The penalty :math:`\lambda |s|` has a kink at zero. Its answer to a value :math:`v` is the
# *shrinkage*
#
# .. math:: \operatorname*{arg\,min}_s \tfrac12 |s - v|^2 + \lambda |s|
#           = \frac{v}{|v|} \max(|v| - \lambda, 0) ,
#
# which sets everything up to :math:`\lambda` to zero and takes :math:`\lambda` off the rest. The
# square :math:`\tfrac{\lambda}{2} s^2` has no kink and makes nothing zero: it only makes
# everything smaller.

import matplotlib.pyplot as plt
import torch

from napari_csc.core.solvers.prox import Shrinkage

level = 1.0
values = torch.linspace(-3, 3, 301)
shrunk = values.sign() * (values.abs() - level).clamp(min=0)
figure, axis = plt.subplots(figsize=(5, 3.6), layout="constrained")
axis.plot(values, values, "k:", label="as it was")
axis.plot(values, shrunk, label="|s|: shrinkage")
axis.plot(values, values / (1 + level), label="s²/2: only smaller")
axis.set(xlabel="v", ylabel="s")
axis.legend()
axis.grid(alpha=0.3)

# %%
# Two ways for complex numbers
# ----------------------------
# Codes are complex. ``modulus`` shrinks the magnitude and keeps the phase: a disc becomes zero.
# ``real-imaginary`` shrinks both parts apart, as the papers do: a square becomes zero, and numbers
# near the axes are turned onto them. This is the function that runs in every iteration, with one
# threshold for each filter and pixel.

x, y = torch.meshgrid(torch.linspace(-3, 3, 13), torch.linspace(-3, 3, 13), indexing="xy")
given = torch.complex(x, y)[None]
scratch = (torch.empty_like(x[None]), torch.empty_like(x[None]))
figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained", sharey=True)
for axis, norm in zip(axes, ("modulus", "real-imaginary"), strict=True):
    after = torch.empty_like(given)
    Shrinkage(norm, scratch)(given, torch.full_like(x[None], level), after)
    moved = (after - given)[0]
    axis.quiver(
        x, y, moved.real, moved.imag, angles="xy", scale_units="xy", scale=1, width=0.004, alpha=0.5
    )
    axis.plot(after.real.flatten(), after.imag.flatten(), "o", ms=3)
    axis.set(title=f'norm="{norm}"', xlabel="real part", aspect="equal")
axes[0].set_ylabel("imaginary part")
