"""The one-call way: an image layer in, its reconstruction and maps out, without the dock."""

from dataclasses import dataclass
from typing import Any

from magicgui import magic_factory
from napari.layers import Image
from napari.qt.threading import FunctionWorker, create_worker
from napari.types import LayerDataTuple
from napari.utils.notifications import show_info, show_warning

from napari_csc.core.dictionary.names import dictionary_names
from napari_csc.core.maps import map_network_names
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.viewer.background.problems import plain_sentence
from napari_csc.viewer.images.views import ComplexView, MapsView, Windows
from napari_csc.viewer.layers.map_layer import LOOK
from napari_csc.viewer.layers.tags import KEY
from napari_csc.viewer.sections.input.layer_input import LayerInput, read_layer
from napari_csc.viewer.sections.input.loading import Simulation, simulated_scan
from napari_csc.viewer.session import FALLBACK_MAPS
from napari_csc.viewer.widgets.form import fields_of
from napari_csc.viewer.words import tr

_SETTINGS = fields_of(ReconstructionSettings)
_USUAL = ReconstructionSettings()


@dataclass(frozen=True, eq=False)
class _Task:
    """What the worker is given."""

    chosen: LayerInput
    settings: ReconstructionSettings


def _dictionaries(widget: Any) -> list[str]:
    return dictionary_names()


def _sources(widget: Any) -> list[tuple[str, str]]:
    level = FALLBACK_MAPS.removesuffix("sigma")
    # The usual one first, and always: the form cannot be made without its default.
    names = dict.fromkeys([_USUAL.maps, *reversed(map_network_names())])
    found = [(name[:2].upper() + name[2:], name) for name in names]
    return [*found, (tr("One level everywhere, {level} σ").format(level=level), FALLBACK_MAPS)]


@magic_factory(
    call_button=tr("Reconstruct"),
    image={
        "label": tr("Image"),
        "tooltip": tr("What to reconstruct: k-space if the layer came with it, else its picture."),
    },
    dictionary={
        "label": tr("Dictionary"),
        "choices": _dictionaries,
        "tooltip": tr("The set of small filters the image is built from."),
    },
    maps={
        "label": tr("Maps"),
        "choices": _sources,
        "tooltip": tr("What infers the sparsity level map of each filter."),
    },
    strength={
        "label": tr(_SETTINGS["strength"].title or ""),
        "tooltip": tr(_SETTINGS["strength"].description or ""),
        "widget_type": "FloatSlider",
        "max": 3.0,
        "step": 0.01,
    },
)
def reconstruct_layer(
    image: Image,
    dictionary: str = _USUAL.dictionary,
    maps: str = _USUAL.maps,
    strength: float = _USUAL.strength,
) -> FunctionWorker[list[LayerDataTuple]]:
    """Reconstruct all slices of an image layer in the background.

    Parameters
    ----------
    image
        A layer that came with its k-space, or any picture, which is taken as a fully sampled scan.
    dictionary, maps, strength
        See `napari_csc.ReconstructionSettings`.

    Returns
    -------
    FunctionWorker
        Makes the layers of reconstruction and maps, which lie where the image lies. A problem is
        told in one sentence.
    """
    try:
        chosen = read_layer(image)
        settings = ReconstructionSettings.checked(
            dictionary=dictionary, maps=maps, strength=strength
        )
    except CscError as error:
        show_warning(plain_sentence(error))
        # A worker all the same, without work: napari connects to it whatever has happened.
        return create_worker(list, _start_thread=False)
    show_info(tr("Reconstructing {name}…").format(name=image.name))
    return create_worker(
        _layers,
        _Task(chosen, settings),
        _progress={"desc": tr("reconstructing {name}").format(name=image.name)},
        _connect={"errored": lambda error: show_warning(plain_sentence(error))},
    )


def _layers(task: _Task) -> list[LayerDataTuple]:
    """Return the layers of a reconstruction; their metadata hold it, so that it can be saved."""
    chosen = task.chosen
    acquisition = chosen.acquisition
    if acquisition is None and chosen.image is None:
        raise CscError(
            f"The layer {chosen.name!r} shows a result whose scan is not known; choose the layer "
            "of the scan."
        )
    if acquisition is None:
        acquisition = simulated_scan(chosen, Simulation(sampled=None)).acquisition
    result = Reconstructor.from_settings(task.settings)(acquisition)
    windows, held = Windows.of(result), {"result": result, "acquisition": acquisition}
    image = {
        "name": f"{chosen.name}: reconstruction",
        "contrast_limits": windows.image,
        "interpolation2d": "linear",
        "metadata": {KEY: dict(held)},
        **chosen.geometry.keywords(3),
    }
    maps = {
        "name": f"{chosen.name}: sparsity maps",
        "contrast_limits": windows.maps,
        "interpolation2d": "linear",
        "metadata": {KEY: dict(held)},
        **LOOK,
        **chosen.geometry.keywords(4),
    }
    return [(ComplexView(result.image), image, "image"), (MapsView(result), maps, "image")]
