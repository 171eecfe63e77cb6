"""Train a map network and a dictionary together; what was begun goes on to the same weights."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric

from napari_csc.core.maps import (
    WeightMetadata,
    build_map_network,
    load_map_network,
    map_network_metadata,
)
from napari_csc.core.maps.encoding import EncodingNetwork
from napari_csc.errors import CscError
from napari_csc.learn.training.config import JointConfig, StepSizes
from napari_csc.learn.training.images.packed import PackedSlices
from napari_csc.learn.training.images.scanner import TrainingImages
from napari_csc.learn.training.joint import checkpoint
from napari_csc.learn.training.joint.averages import Averages
from napari_csc.learn.training.joint.checkpoint import Progress
from napari_csc.learn.training.joint.dictionaries import first_filters
from napari_csc.learn.training.joint.look import final_figures, look
from napari_csc.learn.training.joint.misfits import usual_misfit
from napari_csc.learn.training.joint.model import JointModel
from napari_csc.learn.training.joint.plan import Plan, planned
from napari_csc.learn.training.joint.scans import read_scans
from napari_csc.learn.training.joint.steps import Steps
from napari_csc.learn.training.joint.weights import write_weights
from napari_csc.learn.training.joint.widening import widened
from napari_csc.learn.training.log import append_row

Report = Callable[[str], None]

_PACKED = "slices.npz"
_TELL_EVERY = 25
# A machine that became slower may take so much more time than planned.
_PATIENCE = 1.25
# Trial steps that only measure the speed take other random numbers.
_TRIALS = 10**9


def train_jointly(
    config: JointConfig,
    data: str | Path,
    output: str | Path,
    max_minutes: float | None = None,
    report: Report = print,
    *,
    start: str | Path | None = None,
    scans: str | Path | None = None,
    accelerator: str = "auto",
    measured_seconds: float = 30.0,
) -> Path:
    """Train and write the weights and the dictionary; go on from the checkpoint if there is one.

    Parameters
    ----------
    config
        The configuration; a checkpoint of another one is refused.
    data
        A file of packed slices, or a folder of volumes to make one of.
    output
        Folder for checkpoint, log, weights and dictionary.
    max_minutes
        The time. Where the configuration gives no steps, the speed is measured once and as many
        steps are done as fit; else it stops with a checkpoint after this time.
    report
        Receives lines of progress.
    start
        Weight file to begin with instead of fresh weights.
    scans
        Folder of one's own scans, to fine-tune on without a truth.
    accelerator
        ``"cpu"``, ``"cuda"``, ``"mps"``, or ``"auto"``.
    measured_seconds
        How long to measure the speed.

    Returns
    -------
    Path
        The weight file; of the dictionary where the network is held.

    Raises
    ------
    CscError
        If data, start or checkpoint do not fit, or neither steps nor time are given.
    """
    began = time.monotonic()
    if start is not None:
        config = _like_start(config, start)
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    slices = _slices(data, config, output, report)
    fabric = Fabric(accelerator=accelerator, devices=1)
    fabric.launch()
    training = _Training(config, slices, output, fabric, report, scans)
    progress = training.begin(start, max_minutes, measured_seconds)
    limit = math.inf if max_minutes is None else 60 * max_minutes
    if not config.steps and progress.step == 0:
        limit *= _PATIENCE
    return training.run(progress, began, limit)


class _Training:
    """A training at work."""

    def __init__(
        self,
        config: JointConfig,
        slices: PackedSlices,
        output: Path,
        fabric: Fabric,
        report: Report,
        scans: str | Path | None,
    ) -> None:
        self.config, self.slices, self.output, self.report = config, slices, output, report
        self.device, self.fabric = fabric.device, fabric
        is_cpu = self.device.type == "cpu"
        self.sizes = config.cpu if is_cpu else config.accelerator
        if self.device.type == "cuda":
            torch.set_float32_matmul_precision("high")
        torch.manual_seed(config.seed)  # fresh weights only; the data have their own generators
        self.model = fresh_model(config, self.sizes).to(self.device)
        self.averages = Averages(self.model, config.averaging)
        self.optimizer = _optimizer(self.model, config)
        # The filters are of unit norm: they count only where nothing else is learned.
        self._bounded = learned_parts(self.model) or [self.model.learned]
        self.steps = Steps(
            config,
            self.sizes,
            TrainingImages(slices, config.images, self.device, config.seed),
            [] if scans is None else read_scans(scans, report),
            config.half_precision == "bf16" and not is_cpu,
        )
        self.plan = Plan(0, 0)

    def begin(
        self, start: str | Path | None, max_minutes: float | None, seconds: float
    ) -> Progress:
        """Take over checkpoint or start, and plan what is not planned yet."""
        parts = self.config, self.model, self.averages, self.optimizer
        found = checkpoint.load(self.output, *parts)
        if found is not None:
            self.plan, progress = found
            self.report(f"going on after step {progress.step} of {self.plan.steps}")
            return progress
        if self.config.hold != "nothing" and start is None:
            raise CscError(
                f"To hold the {self.config.hold}, name the weights that it begins with (start)."
            )
        progress = Progress(scans=[one.name for one in self.steps.scans])
        if start is not None:
            progress.start = self._load_start(Path(start))
        self.plan = planned(
            self.config, start is not None, max_minutes, self._trial(), self.report, seconds
        )
        self._save(progress)
        return progress

    def run(self, progress: Progress, began: float, limit: float) -> Path:
        """Do all steps that are left, or as many as there is time for."""
        since = looked = began
        while progress.step < self.plan.steps:
            loss = self._step(progress)
            progress.step += 1
            now = time.monotonic()
            if progress.step % _TELL_EVERY == 0:
                self.report(f"step {progress.step} of {self.plan.steps}: loss {loss:.4f}")
            is_late, is_done = now - began > limit, progress.step == self.plan.steps
            if not (is_late or is_done or now - looked > 60 * self.config.look_minutes):
                continue
            progress.minutes += (now - since) / 60
            since = now
            if not is_done:
                self._look(progress, loss)
            self._save(progress)
            looked = time.monotonic()
            if is_late and not is_done:
                self.report("the time is over; run it again to go on")
                return self._write(progress, {})
        return self._finish(progress)

    def _step(self, progress: Progress) -> float:
        """Do one step of the optimiser."""
        step, config = progress.step, self.config
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * self.plan.rate(step, config.warmup_steps)
        loss, count = self.steps.loss(self.model, step, step < self.plan.estimate_steps)
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        size = torch.nn.utils.clip_grad_norm_(self._bounded, 1.0)
        if bool(torch.isfinite(size)):
            self.optimizer.step()
            self.averages.update(self.model, step)
        else:
            progress.skipped += 1
            if progress.skipped > 0.05 * (step + 200):
                raise CscError(
                    f"The training of {config.name} became infinite; lower the learning rate and "
                    "start again from an empty folder."
                )
        progress.images += count
        return float(loss.detach())

    def _trial(self) -> Callable[[bool, int], None]:
        """Return a function that does a step on a copy."""
        model = copy.deepcopy(self.model).train()
        optimizer = _optimizer(model, self.config)

        def step(estimate_alone: bool, number: int) -> None:
            loss, _ = self.steps.loss(model, _TRIALS + number, estimate_alone)
            optimizer.zero_grad(set_to_none=True)
            self.fabric.backward(loss)
            optimizer.step()
            float(loss.detach())  # waits for the device

        return step

    def _load_start(self, path: Path) -> dict[str, Any]:
        """Take over the weights to begin with; return where they come from."""
        network = load_map_network(path)
        channels = self.model.network.config.channels
        begun = network
        if isinstance(network, EncodingNetwork) and channels > network.config.channels:
            begun = widened(network, channels)
        try:
            for model in (self.model, self.averages.model):
                model.network.load_state_dict(begun.state_dict())
        except RuntimeError as error:
            raise CscError(f"{path.name} holds no weights for this architecture.") from error
        told = network.metadata.training
        return {"file": path.name, "digest": network.digest, "training": told}

    def _look(self, progress: Progress, loss: float) -> None:
        """Validate the averaged weights and log."""
        chosen = list(self.slices.validation[: self.config.looked_at])
        figures = look(self.averages.model, chosen, self.device)
        row = {
            "step": progress.step,
            "images": progress.images,
            "minutes": round(progress.minutes, 2),
            "loss": round(loss, 4),
        }
        append_row(self.output / "log.csv", row | figures)
        self.report(str(row | figures))
        self._write(progress, {"in between": figures})

    def _save(self, progress: Progress) -> None:
        parts = self.model, self.averages, self.optimizer
        checkpoint.save(self.output, self.config, self.plan, progress, *parts)

    def _write(self, progress: Progress, figures: dict[str, Any]) -> Path:
        parts = self.config, self.plan, progress, self.slices, figures
        files = write_weights(self.output, self.averages.model, *parts)
        return files[int(self.config.hold == "network")]

    def _finish(self, progress: Progress) -> Path:
        figures = final_figures(self.averages.model, list(self.slices.validation), self.device)
        self.report(str(figures["network"] | figures["by noise variance"]))
        if self.config.hold == "network":
            return self._write(progress, figures)
        model, images = self.averages.model, list(self.slices.validation)
        model.network.metadata = model.network.metadata.model_copy(
            update={"usual_misfit": usual_misfit(model, images, self.device)}
        )
        return self._write(progress, figures)


def fresh_model(config: JointConfig, sizes: StepSizes) -> JointModel:
    """Return what a configuration trains, with fresh weights."""
    assert config.architecture is not None
    network = build_map_network(
        WeightMetadata(
            name=config.name,
            architecture=config.architecture,
            solver=config.solver,
            iterations=config.iterations,
            norm=config.norm,
            rule=config.rule,
            smooth=config.smooth,
            smooth_widths=config.smooth_widths,
        )
    )
    if not isinstance(network, EncodingNetwork):
        raise CscError("Together with a dictionary only networks that estimate images are trained.")
    model = JointModel(network, first_filters(config), sizes.halo)
    held = {"nothing": None, "encoder": network.encoder, "network": network}[config.hold]
    if held is not None:
        held.requires_grad_(False)
    return model


def _like_start(config: JointConfig, start: str | Path) -> JointConfig:
    """Return the configuration with what a network to begin with brings along.

    Its maps are multiplied as they were, and its encoder becomes no narrower.
    """
    found, asked = map_network_metadata(start).architecture, config.architecture
    if asked is None or found.kind != asked.kind:
        return config
    change: dict[str, Any] = {"channels": max(asked.channels, found.channels)}
    if "scale" not in asked.model_fields_set:
        change["scale"] = found.scale
    return config.model_copy(update={"architecture": asked.model_copy(update=change)})


def learned_parts(model: JointModel) -> list[torch.nn.Parameter]:
    """Return what of the network is learned."""
    return [one for one in model.network.parameters() if one.requires_grad]


def _slices(data: str | Path, config: JointConfig, output: Path, report: Report) -> PackedSlices:
    """Return the packed slices: of a file, of an earlier call, or of a folder of volumes."""
    data, packed = Path(data), output / _PACKED
    if data.is_file():
        return PackedSlices.load(data)
    if not packed.is_file():
        # Only here: volumes need readers of their formats.
        from napari_csc.learn.training.images.packing import pack_slices

        files = config.train_files, config.validation_files
        heads = config.images.n_heads
        pack_slices(data, *files, config.seed, report, heads).save(packed)
    return PackedSlices.load(packed)


def _optimizer(model: JointModel, config: JointConfig) -> torch.optim.Optimizer:
    """AdamW; the filters have a rate of their own and no decay, being of unit norm."""
    groups: list[dict[str, Any]] = [
        {"params": [model.learned], "peak": config.dictionary_rate, "weight_decay": 0.0},
    ]
    if learned := learned_parts(model):
        groups.insert(0, {"params": learned, "peak": config.learning_rate})
    return torch.optim.AdamW(
        groups, lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.98)
    )
