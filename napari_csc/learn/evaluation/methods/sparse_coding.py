"""Convolutional sparse coding as a method: with a map network, one level, or the best level."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.image_matrix import on_image_matrix, resampled
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import MapNetwork, NoiseScalar
from napari_csc.core.options import Smooth, Solver
from napari_csc.core.reconstruction.reconstructor import Reconstructor

Tensor = torch.Tensor

SCALARS = (0.75, 1.0, 1.5, 2.0, 2.5, 3.0)
"""Levels that are searched, in units of the noise."""


@dataclass(frozen=True)
class SparseCoding:
    """The reconstruction of `napari_csc.Reconstructor`, with a map network or with one level."""

    name: str
    dictionary: Dictionary
    maps: MapNetwork | NoiseScalar
    solver: Solver | None = None
    iterations: int | None = None
    smooth: Smooth | None = None

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Return the image."""
        return self.reconstructor(acquisition).image[0]

    @property
    def version(self) -> str:
        """Of the weights and of the filters, whose names say less."""
        return f"{self.weights} {self.dictionary.digest[:12]}"

    @property
    def weights(self) -> str:
        """Digest of the weights, or the level."""
        if isinstance(self.maps, NoiseScalar):
            return f"{self.maps.factor:g}"
        return self.maps.digest[:12]

    @property
    def reconstructor(self) -> Reconstructor:
        """The reconstruction, with the settings that the weights were trained for."""
        return Reconstructor(
            self.dictionary,
            self.maps,
            solver=self.solver,
            iterations=self.iterations,
            smooth=self.smooth,
        )

    def with_dictionary(self, dictionary: Dictionary) -> SparseCoding:
        """Return the same with another dictionary."""
        return SparseCoding(
            self.name, dictionary, self.maps, self.solver, self.iterations, self.smooth
        )


@dataclass(frozen=True)
class OnImageMatrix:
    """The same on another image matrix, so many times what was acquired; compared on the scan's.

    See `napari_csc.core.acquisition.image_matrix`.
    """

    method: SparseCoding
    factor: float

    @property
    def name(self) -> str:
        """That of the method, with the matrix."""
        return f"{self.method.name}, matrix {self.factor:g}"

    @property
    def version(self) -> str:
        """That of the method."""
        return self.method.version

    @property
    def dictionary(self) -> Dictionary:
        """The filters."""
        return self.method.dictionary

    def takes(self, scan: Acquisition) -> bool:
        """Return whether the samples of a scan lie on a grid."""
        return scan.is_cartesian

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Return the image, on the matrix of the scan."""
        height, width = acquisition.shape[1:]
        image = self.method(on_image_matrix(acquisition, self.factor))
        return resampled(image, (height, width))

    def with_dictionary(self, dictionary: Dictionary) -> OnImageMatrix:
        """Return the same with another dictionary."""
        return OnImageMatrix(self.method.with_dictionary(dictionary), self.factor)


@dataclass(frozen=True)
class BestScalar:
    """The level that is best for each image by itself: an oracle, which knows the truth."""

    name: str
    dictionary: Dictionary
    smooth: Smooth = "filters"

    @property
    def version(self) -> str:
        """The levels that are searched, and the filters."""
        return " ".join([*(f"{level:g}" for level in SCALARS), self.dictionary.digest[:12]])

    def takes(self, scan: Acquisition) -> bool:
        """Return whether the truth of a scan is known."""
        return scan.reference is not None

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Return the image with the highest SSIM."""
        from napari_csc.core import metrics
        from napari_csc.core.acquisition.simulate import IMAGE_MAXIMUM

        truth = acquisition.reference
        assert truth is not None
        images = [
            scalar_method(self.dictionary, level, self.smooth)(acquisition) for level in SCALARS
        ]
        return max(images, key=lambda image: metrics.ssim(truth[0], image, IMAGE_MAXIMUM))

    def with_dictionary(self, dictionary: Dictionary) -> BestScalar:
        """Return the same with another dictionary."""
        return BestScalar(self.name, dictionary, self.smooth)


def scalar_method(
    dictionary: Dictionary, level: float, smooth: Smooth = "filters", name: str = "one level"
) -> SparseCoding:
    """Return the reconstruction with one level, in units of the noise, for all maps."""
    return SparseCoding(name, dictionary, NoiseScalar(level), "admm", 24, smooth)
