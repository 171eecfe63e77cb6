"""Train a map network through the unrolled solver; resumable at every checkpoint."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from lightning.fabric.loggers.tensorboard import TensorBoardLogger
from lightning.fabric.strategies.ddp import DDPStrategy

from napari_csc.core.acquisition.simulate import IMAGE_MAXIMUM
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.shipped_weights import METADATA_KEY
from napari_csc.errors import CscError
from napari_csc.learn.training.batch import Batch
from napari_csc.learn.training.build import build_model
from napari_csc.learn.training.checkpoint import read_checkpoint, write_checkpoint
from napari_csc.learn.training.config import TrainingConfig
from napari_csc.learn.training.data import (
    filled_slices,
    phantom_slices,
    random_batch,
    random_dictionary,
    read_volumes,
)
from napari_csc.learn.training.log import append_row
from napari_csc.learn.training.losses import mean_ssim, modulus
from napari_csc.learn.training.model import UnrolledReconstruction
from napari_csc.learn.training.trainable import Trainable
from napari_csc.learn.training.validation import best_scalar, initial_image, score, validation_scans
from napari_csc.storage.safetensors_files import read_safetensors

VALIDATION_DICTIONARY = "dct-32-9"
_LOG_EVERY = 25
_PHANTOMS = 10


def train(
    config: TrainingConfig,
    data: str | Path,
    output: str | Path,
    max_minutes: float | None = None,
    report: Callable[[str], None] = print,
    *,
    start: str | Path | None = None,
    devices: int = 1,
    accelerator: str = "auto",
) -> Path:
    """Train and write the weights; go on from the checkpoint in ``output`` if there is one.

    Parameters
    ----------
    config
        The configuration; a checkpoint of another one is refused.
    data
        Folder with image volumes.
    output
        Folder for checkpoint, logs (CSV and TensorBoard) and weights.
    max_minutes
        Stop after this time with a checkpoint, before all steps are done.
    report
        Receives lines of progress.
    start
        Weight file to begin with instead of fresh weights.
    devices
        Devices to train on at once; each takes its own images, and gradients are averaged.
    accelerator
        ``"cpu"``, ``"cuda"``, ``"mps"``, or ``"auto"``.

    Returns
    -------
    Path
        The weight file.

    Raises
    ------
    CscError
        If there are no data, the checkpoint belongs to another configuration, or ``start`` does
        not fit the architecture.
    """
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    train_volumes = read_volumes(data, config.train_files)
    slices = [filled_slices(volume) for volume in train_volumes]
    if config.phantom_share:
        slices.append(phantom_slices(_PHANTOMS, config.seed))
    scans = validation_scans(read_volumes(data, config.validation_files), per_volume=4)
    fabric = _fabric(devices, accelerator, output)
    torch.manual_seed(config.seed)  # fresh weights only; the data have their own generators
    model = build_model(config)
    if start is not None:
        _load_start(model, Path(start))
    # On its device first: the optimizer's state follows the parameters when it is loaded.
    model.to(fabric.device)
    optimizer: Any = _optimizer(model, config)
    state = _resume(model, optimizer, config, output)
    if start is not None:
        state.setdefault("start", _origin(Path(start)))
    shared = fabric.setup_module(model)
    for method in ("with_estimate", "estimate"):
        shared.mark_forward_method(method)
    optimizer = fabric.setup_optimizers(optimizer)
    if not fabric.is_global_zero:
        report = _silent
    report(f"training {config.name}: {sum(map(len, slices))} slices, device {fabric.device}")
    losses: list[float] = []
    while state["step"] < config.steps:
        losses.append(_step(shared, model, optimizer, config, slices, state, fabric))
        state["step"] += 1
        step = state["step"]
        late = max_minutes is not None and time.monotonic() - started > 60 * max_minutes
        late = bool(fabric.broadcast(late))
        if step % _LOG_EVERY == 0:
            loss = float(np.mean(losses[-_LOG_EVERY:]))
            report(f"step {step} loss {loss:.4f} images {state['images']}")
            fabric.log_dict({"loss": loss, "images": state["images"]}, step)
        if step % _interval(step, config) == 0 or step == config.steps or late:
            state["minutes"] += (time.monotonic() - started) / 60
            started, max_minutes = time.monotonic(), _less(max_minutes, started)
            if fabric.is_global_zero:
                recent = float(np.mean(losses[-config.validate_every :]))
                _look(model, optimizer, scans, config, state, recent, output, fabric, report)
            fabric.barrier()
        if late:
            break
    path = output / f"{config.name.replace(':', '_')}.safetensors"
    if fabric.is_global_zero:
        _finish(model, scans, config, state, path, [one.name for one in train_volumes])
    fabric.barrier()
    return path


def _fabric(devices: int, accelerator: str, output: Path) -> Fabric:
    """Return the device or devices, with the log for TensorBoard."""
    strategy: Any = "auto"
    if devices > 1:
        # Not every weight takes part in the estimate alone.
        strategy = DDPStrategy(find_unused_parameters=True)
    logger = TensorBoardLogger(root_dir=output, name="tensorboard", version="")
    fabric = Fabric(accelerator=accelerator, devices=devices, strategy=strategy, loggers=logger)
    fabric.launch()
    return fabric


def _silent(line: str) -> None:
    pass


def _load_start(model: Trainable, path: Path) -> None:
    try:
        model.load(read_safetensors(path).tensors)
    except Exception as error:
        raise CscError(f"{path.name} holds no weights for this architecture.") from error


def _origin(path: Path) -> dict[str, Any]:
    """Return what the weights to begin with say of their own training."""
    stored = read_safetensors(path)
    described = json.loads(stored.metadata.get(METADATA_KEY, "{}"))
    return {
        "file": path.name,
        "digest": stored.digest,
        "training": described.get("training", {}),
    }


def _look(
    model: Trainable,
    optimizer: Any,
    scans: list[Any],
    config: TrainingConfig,
    state: dict[str, Any],
    loss: float,
    output: Path,
    fabric: Fabric,
    report: Callable[[str], None],
) -> None:
    """Validate, log, and write a checkpoint."""
    figures = _validate(model, scans, config, fabric)
    row = {
        "step": state["step"],
        "images": state["images"],
        "minutes": round(state["minutes"], 2),
        "loss": round(loss, 5),
    } | figures
    append_row(output / "log.csv", row)
    fabric.log_dict({f"validation/{name}": value for name, value in figures.items()}, state["step"])
    report(str(row))
    _save(model, optimizer, config, state, output)


def _step(
    shared: Any,
    model: Trainable,
    optimizer: Any,
    config: TrainingConfig,
    slices: list[Any],
    state: dict[str, Any],
    fabric: Fabric,
) -> float:
    """Do one optimiser step; its random numbers depend on seed, step and device only.

    ``shared`` is the model as all devices share it, ``model`` the one of this device.
    """
    place = (fabric.global_rank,) if fabric.global_rank else ()
    rng = np.random.default_rng((config.seed, state["step"], *place))
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * _schedule(state["step"], config)
    model.train()
    half = config.half_precision == "bf16"
    if state["step"] < config.estimate_steps:
        batch = random_batch(slices, config, config.free_images, rng).to(fabric.device)
        estimate = shared.estimate(batch, half)
        if estimate is None:
            raise CscError("This network makes no estimate alone; set estimate_steps to 0.")
        loss = _loss(batch, estimate, config)
    else:
        dictionary = random_dictionary(config, rng)
        count = max(1, config.maps_per_step // len(dictionary))
        if config.black_box is not None:
            count = config.free_images
        batch = random_batch(slices, config, count, rng).to(fabric.device)
        image, estimate = shared.with_estimate(batch, dictionary, half)
        loss = _loss(batch, image, config)
        if estimate is not None and config.estimate_weight:
            loss = loss + config.estimate_weight * _loss(batch, estimate, config)
    if not bool(torch.isfinite(loss)):
        raise CscError(
            f"The training of {config.name} became infinite in step {state['step']}; lower the "
            "learning rate and start again from an empty folder."
        )
    optimizer.zero_grad(set_to_none=True)
    fabric.backward(loss)
    torch.nn.utils.clip_grad_norm_(model.weights(), 1.0)
    optimizer.step()
    everywhere = fabric.all_reduce(torch.tensor(len(batch.reference)), reduce_op="sum")
    state["images"] += int(torch.as_tensor(everywhere))
    return float(loss.detach())


def _loss(batch: Batch, image: torch.Tensor, config: TrainingConfig) -> torch.Tensor:
    """Complex mean squared error, and what SSIM lacks of one, for images of maximum 10."""
    loss = torch.view_as_real(image - batch.reference).square().sum(-1).mean()
    if config.ssim_weight:
        similarity = mean_ssim(batch.reference.abs(), modulus(image), IMAGE_MAXIMUM)
        loss = loss + config.ssim_weight * (1 - similarity)
    return loss


def _interval(step: int, config: TrainingConfig) -> int:
    """Return the steps from one validation to the next."""
    return config.validate_every * (10 if step <= config.estimate_steps else 1)


def _schedule(step: int, config: TrainingConfig) -> float:
    """Linear warm-up, then half a cosine to a hundredth; once for each phase."""
    length = config.estimate_steps
    if step >= length:
        step, length = step - length, config.steps - length
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, length - config.warmup_steps)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))


def _optimizer(model: Trainable, config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW; the scalar weight of the low-pass needs a much larger rate than the network."""
    groups: list[dict[str, Any]] = [{"params": model.weights(), "peak": config.learning_rate}]
    if model.scalars():
        groups.append(
            {
                "params": model.scalars(),
                "peak": config.scalar_learning_rate,
                "weight_decay": 0.0,
            }
        )
    return torch.optim.AdamW(
        groups, lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.98)
    )


def _validate(
    model: Trainable, scans: list[Any], config: TrainingConfig, fabric: Fabric
) -> dict[str, float]:
    model.eval()
    dictionary = Dictionary.load(config.dictionary or VALIDATION_DICTIONARY)
    return _scored(model, [scan.to(fabric.device) for scan in scans], dictionary)


@torch.no_grad()
def _scored(model: Trainable, scans: list[Any], dictionary: Dictionary) -> dict[str, float]:
    both = [model.with_estimate(scan, dictionary) for scan in scans]
    figures = score(scans, [image for image, _ in both])
    estimates = [estimate for _, estimate in both if estimate is not None]
    if estimates:
        other = score(scans, estimates)
        figures |= {"estimate_ssim": other["ssim"], "estimate_mse": other["mse"]}
    return figures


def _finish(
    model: Trainable,
    scans: list[Any],
    config: TrainingConfig,
    state: dict[str, Any],
    path: Path,
    names: list[str],
) -> None:
    """Measure the yardstick on the validation scans and write the weights with both figures."""
    model.to("cpu").eval()
    dictionary = Dictionary.load(config.dictionary or VALIDATION_DICTIONARY)
    training = {
        "data": names,
        "seed": config.seed,
        "steps": state["step"],
        "images": state["images"],
        "minutes": round(state["minutes"], 1),
        "config": config.model_dump(mode="json"),
    }
    if "start" in state:
        training["start"] = state["start"]
    validation: dict[str, Any] = {
        "data": list(config.validation_files),
        "settings": "4 axial slices, central half of k-space along both directions, noise "
        f"variance 0.2, {dictionary.name}, magnitude SSIM with data range 10",
        "network": _scored(model, scans, dictionary),
        "initial": score(scans, [initial_image(scan) for scan in scans]),
    }
    if isinstance(model, UnrolledReconstruction):
        scalar, scalar_figures = best_scalar(model, scans, dictionary)
        validation["best scalar"] = {"noise units": scalar} | scalar_figures
    model.save(path, training, validation)


def _resume(
    model: Trainable,
    optimizer: torch.optim.Optimizer,
    config: TrainingConfig,
    output: Path,
) -> dict[str, Any]:
    saved = read_checkpoint(output, config.model_dump_json())
    if saved is None:
        return {"step": 0, "images": 0, "minutes": 0.0}
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    return dict(saved["state"])


def _save(
    model: Trainable,
    optimizer: torch.optim.Optimizer,
    config: TrainingConfig,
    state: dict[str, Any],
    output: Path,
) -> None:
    write_checkpoint(
        output,
        config.model_dump_json(),
        model=model.state_dict(),
        optimizer=optimizer.state_dict(),
        state=state,
    )


def _less(minutes: float | None, started: float) -> float | None:
    return None if minutes is None else minutes - (time.monotonic() - started) / 60
