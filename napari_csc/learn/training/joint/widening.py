"""The same network with a wider encoder: further channels that do nothing as yet.

References
----------
Chen, Goodfellow and Shlens, ICLR 2016 (Net2Net: growing networks that keep their function).
"""

from __future__ import annotations

import torch

from napari_csc.core.maps import build_map_network
from napari_csc.core.maps.encoding import EncodingNetwork
from napari_csc.errors import CscError

Tensor = torch.Tensor

# Of the numbers that further channels begin with; always the same, so that trainings which begin
# with the same weights begin with the same channels.
_SEED = 5
_FURTHER = 0.5


def widened(network: EncodingNetwork, channels: int) -> EncodingNetwork:
    """Return a network of the same function whose encoder has more channels.

    Further channels look at all others; nothing looks at them until it is learned.

    Parameters
    ----------
    network
        The network.
    channels
        Channels of the first stage of the encoder, as many as it has or more.

    Raises
    ------
    CscError
        If the network has more channels already.
    """
    before = network.config.channels
    if channels == before:
        return network
    if channels < before:
        raise CscError(f"An encoder of {before} channels cannot be made one of {channels}.")
    architecture = network.metadata.architecture.model_copy(update={"channels": channels})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        wide = build_map_network(network.metadata.model_copy(update={"architecture": architecture}))
    assert isinstance(wide, EncodingNetwork)
    old, new = network.state_dict(), wide.state_dict()
    for name, values in new.items():
        # The first convolution of a decoder takes what skipped it, as many as it gives, and what
        # comes from below.
        joins = "decoders" in name and name.endswith(".0.weight")
        _place(old[name], values, len(old[name]) if joins else 0, len(values) if joins else 0)
    wide.load_state_dict(new)
    return wide.eval()


def _place(old: Tensor, new: Tensor, own: int, new_own: int) -> None:
    """Put old weights into wider ones, and let what was there see nothing else."""
    count = len(old)
    if old.shape == new.shape:
        new.copy_(old)
    elif old.dim() == 1:
        new.zero_()[:count] = old
    else:
        new[:count] = 0
        new[count:] *= _FURTHER
        new[:count, :own] = old[:, :own]
        new[:count, new_own : new_own + old.shape[1] - own] = old[:, own:]
