"""The methods that networks are compared with, by name: `METHODS`.

A further one is a `Method` in a file of its own and one row here; command, tables and pictures
read the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.errors import CscError
from napari_csc.learn.evaluation.methods.method import Adjoint, Method
from napari_csc.learn.evaluation.methods.patches import (
    BM3D_LICENCE,
    PatchMethod,
    bm3d_image,
    non_local_means_image,
)
from napari_csc.learn.evaluation.methods.sparse_coding import BestScalar, scalar_method
from napari_csc.learn.evaluation.methods.total_variation import TotalVariation


class Chosen:
    """What was chosen on the validation images; searched when it is first asked for.

    Parameters
    ----------
    dictionary
        The dictionary of the comparison.
    search_level
        Returns the best level for all maps, in units of the noise.
    search_weight
        Returns the best weight of total variation, in units of the noise.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        search_level: Callable[[], float],
        search_weight: Callable[[], float],
    ) -> None:
        self.dictionary = dictionary
        self._search_level, self._search_weight = search_level, search_weight

    @cached_property
    def level(self) -> float:
        """The best level for all maps, in units of the noise."""
        return self._search_level()

    @cached_property
    def weight(self) -> float:
        """The best weight of total variation, in units of the noise."""
        return self._search_weight()


@dataclass(frozen=True)
class MethodSpec:
    """A row of `METHODS`.

    Attributes
    ----------
    text : str
        A sentence for people.
    make : callable
        Returns the method, by what was chosen.
    package : str
        Module that it needs beyond those of the project, if any.
    extra : str
        Extra of the project that installs it.
    licence : str
        Under which the package may be used, where that is not free.
    """

    text: str
    make: Callable[[Chosen], Method]
    package: str = ""
    extra: str = "baselines"
    licence: str = ""

    @property
    def is_installed(self) -> bool:
        """Whether it can be used."""
        return not self.package or find_spec(self.package) is not None


METHODS: dict[str, MethodSpec] = {
    "initial": MethodSpec("the zero-filled image", lambda chosen: Adjoint()),
    "level": MethodSpec(
        "one level for all maps, the best on the validation images",
        lambda chosen: scalar_method(
            chosen.dictionary, chosen.level, name=f"one level, {chosen.level:g}σ"
        ),
    ),
    "oracle": MethodSpec(
        "the best level of each image, by the truth",
        lambda chosen: BestScalar("best level of each image (oracle)", chosen.dictionary),
    ),
    "tv": MethodSpec(
        "isotropic total variation, the best weight on the validation images",
        lambda chosen: TotalVariation(chosen.weight),
    ),
    "nlm": MethodSpec(
        "non-local means of scikit-image",
        lambda chosen: PatchMethod("non-local means", non_local_means_image),
    ),
    "bm3d": MethodSpec(
        "BM3D of Tampere University",
        lambda chosen: PatchMethod("BM3D", bm3d_image),
        package="bm3d",
        licence=BM3D_LICENCE,
    ),
}
"""What networks are compared with, by the name that the command line knows."""


def baselines(
    names: Iterable[str] | None, chosen: Chosen, report: Callable[[str], None]
) -> list[Method]:
    """Return methods by name; all that are installed if None.

    Raises
    ------
    CscError
        If one is unknown, or was asked for and is not installed.
    """
    found: list[Method] = []
    for name in dict.fromkeys(METHODS if names is None else names):
        spec = METHODS.get(name)
        if spec is None:
            raise CscError(f"There is no method {name!r}; use one of {', '.join(METHODS)}.")
        if not spec.is_installed:
            missing = f"{name} needs the package {spec.package}; install napari-csc[{spec.extra}]"
            licence = f" ({spec.licence})" * bool(spec.licence)
            if names is not None:
                raise CscError(f"The method {missing}{licence}.")
            report(f"left out: {missing}{licence}")
            continue
        if spec.licence:
            report(f"{name} is {spec.licence}")
        found.append(spec.make(chosen))
    return found
