"""Image quality figures on magnitude images; all print their settings in the docstring.

A further figure is one function and one row of `METRICS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from napari_csc.core.triton_guard import keep_triton_out
from napari_csc.errors import CscError

Array = npt.NDArray[np.float64]
ArrayLike = torch.Tensor | npt.NDArray[Any]


def ssim(
    reference: ArrayLike,
    image: ArrayLike,
    data_range: float | None = None,
    mask: ArrayLike | None = None,
) -> float:
    """Return the structural similarity of magnitude images, mean over slices.

    scikit-image's definition: 7x7 uniform window.

    Parameters
    ----------
    reference, image
        Shape (y, x) or (slice, y, x), real or complex.
    data_range
        Range of the values; the maximum magnitude of the reference if None.
    mask
        Average over these pixels only; same shape, or (y, x) for all slices.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_csc import metrics
    >>> truth = np.eye(16)
    >>> metrics.ssim(truth, truth)
    1.0
    """
    from skimage.metrics import structural_similarity

    truth, estimate, inside = _prepare(reference, image, mask)
    if min(truth.shape[-2:]) < 7:
        raise CscError("SSIM needs images of at least 7 x 7 pixels.")
    span = float(truth.max()) if data_range is None else float(data_range)
    maps = [
        structural_similarity(a, b, data_range=span, full=True, win_size=7)
        for a, b in zip(truth, estimate, strict=True)
    ]
    if inside is None:
        return float(np.mean([mean for mean, _ in maps]))
    return float(
        np.mean([full[where].mean() for (_, full), where in zip(maps, inside, strict=True)])
    )


def mse(reference: ArrayLike, image: ArrayLike, mask: ArrayLike | None = None) -> float:
    """Return the mean squared error of magnitude images, over the mask if one is given.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_csc import metrics
    >>> metrics.mse(np.ones((8, 8)), np.full((8, 8), 3.0))
    4.0
    """
    truth, estimate, inside = _prepare(reference, image, mask)
    squares = (truth - estimate) ** 2
    return float(squares.mean() if inside is None else squares[inside].mean())


def nmse(reference: ArrayLike, image: ArrayLike, mask: ArrayLike | None = None) -> float:
    """Return the squared error over the squared reference, of magnitude images.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_csc import metrics
    >>> metrics.nmse(np.full((8, 8), 2.0), np.ones((8, 8)))
    0.25
    """
    truth, estimate, inside = _prepare(reference, image, mask)
    chosen = slice(None) if inside is None else inside
    return float(((truth - estimate)[chosen] ** 2).sum() / (truth[chosen] ** 2).sum())


def psnr(
    reference: ArrayLike,
    image: ArrayLike,
    data_range: float | None = None,
    mask: ArrayLike | None = None,
) -> float:
    """Return the peak signal-to-noise ratio in dB of magnitude images.

    ``data_range`` is the maximum magnitude of the reference if None.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_csc import metrics
    >>> round(metrics.psnr(np.ones((8, 8)), np.full((8, 8), 0.9)), 3)
    20.0
    """
    truth, estimate, inside = _prepare(reference, image, mask)
    span = float(truth.max()) if data_range is None else float(data_range)
    squares = (truth - estimate) ** 2
    error = float(squares.mean() if inside is None else squares[inside].mean())
    return float("inf") if error == 0 else float(10 * np.log10(span**2 / error))


def haarpsi(reference: ArrayLike, image: ArrayLike, data_range: float | None = None) -> float:
    """Return the Haar wavelet-based perceptual similarity of magnitude images, mean over slices.

    piq's definition (Reisenhofer et al., Signal Process. Image Commun. 2018), with its subsampling;
    values above ``data_range``, the maximum magnitude of the reference if None, are cut off.
    """
    keep_triton_out()
    from piq import haarpsi as similarity

    truth, estimate, _ = _prepare(reference, image, None)
    if min(truth.shape[-2:]) < 16:
        raise CscError("HaarPSI needs images of at least 16 x 16 pixels.")
    span = float(truth.max()) if data_range is None else float(data_range)
    pairs = [torch.from_numpy(np.clip(one, 0, span))[:, None].float() for one in (truth, estimate)]
    return float(similarity(*pairs, data_range=span))


def blur(image: ArrayLike) -> float:
    """Return scikit-image's perceptual blur (0 sharp, 1 blurred), mean over slices.

    Lower blur alone is no proof of sharpness: remaining noise lowers it too.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_csc import metrics
    >>> sharp = np.kron(np.eye(4), np.ones((8, 8)))
    >>> metrics.blur(sharp) < metrics.blur(0.5 * (sharp + np.roll(sharp, 1, axis=1)))
    True
    """
    from skimage.measure import blur_effect

    return float(np.mean([blur_effect(one) for one in _magnitude(image)]))


@dataclass(frozen=True)
class Metric:
    """A row of `METRICS`.

    Attributes
    ----------
    name : str
        What to show to people.
    measure : callable
        The function: of reference and image, or of the image alone.
    better : str
        Whether a ``"higher"`` or a ``"lower"`` value is better.
    text : str
        A sentence for people.
    form : str
        Format of a value.
    needs_reference : bool
        Whether it compares with a reference.
    has_range : bool
        Whether it takes a ``data_range``.
    is_slow : bool
        Whether it should be measured after the others.
    """

    name: str
    measure: Callable[..., float]
    better: Literal["higher", "lower"]
    text: str
    form: str = "{:.3f}"
    needs_reference: bool = True
    has_range: bool = False
    is_slow: bool = False

    def value(
        self, reference: ArrayLike | None, image: ArrayLike, data_range: float | None = None
    ) -> float:
        """Return the figure of an image.

        Parameters
        ----------
        reference, image
            Shape (y, x) or (slice, y, x), real or complex.
        data_range
            For figures that take one.

        Raises
        ------
        CscError
            If the images are too small, or there is no reference where one is needed.
        """
        if not self.needs_reference:
            return self.measure(image)
        if reference is None:
            raise CscError(f"{self.name} needs a reference image.")
        if self.has_range:
            return self.measure(reference, image, data_range)
        return self.measure(reference, image)


METRICS: dict[str, Metric] = {
    "ssim": Metric(
        "SSIM", ssim, "higher", "Structural similarity, 7x7 uniform window.", has_range=True
    ),
    "nmse": Metric(
        "NMSE", nmse, "lower", "Squared error over the squared reference.", form="{:.4f}"
    ),
    "psnr": Metric(
        "PSNR", psnr, "higher", "Peak signal-to-noise ratio.", form="{:.2f} dB", has_range=True
    ),
    "haarpsi": Metric(
        "HaarPSI",
        haarpsi,
        "higher",
        "Haar wavelet-based perceptual similarity.",
        has_range=True,
        is_slow=True,
    ),
    "blur": Metric(
        "blur",
        blur,
        "lower",
        "Perceptual blur; remaining noise lowers it too.",
        needs_reference=False,
    ),
}
"""What tables list, by the name of a column."""


def _prepare(
    reference: ArrayLike, image: ArrayLike, mask: ArrayLike | None
) -> tuple[Array, Array, npt.NDArray[np.bool_] | None]:
    truth, estimate = _magnitude(reference), _magnitude(image)
    if truth.shape != estimate.shape:
        raise CscError(
            f"Reference and image must have the same shape, but have {truth.shape} and "
            f"{estimate.shape}."
        )
    if mask is None:
        return truth, estimate, None
    inside = np.asarray(mask.cpu() if isinstance(mask, torch.Tensor) else mask) != 0
    if inside.shape not in (truth.shape, truth.shape[1:]):
        raise CscError(
            f"The mask has the shape {inside.shape}, but the images have {truth.shape[1:]}."
        )
    inside = np.broadcast_to(inside, truth.shape)
    if not inside.any(axis=(1, 2)).all():
        raise CscError("The mask must cover some pixels of every slice.")
    return truth, estimate, inside


def _magnitude(image: ArrayLike) -> Array:
    array = image.detach().cpu().numpy() if isinstance(image, torch.Tensor) else np.asarray(image)
    if array.ndim not in (2, 3):
        raise CscError(f"Images must have 2 or 3 axes, but have {array.ndim}.")
    magnitude: Array = np.abs(array).astype(np.float64)
    return magnitude if magnitude.ndim == 3 else magnitude[None]
