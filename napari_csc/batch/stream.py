"""A reconstruction as a part of a pipeline: k-space comes in as MRD, images go out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from napari_csc.core.reconstruction.noise_question import refuse_unknown_noise
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.errors import CscError
from napari_csc.io.content_to_write import Exported
from napari_csc.io.formats.ismrmrd.header import ScanHeader
from napari_csc.io.formats.ismrmrd.reader import scan_of
from napari_csc.io.formats.ismrmrd.version2.complete import Collected, Complete, Wait
from napari_csc.io.formats.ismrmrd.version2.incoming import Source, kind_of, opened_stream
from napari_csc.io.formats.ismrmrd.version2.left_out import LeftOut
from napari_csc.io.formats.ismrmrd.version2.outgoing import Outgoing
from napari_csc.io.formats.ismrmrd.version2.translated import HeldReadouts, header_xml
from napari_csc.io.requests import LoadRequest

NAME = "The stream"


@dataclass(frozen=True)
class StreamOrder:
    """What is done with every stream.

    Attributes
    ----------
    reconstructor : Reconstructor
        The same for all.
    request : LoadRequest
        What is asked for of each image: noise level, coil maps.
    kind : str
        What is sent of an image: ``"magnitude"``, ``"complex"``, ...
    wait : str
        What is waited for: ``"slice"``, ``"repetition"`` or ``"end"``.
    accept_estimate : bool
        Whether images of unknown noise level are reconstructed with the lowest figure for it.
    """

    reconstructor: Reconstructor
    request: LoadRequest = field(default_factory=LoadRequest)
    kind: str = "magnitude"
    wait: Wait = "slice"
    accept_estimate: bool = False


def run_stream(
    source: Source, sink: BinaryIO, order: StreamOrder, tell: Callable[[str], None]
) -> int:
    """Reconstruct a stream of k-space, and send each image when it is complete.

    Parameters
    ----------
    source
        Gives bytes as they come, none at the end.
    sink
        Where images go, as MRD of version 2 and nothing else.
    order
        What is done.
    tell
        Is given lines for people: what was sent, what was assumed.

    Returns
    -------
    int
        How many images were sent.

    Raises
    ------
    CscError
        If the stream is none, or an image cannot be made; what was sent before can be used.
    """
    header, items = opened_stream(source, NAME)
    told = ScanHeader.of(header_xml(header), Path(NAME))
    collected = Collected(header, order.wait, NAME)
    sent, noted, others = 0, set[str](), LeftOut()

    def send(groups: list[Complete]) -> None:
        nonlocal sent
        for one in groups:
            content, slices, notes = _reconstructed(one, told, order)
            counters = one.series._asdict()
            del counters["encoding"]
            outgoing.write(content, counters, slices)
            sent += len(slices)
            tell(f"sent     {_named(one, slices)}")
            for note in notes:
                if note not in noted:
                    tell(f"note     {note}")
            noted.update(notes)

    with Outgoing(sink, header) as outgoing:
        for item in items:
            if kind_of(item) == "Acquisition":
                send(collected.add(item.value))
            else:
                others.add(item)
        send(collected.rest())
        for note in others.notes():
            tell(f"note     {note}")
        if not sent:
            raise CscError(f"{NAME} holds no readouts of an image; send k-space.")
    return sent


def _reconstructed(
    one: Complete, header: ScanHeader, order: StreamOrder
) -> tuple[Exported, list[int], tuple[str, ...]]:
    """Return images, the slice counter of each, and what was assumed."""
    every = HeldReadouts.holding(one.acquisitions, Path(NAME))
    key = ",".join(f"{name}={value}" for name, value in one.series._asdict().items())
    # By itself a stream has no more to be chosen than what is in it.
    acquisition = order.request.finished(
        scan_of(every, header, order.request, key), has_chosen=True
    )
    if not order.accept_estimate:
        refuse_unknown_noise(acquisition)
    result = order.reconstructor(acquisition)
    content = Exported.of(result, order.kind)
    return content, _slice_counters(one, len(content.values)), acquisition.notes


def _slice_counters(one: Complete, count: int) -> list[int]:
    """Return the counter of each slice, in the order of their images."""
    from napari_csc.io.formats.ismrmrd.geometry import ordered_slices
    from napari_csc.io.formats.ismrmrd.readouts import chosen_readouts

    every = HeldReadouts.holding(one.acquisitions, Path(NAME))
    slices = ordered_slices(chosen_readouts(every, None).imaging)
    # The partitions of a volume are counted anew.
    return slices if len(slices) == count else list(range(count))


def _named(one: Complete, slices: list[int]) -> str:
    names = [f"{name} {value}" for name, value in one.series._asdict().items() if value]
    numbers = ", ".join(str(number) for number in slices[:12])
    which = f"slice {numbers}" if len(slices) == 1 else f"slices {numbers}"
    return ", ".join([*names, which + (", ..." if len(slices) > 12 else "")])


def read_of(file: Any) -> Source:
    """Return a source of bytes from a file that gives what has come, such as a pipe."""
    import os

    descriptor = file.fileno()
    return lambda count: os.read(descriptor, count)
