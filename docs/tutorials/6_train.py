"""
Train on your data
==================

The whole way from a folder of images to weights that every command and the viewer take. It is a
**tiny** training: 45 steps of a network with 8 channels on synthetic heads, half a minute instead
of an hour. Its weights only show the way and are good for nothing; :doc:`/networks` tells what the
shipped ones took. About ten minutes, and ``pip install "napari-csc[learn]"``.
"""

# %%
# A folder of images
# ------------------
# Any volumes will do: NIfTI, NRRD, MATLAB, NumPy, DICOM, HDF5. A folder of your own takes the
# place of these synthetic heads. Keep subjects apart: who is trained on must not be who is
# validated on.

import csv
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

import napari_csc as csc
from napari_csc.core.maps.config import MapNetworkConfig
from napari_csc.learn.training.config import TrainingConfig
from napari_csc.learn.training.train import train
from napari_csc.phantom.head import head_phantom

folder = Path(tempfile.mkdtemp())
for name, seed in {"train_1": 1, "train_2": 2, "validate_1": 3}.items():
    np.save(folder / f"{name}.npy", head_phantom(96, 4, "flair", seed).abs().numpy())

# %%
# What shall be trained
# ---------------------
# A configuration decides the run: the network, the solver it is trained through, the dictionaries
# it meets, noise and sampling. On the command line it is a TOML file, and ``--set steps=45``
# changes a line of it.

config = TrainingConfig(
    name="tiny",
    architecture=MapNetworkConfig(kind="v3", channels=8, stages=2),
    solver="admm",
    iterations=10,
    gradient_iterations=10,
    steps=45,
    warmup_steps=4,
    validate_every=9,
    maps_per_step=16,
    filter_counts=(8, 16),
    crop=64,
    learning_rate=1e-2,
    half_precision="none",
    train_files=("train_*",),
    validation_files=("validate_*",),
)

# %%
# Train
# -----
# The run can be stopped and started again: it goes on from the last checkpoint in the folder.

weights = train(config, folder, folder / "run", report=lambda line: None, accelerator="cpu")
print("weights:", weights.name, f"{weights.stat().st_size / 1e3:.0f} kB")

with (folder / "run" / "log.csv").open(encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
figure, axis = plt.subplots(figsize=(5, 3), layout="constrained")
axis.plot([int(row["step"]) for row in rows], [float(row["mse"]) for row in rows], "o-")
axis.set(xlabel="step", ylabel="squared error, validation")
axis.grid(alpha=0.3)

# %%
# The course is jumpy: a step sees one image or two, and the steps are large.

# %%
# What the weights say about themselves
# -------------------------------------
# The file tells data, seed, steps and what was reached, beside one level for all filters.

network = csc.load_map_network(weights)
print("trained for:", network.metadata.solver, network.metadata.iterations, "iterations")
for name, value in network.metadata.validation.items():
    print(f"{name}: {value}")

# %%
# Use them
# --------
# A head that was neither trained nor validated on.

generator = torch.Generator().manual_seed(0)
scan = csc.simulate_low_field(head_phantom(96, 1, "flair", 9), 64, 0.2, generator=generator)
dictionary = csc.Dictionary.dct(16, size=7)
results = {"tiny": csc.Reconstructor(dictionary, network)(scan)}
results["v4"] = csc.Reconstructor(dictionary, csc.load_map_network("v4"))(scan)
for name, result in results.items():
    print(f"{name:5} squared error {csc.metrics.nmse(scan.reference, result.image):.4f}")

figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
images = {"initial": results["v4"].initial, **{k: v.image for k, v in results.items()}}
for axis, (title, image) in zip(axes, images.items(), strict=True):
    axis.imshow(image[0].abs(), cmap="gray", vmin=0, vmax=10)
    axis.set_title(title)
    axis.set_axis_off()

# %%
# On the command line
# -------------------
# Begin with the shipped weights and your own scans, which need no truth (:doc:`/networks`)::
#
#     napari-csc pack-slices --data FOLDER -o slices.npz
#     napari-csc train v5 --data slices.npz -o runs/mine --max-minutes 20 \
#         --start v5 --scans MY_SCANS
#     napari-csc evaluate runs/mine/v5.safetensors v5 --data FOLDER -o evaluation
#
# Do evaluate, and on data that played no part: a network that was trained briefly looks good on
# what it has seen.
