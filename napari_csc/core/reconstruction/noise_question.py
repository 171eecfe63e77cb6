"""What has to be asked before a run: a noise level that nothing in the data tells."""

from __future__ import annotations

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.errors import NeedsChoice


def noise_question(acquisition: Acquisition) -> NeedsChoice | None:
    """Return the question on the noise level of a scan; None if it is known.

    Its choices are the figures that the data allow, the one that would be used first.

    Examples
    --------
    >>> import torch
    >>> import napari_csc as csc
    >>> from napari_csc.core.reconstruction.noise_question import noise_question
    >>> scan = csc.Acquisition.from_kspace(torch.randn(32, 32, dtype=torch.complex64), noise_std=1)
    >>> noise_question(scan) is None
    True
    """
    noise = acquisition.noise
    if noise.known:
        return None
    choices = [(noise.std, f"{noise.std:.4g}, the lowest figure ({noise.method})")]
    choices += [
        (value, f"{value:.4g}, from the {method}")
        for method, value in sorted(noise.others.items(), key=lambda one: one[1])
        if method != noise.method
    ]
    return NeedsChoice(noise.sentence, "noise_std", choices)


def refuse_unknown_noise(acquisition: Acquisition) -> None:
    """Refuse a scan whose noise level nobody knows.

    Raises
    ------
    NeedsChoice
        With the figures that the data allow.
    """
    question = noise_question(acquisition)
    if question is not None:
        raise NeedsChoice(
            f"{question} Give --noise-std, or --accept-estimate to go on with "
            f"{acquisition.noise_std:.4g}.",
            question.option,
            question.choices,
        )
