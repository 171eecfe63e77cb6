"""Networks as they are named: ``v5``, ``runs/mine/v5.safetensors``, ``v4@dct-32-9``, ``v5*1.5``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from napari_csc.core.acquisition.image_matrix import LARGEST_FACTOR
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import MapNetwork, load_map_network, map_network_names
from napari_csc.errors import CscError
from napari_csc.learn.evaluation.methods.sparse_coding import OnImageMatrix, SparseCoding

WITH_DICTIONARY = "@"
"""Between the name of a network and that of a dictionary of its own."""
WITH_MATRIX = "*"
"""Between the name of a network and the image matrix, in units of what was acquired."""


def named_networks(
    names: Sequence[str], dictionary: Dictionary
) -> list[SparseCoding | OnImageMatrix]:
    """Return methods, each of another name.

    Parameters
    ----------
    names
        Names or files of weights, see the module. Files of weights that are named as others are,
        such as the shipped ones that were trained further, are told by their path.
    dictionary
        Used where a name tells no other one.

    Raises
    ------
    CscError
        If there are no such weights or dictionaries, or a matrix makes no sense.
    """
    told = [_parts(name) for name in dict.fromkeys(names)]
    networks = {source: load_map_network(source) for source, _, _ in told}
    titles = _titles(networks)
    found: list[SparseCoding | OnImageMatrix] = []
    for source, other, factor in told:
        method = _method(titles[source], networks[source], other, dictionary)
        found.append(method if factor is None else OnImageMatrix(method, factor))
    return found


def _parts(name: str) -> tuple[str, str, float | None]:
    """Return the source of the weights, the dictionary ("" if none is told) and the matrix."""
    name, matrix, factor = name.partition(WITH_MATRIX)
    source, _, dictionary = name.partition(WITH_DICTIONARY)
    return source, dictionary, _factor(source, factor) if matrix else None


def _factor(source: str, factor: str) -> float:
    try:
        number = float(factor)
    except ValueError:
        number = 0.0
    if not 1 <= number <= LARGEST_FACTOR:
        raise CscError(
            f"The image matrix {factor!r} of {source} cannot be; give a number from 1 to "
            f"{LARGEST_FACTOR:g}, as v5*1.5."
        )
    return number


def _titles(networks: Mapping[str, MapNetwork]) -> dict[str, str]:
    """Return what each is called: as its weights are, unless others are called so, too."""
    names = {source: network.metadata.name for source, network in networks.items()}
    files = [source for source, network in networks.items() if network.file]
    taken = [*(names[source] for source in files), *map_network_names()]
    return {
        source: source.removesuffix(".safetensors")
        if source in files and taken.count(name) > 1
        else name
        for source, name in names.items()
    }


def _method(title: str, network: MapNetwork, other: str, dictionary: Dictionary) -> SparseCoding:
    own = network.metadata.dictionary_name
    if other:
        return SparseCoding(f"{title}, {other}", Dictionary.load(other), network)
    if network.permutation_equivariant or own is None:
        return SparseCoding(title, dictionary, network)
    trained_with = str(network.metadata.training["config"]["dictionary"])
    return SparseCoding(title, Dictionary.load(trained_with), network)
