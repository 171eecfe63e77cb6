"""V1: the image becomes all maps at once, for one dictionary in one order."""

from collections.abc import Callable

import torch

from napari_csc.core.dictionary.smooth_modes import SMOOTH_MODES
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.base import CHUNK_PIXELS, MapNetwork
from napari_csc.core.maps.config import WeightMetadata
from napari_csc.core.maps.features import compress, image_bytes, start_near_noise
from napari_csc.core.maps.unet import UNet
from napari_csc.core.options import Smooth
from napari_csc.errors import CscError

Tensor = torch.Tensor


class MapNetworkV1(MapNetwork):
    """Image to K maps by one U-Net: bound to one dictionary and to the order of its filters.

    Kept to teach what permutation invariance is worth: shuffling the filters breaks it.

    References
    ----------
    Kofler et al., EUSIPCO 2025, arXiv 2503.09483.
    """

    permutation_equivariant = False

    def __init__(self, metadata: WeightMetadata) -> None:
        super().__init__(metadata)
        config = metadata.architecture
        if config.n_filters is None:
            raise CscError("A V1 map network needs the number of filters it is made for.")
        self.n_filters = config.n_filters
        self.bound = config.bound
        self.unet = UNet(2, config.n_filters, config.channels, config.stages)
        start_near_noise(self.unet)

    def forward(
        self,
        image: Tensor,
        synthesis: SynthesisOperator,
        mask: Tensor,
        checkpoint: Callable[[], None] | None = None,
        chunk_pixels: int = CHUNK_PIXELS,
    ) -> Tensor:
        """Infer the maps; see `MapNetwork.forward`."""
        if len(synthesis) != self.n_filters:
            raise CscError(
                f"The V1 network {self.metadata.name} was trained for the "
                f"{self.metadata.dictionary_name} dictionary ({self.n_filters} maps, smooth ones "
                f"included), but {len(synthesis)} are needed here; choose that dictionary, or the "
                "V3 network, which takes any."
            )
        if checkpoint:
            checkpoint()
        inputs = torch.view_as_real(compress(image)[0]).movedim(-1, -3)
        return self.bound * torch.sigmoid(self.unet(inputs).float())

    @classmethod
    def title_of(cls, metadata: WeightMetadata) -> str:
        """Return the title with the dictionary that it is for."""
        dictionary = metadata.name.partition(":")[2]
        return f"V1, for {dictionary} only" if dictionary else metadata.name

    @classmethod
    def misfit_of(cls, metadata: WeightMetadata, n_filters: int, smooth: Smooth) -> str | None:
        """Return a sentence where the number of filters is another one."""
        total = metadata.architecture.n_filters
        if total is None:
            return None
        wanted = total - SMOOTH_MODES[smooth].n_filters(metadata.smooth_widths)
        if n_filters == wanted:
            return None
        return (
            f"{metadata.name} was trained for the {wanted} filters of {metadata.dictionary_name}, "
            f"but {n_filters} are in use; choose that dictionary, or V4, which takes any."
        )

    def working_bytes(self, shape: tuple[int, int], n_filters: int, chunk_pixels: int) -> int:
        """Return the bytes of the activations; see `MapNetwork.working_bytes`."""
        return self.unet.working_bytes(shape) + image_bytes(shape)
