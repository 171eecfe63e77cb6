"""The exceptions that users are meant to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class CscError(ValueError):
    """A problem with the input or the settings, told in one plain sentence.

    The message names what is wrong and what to do; the command line prints it and the viewer shows
    it as a notification, both without a traceback.
    """


class NeedsChoice(CscError):  # noqa: N818  # it is a question
    """Data that can be understood in more than one way, so that somebody has to choose.

    The viewer asks; on the command line and in a batch it is a refusal, whose message names the
    option.

    Parameters
    ----------
    message
        One or two plain sentences: what is open, and the option that answers it.
    option
        Keyword of `napari_csc.load` that answers, such as ``"kind"``.
    choices
        What may be answered, each as (value of the option, what it means in a few words).

    Examples
    --------
    >>> from napari_csc.errors import NeedsChoice
    >>> error = NeedsChoice("Image or k-space? Give kind.", "kind", [("image", "an image")])
    >>> error.option, error.choices
    ('kind', (('image', 'an image'),))
    """

    def __init__(self, message: str, option: str, choices: Sequence[tuple[Any, str]] = ()) -> None:
        super().__init__(message)
        self.option = option
        self.choices = tuple(choices)

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep option and choices on the way from another process."""
        return type(self), (str(self), self.option, self.choices)
