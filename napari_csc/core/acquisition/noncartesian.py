"""The name for acquisitions along a trajectory; `Acquisition` and its sampling do the work."""

from __future__ import annotations

from napari_csc.core.acquisition.cartesian import Acquisition


class _AlongTrajectory(type):
    """Makes every acquisition along a trajectory an instance, whichever way it was built."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Acquisition) and not instance.is_cartesian


class NonCartesianAcquisition(Acquisition, metaclass=_AlongTrajectory):
    """Samples along a trajectory: radial, spiral, or Cartesian with gradient errors.

    The samples are weighted by their share of k-space (density compensation ``W``), so that
    ``A^H W y`` looks like the image and ``A^H W A`` is about the identity where k-space is well
    sampled. Build it with `from_trajectory`; what `Acquisition.from_trajectory` gives is one, too.

    Attributes
    ----------
    kspace : Tensor
        Samples (slice, coil, sample), complex64, scaled like a unitary FFT.
    mask : Tensor
        Frequencies (ky, kx) of the image grid that the trajectory covers, bool; for display.
    trajectory : Tensor
        Positions (sample, 2) as (ky, kx) in cycles per field of view, between -n/2 and n/2.
    density : Tensor
        Weights ``W`` (sample,), in units of the area of one position of the image grid.

    Examples
    --------
    >>> import math
    >>> import napari_csc as csc
    >>> import torch
    >>> angles, radius = torch.arange(30) * math.pi / 30, torch.linspace(-8, 8, 32)
    >>> spokes = torch.stack([angles.sin(), angles.cos()], -1)[:, None] * radius[:, None]
    >>> samples = torch.ones(30, 32, dtype=torch.complex64)
    >>> scan = csc.NonCartesianAcquisition.from_trajectory(samples, spokes, (16, 16))
    >>> scan.adjoint().shape
    torch.Size([1, 16, 16])
    >>> isinstance(csc.Acquisition.from_image(scan.adjoint()), csc.NonCartesianAcquisition)
    False
    """
