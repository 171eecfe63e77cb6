"""What is told of a noise level."""

from __future__ import annotations

from napari_csc.core.kspace.noise.figures import Kind


def sentence_of(
    std: float,
    method: str,
    known: bool,
    others: dict[str, float],
    kind: Kind,
    extent: tuple[int, int] | None,
    dead: list[int],
) -> str:
    """Return one plain sentence on the estimate."""
    what = "of a sample" if kind == "complex" else "along the signal"
    notes = []
    if extent is not None:
        notes.append(f"only {extent[0]} x {extent[1]} lines were acquired, the rest is zero-filled")
    if dead:
        notes.append("without the dead coils " + ", ".join(str(number) for number in dead))
    also = f" ({'; '.join(notes)})" if notes else ""
    if known:
        return f"Noise level {std:.4g} {what}, from the {method}{also}."
    figures = (std, *others.values())
    low, high = min(figures), max(figures)
    if high <= 1.01 * low:
        return (
            f"The noise level is unknown: no part of the image is surely free of signal, and "
            f"all there is to go by is {high:.4g}{also}, which may be signal; measure or enter it."
        )
    return (
        f"The noise level is unknown: no part of the image is surely free of signal, and the "
        f"figures lie between {low:.4g} and {high:.4g}{also}; measure or enter it."
    )
