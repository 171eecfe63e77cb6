"""What a method is: something that makes an image of a scan with one slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from napari_csc.core.acquisition.cartesian import Acquisition

Tensor = torch.Tensor


class Method(Protocol):
    """Something that reconstructs single slices.

    A method that cannot take every scan says so by ``takes``, see `takes`.
    """

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def version(self) -> str:
        """What tells this method from others of the same name: digest of weights, or a level."""

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Return the image (y, x), complex."""


def takes(method: Method, scan: Acquisition) -> bool:
    """Return whether a method can reconstruct a scan: what ``method.takes`` says, else yes."""
    says = getattr(method, "takes", None)
    return says is None or bool(says(scan))


def dictionary_of(method: Method) -> str:
    """Return the name of the dictionary of a method, or nothing."""
    dictionary = getattr(method, "dictionary", None)
    return "" if dictionary is None else str(dictionary.name)


@dataclass(frozen=True)
class Adjoint:
    """The initial image ``A^H y``."""

    name: str = "initial image"
    version: str = ""

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Return the image."""
        return acquisition.adjoint()[0]
