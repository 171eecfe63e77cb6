"""
Add a network
=============

A map network of your own in twenty lines, entered in the table that everything reads. The one here
is made up and has nothing to learn; what matters is where it goes. About fifteen minutes;
:doc:`/where_to_add` lists the other tables.
"""

# %%
# The idea
# --------
# Where a filter answers strongly to the image it should be free, else held back: ``map = c * n /
# (1 + |response| / n)`` with ``n`` the noise of the response. No weights, no training.
#
# What a network is asked for
# ---------------------------
# ``forward`` takes the initial images in units of the noise and the filters, and returns maps (n,
# K, y, x) that are not negative. ``working_bytes`` says how much memory it takes, so that what
# does not fit is refused before it begins.

import matplotlib.pyplot as plt
import numpy as np
import torch

import napari_csc as csc
from napari_csc.core.maps.base import CHUNK_PIXELS, MapNetwork
from napari_csc.core.maps.config import MapNetworkConfig, WeightMetadata
from napari_csc.core.maps.features import filter_power, response_noise
from napari_csc.core.maps.registry import NETWORKS, build_map_network


class ResponseNetwork(MapNetwork):
    """Maps from the responses of the filters to the initial image."""

    permutation_equivariant = True  # promised, so it is checked below

    def __init__(self, metadata: WeightMetadata) -> None:
        super().__init__(metadata)
        self.level = torch.nn.Parameter(torch.tensor(3.0))

    def forward(self, image, synthesis, mask, checkpoint=None, chunk_pixels=CHUNK_PIXELS):
        """Infer the maps; see `MapNetwork.forward`."""
        spectrum = torch.fft.fft2(image, norm="ortho")
        noise = response_noise(filter_power(synthesis), mask).expand(len(image), -1)
        maps = []
        for number in range(len(synthesis)):
            if checkpoint:
                checkpoint()  # lets somebody stop it
            answer = torch.fft.ifft2(spectrum * synthesis.spectra[number].conj(), norm="ortho")
            one = noise[:, number, None, None]
            maps.append(self.level * one / (1 + answer.abs() / one))
        return torch.stack(maps, dim=1)

    def working_bytes(self, shape, n_filters, chunk_pixels):
        """Return the bytes of three complex images."""
        return 24 * shape[0] * shape[1]


# %%
# Enter it
# --------
# In the package this is one row of ``NETWORKS``. From then on a training configuration may say
# ``kind = "response"``, and its weight files are known by ``load_map_network``, by ``--maps`` and
# by the Maps list of the dock.

NETWORKS["response"] = ResponseNetwork
metadata = WeightMetadata(
    name="response", architecture=MapNetworkConfig(kind="response"), solver="admm", iterations=16
)
network = build_map_network(metadata)

# %%
# Use it
# ------

scan = csc.load(csc.sample_path(), slice=1)
dictionary = csc.Dictionary.dct(32, size=9)
truth = scan.reference
head = np.abs(np.asarray(truth)) > 0.05 * float(truth.abs().max())
results = {
    "one level": csc.Reconstructor(dictionary, csc.NoiseScalar(1.5), solver="admm")(scan),
    "made up": csc.Reconstructor(dictionary, network)(scan),
    "v4": csc.Reconstructor(dictionary, csc.load_map_network("v4"))(scan),
}
figure, axes = plt.subplots(2, 3, figsize=(9, 6.2), layout="constrained")
for (above, below), (name, result) in zip(axes.T, results.items(), strict=True):
    inside = csc.metrics.ssim(truth, result.image, mask=head)
    error = csc.metrics.nmse(truth, result.image)
    print(f"{name:10} SSIM in the head {inside:.3f}, squared error {error:.4f}")
    above.imshow(result.image[0].abs(), cmap="gray", vmin=0, vmax=9)
    below.imshow(result.sparsity_maps[0, 3] / result.noise_std, cmap="inferno", vmin=0, vmax=6)
    above.set_title(name)
    below.set_title("map of filter 3")
    above.set_axis_off()
    below.set_axis_off()

# %%
# Check what it promises
# ----------------------
# For shuffled filters the same maps, shuffled; data in other units give the same picture in those
# units. In the package these two become tests; :doc:`/where_to_add` says what else comes with a
# network.

shuffled = csc.Reconstructor(dictionary.permuted(seed=1), network)(scan).image
brighter = csc.Acquisition.from_kspace(
    1000 * scan.kspace, mask=scan.mask, noise_std=1000 * scan.noise_std
)
scaled = csc.Reconstructor(dictionary, network)(brighter).image / 1000
image = results["made up"].image
for name, other in {"shuffled": shuffled, "scaled": scaled}.items():
    change = float((other - image).norm() / image.norm())
    print(f"{name}: changed by {change:.1e} of the norm")
    assert change < 1e-4

# %%
# Keep it
# -------
# ``save_map_network(network, "response.safetensors")`` of ``napari_csc.core.maps`` writes a weight
# file, with the metadata above in it.
