"""Where and how something is written."""

from dataclasses import dataclass
from pathlib import Path

from napari_csc.errors import CscError


@dataclass(frozen=True)
class WriteRequest:
    """What a writer is asked for beside the values.

    Attributes
    ----------
    path : Path
        File or folder to write.
    overwrite : bool
        Whether an existing one may be replaced.
    bits : int
        Bits of a grey value of pictures, 8 or 16.
    window : tuple of float or None
        Percentiles of the values that become black and white in pictures; None for those that suit
        the kind.
    """

    path: Path
    overwrite: bool = False
    bits: int = 16
    window: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse what no picture can have."""
        if self.bits not in (8, 16):
            raise CscError(f"A picture has 8 or 16 bits, not {self.bits}.")
        if self.window is not None and not 0 <= self.window[0] < self.window[1] <= 100:
            low, high = self.window
            raise CscError(
                f"The window {low:g} to {high:g} cannot be used; give two rising percentiles "
                "between 0 and 100."
            )
