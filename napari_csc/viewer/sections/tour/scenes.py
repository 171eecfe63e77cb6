"""The scenes of the guided tour: what each shows and says, and what it measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_csc.core.maps.edits import MapEdit
from napari_csc.core.options import DEFAULT_DICTIONARY, DEFAULT_NETWORK
from napari_csc.viewer.layers.roles import (
    CONTRIBUTION,
    KSPACE,
    MAPS,
    RECONSTRUCTION,
    SMOOTH,
    TESTED,
)
from napari_csc.viewer.sections.reconstruct.job import Outcome
from napari_csc.viewer.words import marked, tr

_OTHER = "dct-32-9"
_V1, _OF_V1 = "v1:dct-32-9", "dct-32-9"
"""V1 fits the dictionary only that it was trained with."""
_FEW = 2
_MUCH = 6


@dataclass(frozen=True)
class Scene:
    """One step of the tour: the state it needs, and two sentences.

    Attributes
    ----------
    title, text
        What the user reads.
    layers
        Roles of the layers that are visible.
    extra_layers
        Those of them that are made on demand.
    needs_result
        Whether it needs a finished run; the settings below count only then.
    shows_filter
        Whether it selects the filter that adds most.
    maps, dictionary, shuffle_seed, drops_half, iterations
        Settings of the run.
    compares
        What the run is compared with the plain one for: ``"shuffle"``, ``"truth"`` or nothing.
    edits
        What is changed in the maps by hand.
    asks
        What is asked about the result: ``"lesion"``, ``"risk"`` or nothing.
    dictionaries
        Those whose risk is asked for.
    """

    title: str
    text: str
    layers: tuple[str, ...]
    extra_layers: tuple[str, ...] = ()
    needs_result: bool = True
    shows_filter: bool = False
    maps: str = DEFAULT_NETWORK
    dictionary: str = DEFAULT_DICTIONARY
    shuffle_seed: int | None = None
    drops_half: bool = False
    iterations: int | None = None
    compares: str = ""
    edits: tuple[MapEdit, ...] = ()
    asks: Literal["", "lesion", "risk"] = ""
    dictionaries: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether others are compared with it."""
        return self.needs_result and not self.compares


SCENES = (
    Scene(
        marked("What the scanner measures"),
        marked(
            "The scanner measures k-space: its centre holds the coarse shapes, its edge the fine "
            "detail. A low-field scan holds only the middle, and there is noise on every sample."
        ),
        (KSPACE,),
        (KSPACE,),
        needs_result=False,
    ),
    Scene(
        marked("The smooth part"),
        marked(
            "The reconstruction explains the image as a sum, and begins with its smooth part: slow "
            "changes of brightness, made of wide Gaussian filters. All edges and all detail are "
            "still missing."
        ),
        (SMOOTH,),
    ),
    Scene(
        marked("One filter"),
        marked(
            "A dictionary filter is a small pattern, such as an edge of one direction; it is "
            "printed wherever the image shows that pattern. This is everything that the strongest "
            "filter adds."
        ),
        (CONTRIBUTION,),
        (CONTRIBUTION,),
        shows_filter=True,
    ),
    Scene(
        marked("One sparsity level map"),
        marked(
            "How strong the pattern must be to be printed, a network decides for every pixel and "
            "every filter: that is the map over the image. Dark: the filter is free to act, "
            "bright: it is held back. Move the filter slider below the image to see the other maps."
        ),
        (RECONSTRUCTION, MAPS),
        shows_filter=True,
    ),
    Scene(
        marked("Shuffle the filters"),
        marked(
            "The filters are handed to the network in another order. V5 looks at each filter by "
            "itself, so the maps change places with their filters, and the image stays the same."
        ),
        (RECONSTRUCTION, MAPS),
        shuffle_seed=1,
        compares="shuffle",
    ),
    Scene(
        marked("Shuffle them under V1"),
        marked(
            "V1 has learned one map for the first filter, one for the second, and so on, without "
            "ever seeing the filters. Shuffled, every filter gets the map of another, and the "
            "image suffers."
        ),
        (RECONSTRUCTION, MAPS),
        maps=_V1,
        dictionary=_OF_V1,
        shuffle_seed=1,
        compares="shuffle",
    ),
    Scene(
        marked("Swap the dictionary"),
        marked(
            "Now 32 cosine patterns take the place of the 64 filters learned from brain images. V5 "
            "was not trained again: it asks each new filter what it sees."
        ),
        (RECONSTRUCTION, MAPS),
        dictionary=_OTHER,
        compares="truth",
    ),
    Scene(
        marked("Leave filters out"),
        marked(
            "Every other filter of the first dictionary is left out. The others take over what "
            "they can: look for edges and detail that nobody can print any more."
        ),
        (RECONSTRUCTION,),
        drops_half=True,
        compares="truth",
    ),
    Scene(
        marked("Iterations"),
        marked(
            "The sum is found step by step, and this is the image after {few} iterations "
            "only. Each further one makes it agree better with the measured samples and "
            "with the maps."
        ).format(few=_FEW),
        (RECONSTRUCTION,),
        iterations=_FEW,
        compares="truth",
    ),
    Scene(
        marked("What if the maps were others"),
        marked(
            "All filters of the dictionary are held back {much} times as much as the "
            "network says, and the solver runs again: the maps make the image what it "
            "is. In the section Maps, What if does so with any filter, in any region "
            "that you draw."
        ).format(much=_MUCH),
        (RECONSTRUCTION,),
        edits=(MapEdit(factor=_MUCH, filters="dictionary"),),
        compares="truth",
    ),
    Scene(
        marked("Would a lesion have survived?"),
        marked(
            "A lesion is added to the measured samples, exactly as the scanner would have measured "
            "it, and all is done again. Can I trust this? asks so wherever you click."
        ),
        TESTED,
        asks="lesion",
    ),
    Scene(
        marked("Which dictionary suits this scan?"),
        marked(
            "Without any truth the risk estimates the error that a dictionary makes on this very "
            "scan. The section Dictionary has the table of all of them, under Risk."
        ),
        (RECONSTRUCTION,),
        asks="risk",
        dictionaries=(DEFAULT_DICTIONARY, _OTHER, "random-64-11"),
    ),
)
"""The tour, from the first to the last."""


def sentence(scene: Scene, outcome: Outcome | None, plain: Outcome | None) -> str:
    """Return what was measured in a scene, if anything was."""
    if outcome is None or not scene.compares:
        return ""
    if scene.compares == "shuffle":
        change = outcome.shuffle_change
        if change is None:
            return ""
        if change < 1e-4:
            return tr(
                "Measured here: no pixel changed by more than {change:.0e} of the maximum."
            ).format(change=change)
        return tr("Measured here: pixels changed by up to {change:.0%} of the maximum.").format(
            change=change
        )
    if plain is None:
        return ""
    if outcome.figures is not None and plain.figures is not None:
        before, now = plain.figures["SSIM"][1], outcome.figures["SSIM"][1]
        return tr(
            "Measured here: similarity to the truth (SSIM) {before:.3f} before, {now:.3f} now."
        ).format(before=before, now=now)
    if plain.result.image.shape != outcome.result.image.shape:
        return ""
    peak = float(plain.result.image.abs().max()) or 1.0
    change = float((outcome.result.image - plain.result.image).abs().max()) / peak
    return tr("Measured here: pixels changed by up to {change:.0%} of the maximum.").format(
        change=change
    )
