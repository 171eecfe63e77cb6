"""Black boxes to compare with, taken from deepinv: U-Net, VarNet, MoDL."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.triton_guard import keep_triton_out
from napari_csc.errors import CscError
from napari_csc.learn.training.batch import Batch
from napari_csc.learn.training.trainable import Trainable
from napari_csc.storage.safetensors_files import read_safetensors, write_safetensors

Tensor = torch.Tensor
Kind = Literal["unet", "varnet", "modl"]

_METADATA_KEY = "napari_csc_black_box"
_CHANNELS = (32, 64, 128, 256)
_CASCADES = 6
_MODL_ITERATIONS = 5


class BlackBox(Trainable):
    """A network of deepinv that maps initial image or k-space to the image.

    The image is brought to a largest magnitude of one first, so that the units do not matter; the
    U-Net is told the noise level as a third channel.

    Parameters
    ----------
    kind
        ``"unet"`` on the initial image, residual; ``"varnet"``, six cascades with small U-Nets (one
        coil); ``"modl"``, five iterations with a shared denoiser.

    References
    ----------
    Sriram et al., MICCAI 2020 (E2E-VarNet); Aggarwal et al., IEEE Trans. Med. Imaging 2019 (MoDL);
    Tachella et al., deepinv.
    """

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        keep_triton_out()
        try:
            from deepinv.models import DnCNN, MoDL, UNet, VarNet
        except ImportError as error:
            raise CscError(
                "Black boxes come from deepinv, which is missing; install napari-csc[baselines]."
            ) from error
        self.kind = kind
        if kind == "unet":
            self.network: nn.Module = UNet(
                3, 2, residual=False, batch_norm=False, channels_per_scale=_CHANNELS
            )
        elif kind == "varnet":
            small = UNet(2, 2, residual=True, batch_norm=False, channels_per_scale=_CHANNELS[:3])
            self.network = VarNet(small, num_cascades=_CASCADES)
        else:
            small = DnCNN(2, 2, bias=True, depth=7, nf=64, pretrained=None)
            self.network = MoDL(small, num_iter=_MODL_ITERATIONS)

    def forward(self, batch: Batch, dictionary: Dictionary, half_precision: bool = False) -> Tensor:
        """Return images (n, y, x); the dictionary does not matter."""
        initial = torch.fft.ifft2(batch.spectrum, norm="ortho")
        scale = initial.abs().amax((-2, -1), keepdim=True).clamp_min(1e-6)
        with torch.autocast(initial.device.type, torch.bfloat16, enabled=half_precision):
            found = self._image(initial / scale, batch.mask, 1 / scale)
        return found * scale * batch.sigma[:, None, None]

    def _image(self, initial: Tensor, mask: Tensor, noise: Tensor) -> Tensor:
        if self.kind == "unet":
            level = noise.expand(initial.shape)
            inputs = torch.stack([initial.real, initial.imag, level], dim=1)
            change = self.network(inputs).float()
            return initial + torch.complex(change[:, 0], change[:, 1])
        from deepinv.physics import MRI

        # deepinv has the zero frequency in the middle.
        sampled = torch.fft.fftshift(mask, dim=(-2, -1))[:, None].expand(-1, 2, -1, -1)
        physics = MRI(mask=sampled, img_size=initial.shape[-2:], device=initial.device)
        parts = torch.stack([initial.real, initial.imag], dim=1)
        found = self.network(physics.A(parts), physics).float()
        return torch.complex(found[:, 0], found[:, 1])

    def weights(self) -> list[nn.Parameter]:
        """Return the weights of the network."""
        return list(self.network.parameters())

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over the weights of a black box of the same kind."""
        self.load_state_dict(tensors)

    def save(self, path: Path, training: dict[str, Any], validation: dict[str, Any]) -> None:
        """Write the weights, for `load_black_box`."""
        described = {"kind": self.kind, "training": training, "validation": validation}
        # Copies: networks of deepinv may use the same weights in two places.
        tensors = {key: value.clone() for key, value in self.state_dict().items()}
        write_safetensors(path, tensors, {_METADATA_KEY: json.dumps(described)})


class BlackBoxMethod:
    """A trained black box as a method of the evaluation."""

    def __init__(self, model: BlackBox, name: str, digest: str = "") -> None:
        self._model, self._name, self._digest = model.eval(), name, digest

    @property
    def name(self) -> str:
        """What tables call it."""
        return self._name

    @property
    def version(self) -> str:
        """Digest of the weights."""
        return self._digest[:12]

    @cached_property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(one.numel() for one in self._model.parameters())

    @torch.inference_mode()
    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Return the image (y, x) of a single-coil Cartesian scan of one slice."""
        if not acquisition.is_masked_fourier:
            raise CscError("Black boxes take Cartesian scans of one coil only.")
        sigma = torch.tensor([acquisition.noise_std])
        spectrum = torch.fft.fft2(acquisition.adjoint() / sigma, norm="ortho")
        mask = torch.fft.ifftshift(acquisition.mask)[None].float()
        batch = Batch(spectrum, mask, sigma, torch.zeros_like(spectrum))
        return self._model(batch, Dictionary.dct(1, 3))[0]


def load_black_box(path: str | Path) -> BlackBoxMethod:
    """Load a black box that ``napari-csc train`` wrote.

    Raises
    ------
    CscError
        If the file is none.
    """
    from safetensors import SafetensorError

    path = Path(path)
    try:
        stored = read_safetensors(path)
        model = BlackBox(json.loads(stored.metadata[_METADATA_KEY])["kind"])
        model.load(stored.tensors)
    except (SafetensorError, KeyError, ValueError, RuntimeError, OSError) as error:
        raise CscError(f"{path.name} is no weight file of a black box.") from error
    return BlackBoxMethod(model, path.stem, stored.digest)
