"""Commands that learn: dictionaries and map networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_csc.cli.parts import DATA_VARIABLE, plain_errors, volume_folder

if TYPE_CHECKING:
    from napari_csc.core.dictionary.dictionary import Dictionary
    from napari_csc.learn.dictionaries.learning import LearningStep

Data = Annotated[
    Path | None,
    typer.Option(
        help=f"folder with volumes [default: brain_volumes in ${DATA_VARIABLE}]; v5: or a file "
        "that pack-slices wrote"
    ),
]


@plain_errors
def learn_dictionary(
    inputs: Annotated[
        list[Path] | None, typer.Argument(metavar="[IN]...", help="scans or images to learn from")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help=".safetensors to write")] = Path(
        "dictionary.safetensors"
    ),
    recipe: Annotated[
        str | None, typer.Option(help="a shipped dictionary to learn again, such as brain-64-11")
    ] = None,
    data: Data = None,
    count: Annotated[int | None, typer.Option(help="filters [default: 64]")] = None,
    size: Annotated[
        list[int] | None, typer.Option(help="width in pixels, repeatable for mixed [default: 11]")
    ] = None,
    sparsity: Annotated[
        float | None, typer.Option(help="level in units of the RMS of the detail [default: 2]")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="batches [default: 200]")] = None,
    crop: Annotated[int | None, typer.Option(help="width of coded parts [default: 96]")] = None,
    seed: Annotated[int | None, typer.Option(help="seed of everything random")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace an existing file")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="print nothing but errors")] = False,
) -> None:
    """Learn convolution filters from scans, images, or a folder of volumes."""
    from napari_csc.errors import CscError
    from napari_csc.storage.targets import check_target, protecting

    if output.suffix.lower() != ".safetensors":
        raise CscError(f"A dictionary is written as .safetensors, but not as {output.name}.")
    protected = [*(inputs or []), data]
    check_target(output, overwrite, protected)
    given: dict[str, Any] = {
        "count": count,
        "sizes": tuple(size) if size else None,
        "sparsity": sparsity,
        "steps": steps,
        "crop": crop,
        "seed": seed,
    }
    changes = {name: value for name, value in given.items() if value is not None}

    def report(step: LearningStep) -> None:
        if not quiet and (step.step % 10 == 0 or step.step == step.steps):
            typer.echo(
                f"step {step.step} of {step.steps}: objective {step.objective:.4f}, "
                f"{100 * step.nonzeros:.2f} % of codes not zero, {step.replaced} replaced"
            )

    if recipe is not None and inputs:
        raise CscError("Give either files to learn from, or --recipe with a folder of volumes.")
    if inputs:
        dictionary = _from_files(inputs, output.stem, changes, report)
    elif recipe is not None:
        from napari_csc.learn.dictionaries.shipped import learn_shipped

        dictionary = learn_shipped(recipe, volume_folder(data), report, **changes)
    else:
        raise CscError("Name files to learn from, or a --recipe such as brain-64-11.")
    with protecting(protected):
        dictionary.save(output)
    if not quiet:
        typer.echo(f"written {output}")


def _from_files(paths: list[Path], name: str, changes: dict[str, Any], report: Any) -> Dictionary:
    from pydantic import ValidationError

    from napari_csc.errors import CscError
    from napari_csc.io.load import load
    from napari_csc.learn.dictionaries.image_sources import GivenImages
    from napari_csc.learn.dictionaries.learning import LearningSettings
    from napari_csc.learn.dictionaries.learning import learn_dictionary as learn

    try:
        settings = LearningSettings.model_validate(changes)
    except ValidationError as error:
        first = error.errors()[0]
        raise CscError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
    images = [image for path in paths for image in load(path).adjoint()]
    return learn(GivenImages(images), settings, name, report, data=[path.name for path in paths])


@plain_errors
def train(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="v5, v4, v3, v1_dct-32-9, or .toml file")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="folder for weights and log")],
    data: Data = None,
    max_minutes: Annotated[
        float | None,
        typer.Option(
            help="stop with a checkpoint after this time; v5: do what fits into this time"
        ),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="weight file to begin with, instead of fresh weights")
    ] = None,
    scans: Annotated[
        Path | None,
        typer.Option(help="v5: folder with your own scans, to fine-tune on without a truth"),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="line of TOML that changes the configuration, repeatable"),
    ] = None,
    devices: Annotated[int, typer.Option(help="devices to train on at once")] = 1,
    accelerator: Annotated[str, typer.Option(help="cpu, cuda, mps or auto")] = "auto",
) -> None:
    """Train a map network; run it again to go on from the last checkpoint."""
    from napari_csc.errors import CscError

    folder = volume_folder(data)
    try:
        from napari_csc.learn.training.config import JointConfig, load_config
        from napari_csc.learn.training.joint.train import train_jointly
        from napari_csc.learn.training.train import train as run
    except ImportError as error:
        raise CscError(
            f"Training needs further packages ({error}); install napari-csc[learn]."
        ) from error
    chosen = load_config(config, changes or ())
    if isinstance(chosen, JointConfig):
        if devices != 1:
            raise CscError(f"{chosen.name} is trained on one device; leave --devices at 1.")
        weights = train_jointly(
            chosen,
            folder,
            output,
            max_minutes,
            report=typer.echo,
            start=start,
            scans=scans,
            accelerator=accelerator,
        )
        beside = (
            "" if chosen.hold == "network" else f" and {chosen.learned_name}.safetensors beside it"
        )
        typer.echo(f"written {weights}{beside}")
        return
    if scans is not None:
        raise CscError(f"Only v5 can be fine-tuned on scans, but not {chosen.name}.")
    weights = run(
        chosen,
        folder,
        output,
        max_minutes,
        report=typer.echo,
        start=start,
        devices=devices,
        accelerator=accelerator,
    )
    typer.echo(f"written {weights}")


@plain_errors
def pack_slices(
    output: Annotated[Path, typer.Option("-o", "--output", help=".npz to write")] = Path(
        "slices.npz"
    ),
    config: Annotated[
        str, typer.Option(help="configuration that names the volumes, such as v5")
    ] = "v5",
    data: Data = None,
    photographs: Annotated[
        Path | None, typer.Option(help="folder of pictures, of which parts are packed, too")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace an existing file")
    ] = False,
) -> None:
    """Pack the slices of a folder of volumes into one file, which is all that training needs."""
    from napari_csc.learn.training.config import load_config
    from napari_csc.learn.training.images.packing import pack_slices as pack
    from napari_csc.storage.targets import check_target

    check_target(output, overwrite)
    chosen = load_config(config)
    files = chosen.train_files, chosen.validation_files
    packed = pack(volume_folder(data), *files, chosen.seed, typer.echo, photographs=photographs)
    packed.save(output)
    typer.echo(f"written {output}: {len(packed.images)} slices")


@plain_errors
def mean_weights(
    files: Annotated[
        list[Path], typer.Argument(help="weight files, each with its learned dictionary beside it")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="folder for weights and dictionary")
    ],
    data: Annotated[Path, typer.Option(help=".npz of pack-slices, to validate with")],
    shares: Annotated[
        list[float] | None, typer.Option("--share", help="of each file, in turn; all alike")
    ] = None,
    scale: Annotated[float, typer.Option(help="by which all maps are multiplied")] = 1.0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace an existing file")
    ] = False,
) -> None:
    """Average the weights of trainings that began with the same ones, and their dictionaries."""
    from napari_csc.core.maps import load_map_network
    from napari_csc.learn.training.joint.mean import mean_of_weights
    from napari_csc.storage.targets import check_target

    network = load_map_network(files[0]).metadata
    learned = network.training.get("learned dictionary", {}).get("name", network.name)
    inputs = [*files, *(path.with_name(f"{learned}.safetensors") for path in files)]
    output.mkdir(parents=True, exist_ok=True)
    for name in (network.name, learned):
        check_target(output / f"{name}.safetensors", overwrite, inputs)
    written = mean_of_weights(files, data, output, shares or (), scale, typer.echo)
    typer.echo(f"written {written} and its dictionary beside it")
