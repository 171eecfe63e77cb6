"""ISMRMRD / MRD raw data in HDF5: readouts with a header each, and an XML header; or images.

Conventions assumed where the standard leaves them open: a readout flagged as reversed runs against
rising kx, and the samples tell how its centre sample is counted; the stored position is that of
pixel ``n // 2``; stored trajectories are scaled as `ismrmrd_trajectory.scaled_positions` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.noncartesian import NonCartesianAcquisition
from napari_csc.core.acquisition.notes import add_note
from napari_csc.core.acquisition.orientation import affine_of_slices
from napari_csc.errors import CscError
from napari_csc.io.formats.ismrmrd.believed import believed
from napari_csc.io.formats.ismrmrd.geometry import affine_of, ordered_slices, spacing_of
from napari_csc.io.formats.ismrmrd.grid import gridded
from napari_csc.io.formats.ismrmrd.header import Encoding, ScanHeader
from napari_csc.io.formats.ismrmrd.images import image_series, load_images
from napari_csc.io.formats.ismrmrd.readouts import Chosen, Readouts, chosen_readouts
from napari_csc.io.formats.ismrmrd.repeats import without_other_sets
from napari_csc.io.formats.ismrmrd.trajectory import along_trajectory
from napari_csc.io.headers.mr_header import times
from napari_csc.io.requests import SLICE_COUNT, LoadRequest
from napari_csc.storage.hdf5.safety import is_hdf5, own_dataset, own_item, own_text
from napari_csc.storage.open_file import OpenFile

if TYPE_CHECKING:
    import h5py

# Fewer samples do not tell how the noise of the coils hangs together.
_FEWEST_PER_COIL = 10
_MOST_NOISE_SAMPLES = 2**20


def sniff(source: OpenFile) -> bool:
    """Return whether this is HDF5 with a group of readouts, of images, or an XML header."""
    return is_hdf5(source.head) and bool(_groups(source.hdf5))


def load_ismrmrd(source: OpenFile, request: LoadRequest) -> Acquisition:
    """Return one image series of a file, of the asked-for slices.

    A group without readouts is read as images, and so is one with both if images are asked for.

    ``key`` chooses among several, such as ``"encoding=1,repetition=2"``; names are group, encoding,
    contrast, phase, repetition, set and average. Without it the first of each is taken, and
    averages are averaged. ``metadata["choices"]`` tells what else there is.
    """
    group_name, key = _split_key(request.key)
    path = source.path
    group, others = _group(source.hdf5, path, group_name)
    if image_series(group) and ("data" not in group or request.kind == "image"):
        images = load_images(group, path, request, key)
        return images if request.slice is None else images.select(request.slice)
    request.refuse_what_the_file_states(path, "axes")
    header = ScanHeader.of(own_text(group, "xml", path), path)
    every = Readouts.of(own_dataset(group, "data", path), path)
    return scan_of(every, header, request, key, {"group": others} if others else {})


def scan_of(
    every: Readouts,
    header: ScanHeader,
    request: LoadRequest,
    key: str,
    others: dict[str, str] | None = None,
) -> Acquisition:
    """Return one image series of readouts, of the asked-for slices.

    Parameters
    ----------
    every
        All readouts, those of noise and navigators among them.
    header
        What the header tells of them.
    request
        What is asked for.
    key
        Of it what chooses among the readouts; see `load_ismrmrd`.
    others
        Choices that were made before, for people.

    Raises
    ------
    CscError
        If readouts and header do not make an image.
    """
    path = every.path
    chosen = chosen_readouts(every, key)
    if chosen.encoding >= len(header.encodings):
        raise CscError(
            f"Readouts in {path.name} belong to encoding {chosen.encoding}, but its header has "
            f"{len(header.encodings)}; convert the scan again."
        )
    metadata: dict[str, Any] = {"path": str(path), "format": "ISMRMRD", "kind": "k-space"}
    if request.key is not None:
        metadata["key"] = request.key
    metadata["header"] = _table(header, chosen)
    choices = {**(others or {}), **chosen.choices}
    if choices:
        metadata["choices"] = "; ".join(f"{name} {text}" for name, text in choices.items())
    if chosen.skipped:
        metadata["skipped"] = ", ".join(f"{count} {what}" for what, count in chosen.skipped.items())
    return _acquisition(chosen, header, request, metadata)


def _groups(file: h5py.File) -> list[str]:
    """Return the names of the groups of readouts or of images."""
    import h5py

    found = []
    for name in file:
        group = own_item(file, name)
        if not isinstance(group, h5py.Group):
            continue
        data = own_item(group, "data")
        fields = data.dtype.names if isinstance(data, h5py.Dataset) else None
        is_raw = {"head", "data"} <= set(fields or ())
        if is_raw or own_item(group, "xml") is not None or image_series(group):
            found.append(name)
    return found


def _group(file: h5py.File, path: Path, wanted: str | None) -> tuple[h5py.Group, str]:
    """Return the group to read and, if there are several, what there is."""
    names = _groups(file)
    # Converters name a single one so; of several measurements the last one is the scan itself.
    name = wanted or ("dataset" if "dataset" in names else names[-1])
    if name not in names:
        raise CscError(f"{path.name} has no group {name!r}; it has {', '.join(names)[:100]}.")
    return file[name], f"{name} of {', '.join(names)[:100]}" if len(names) > 1 else ""


def _split_key(key: str | None) -> tuple[str | None, str]:
    """Return the name of the group that a key asks for, and the rest of the key."""
    parts = [part.strip() for part in (key or "").split(",")]
    group = [part[len("group=") :] for part in parts if part.startswith("group=")]
    return (group[-1] if group else None), ",".join(p for p in parts if not p.startswith("group="))


def _table(header: ScanHeader, chosen: Chosen) -> dict[str, str]:
    table = header.told.table(chosen.encoding)
    table["Coils"] = str(int(chosen.imaging.heads["active_channels"][0]))
    if len(header.encodings) > 1:
        each = (
            f"{number}: {one.trajectory} {times(one.matrix)}"
            for number, one in enumerate(header.encodings[:8])
        )
        table["Encodings"] = f"{'; '.join(each)} (shown: {chosen.encoding})"
    return table


@dataclass
class _Series:
    """What is known of an image series before its samples are read; ``metadata`` is added to."""

    readouts: Readouts
    noise: Readouts
    navigators: Readouts
    slices: list[int]
    encoding: Encoding
    noise_bandwidth: float
    request: LoadRequest
    metadata: dict[str, Any]

    @property
    def coils(self) -> int:
        return int(self.readouts.heads["active_channels"][0])

    @property
    def coil(self) -> int | None:
        asked = self.request.coil
        return None if asked is None or isinstance(asked, str) else int(asked)


def _acquisition(
    chosen: Chosen, header: ScanHeader, request: LoadRequest, metadata: dict[str, Any]
) -> Acquisition:
    path = chosen.imaging.path
    coils = np.unique(chosen.imaging.heads["active_channels"]).tolist()
    if len(coils) > 1 or coils[0] == 0:
        raise CscError(
            f"The readouts in {path.name} have different numbers of coils "
            f"({', '.join(str(one) for one in coils[:6])}); convert the scan again."
        )
    if not (request.coil is None or isinstance(request.coil, str)):
        if not 0 <= int(request.coil) < coils[0]:
            raise CscError(
                f"Coil {request.coil} does not exist; the coils are 0 to {coils[0] - 1}."
            )
        metadata["coil"] = int(request.coil)
    encoding, imaging, notes = believed(header.encodings[chosen.encoding], chosen.imaging)
    add_note(metadata, *notes)
    slices = ordered_slices(imaging)
    is_volume = encoding.is_cartesian and encoding.matrix[2] > 1
    if is_volume and len(slices) > 1:
        raise CscError(
            f"{path.name} holds {len(slices)} slabs of a 3-D scan, and one is reconstructed at a "
            "time; convert one slab."
        )
    spacing, unit = spacing_of(imaging, encoding, slices)
    shape = (encoding.matrix[2], *encoding.image_shape[1:])
    affine = affine_of(imaging, slices, spacing, shape) if unit == "mm" else None
    numbers = [0] if is_volume else request.slice_numbers(len(slices))
    if not is_volume:
        metadata[SLICE_COUNT] = len(slices)
    if affine is not None and not is_volume:
        affine = affine_of_slices(affine, numbers)
    if affine is not None:
        metadata["affine"] = affine
    kept = [slices[number] for number in numbers]
    readouts = imaging[np.isin(imaging.counter("slice"), kept)]
    series = _Series(
        readouts,
        chosen.noise,
        chosen.navigators,
        kept,
        encoding,
        header.noise_bandwidth,
        request,
        metadata,
    )
    geometry = {"spacing": spacing, "unit": unit}
    if not encoding.is_cartesian:
        return _non_cartesian(series, geometry)
    acquisition = _cartesian(series, geometry)
    if is_volume and request.slice is not None:
        return acquisition.select(request.slice)
    return acquisition


def _cartesian(series: _Series, geometry: dict[str, Any]) -> Acquisition:
    encoding, request, metadata = series.encoding, series.request, series.metadata
    # A slice may be asked for twice, but is placed once.
    once = list(dict.fromkeys(series.slices))
    repeats = without_other_sets(series.readouts)
    found = gridded(repeats.readouts, encoding, once, series.navigators)
    add_note(metadata, repeats.note, *found.notes)
    if repeats.choice:
        _add_choice(metadata, repeats.choice)
    width = found.kspace.shape[-1]
    if width < encoding.matrix[0]:
        metadata["oversampling"] = (
            f"removed along the readout, {encoding.matrix[0]} to {width} columns"
        )
    kspace = found.kspace
    if series.coil is not None:
        kspace = kspace[:, series.coil : series.coil + 1]
    measured = found.noise_std if repeats.is_noise else None
    noise = _noise(series, found.averages, found.mean_variance, measured)
    options = {**geometry, **noise, "coil_maps": request.coil_maps, "metadata": metadata}
    mask = np.ones(kspace.shape[-2:], bool) if isinstance(request.mask, str) else request.mask
    if encoding.matrix[2] == 1:
        kspace = kspace[[once.index(one) for one in series.slices], :, 0]
        mask = found.sampled[0] if mask is None else mask
        return Acquisition.from_kspace(kspace, mask=mask, **options)
    metadata["transformed"] = "the phase-encoded direction kz was transformed to slices"
    mask = found.sampled if mask is None else mask
    acquisition = Acquisition.from_volume_kspace(kspace[0], mask=mask, **options)
    depth, keep = encoding.matrix[2], encoding.image_shape[0]
    start = depth // 2 - keep // 2
    return acquisition if keep == depth else acquisition.select(range(start, start + keep))


def _add_choice(metadata: dict[str, Any], choice: str) -> None:
    told = metadata.get("choices")
    metadata["choices"] = f"{told}; {choice}" if told else choice


def _non_cartesian(series: _Series, geometry: dict[str, Any]) -> Acquisition:
    request, metadata = series.request, series.metadata
    if request.mask is not None:
        raise CscError(
            f"{series.readouts.path.name} holds samples along a trajectory, which has no mask; "
            "leave the mask out."
        )
    found = along_trajectory(series.readouts, series.encoding, series.slices)
    metadata["trajectory_scaling"] = found.scaling
    kspace = found.kspace
    if series.coil is not None:
        kspace = kspace[:, series.coil : series.coil + 1]
    noise = _noise(series, found.averages, 1 / found.averages, found.noise_std)
    return NonCartesianAcquisition.from_trajectory(
        kspace,
        found.positions,
        found.shape,
        coil_maps=request.coil_maps,
        metadata=metadata,
        **geometry,
        **noise,
    )


def _noise(
    series: _Series, averages: int, mean_variance: float, measured: float | None
) -> dict[str, Any]:
    """Return ``noise_std`` and ``noise_scan`` for an acquisition.

    Noise readouts give the noise level where the dwell times are known: the variance of a sample
    goes with the bandwidth, and averaging lowers it. Else differences of averages give it.
    """
    request, metadata = series.request, series.metadata
    if averages > 1:
        metadata["repeats_averaged"] = averages
        if measured is not None and request.noise_std is None:
            metadata["noise"] = "measured from the differences of the repeats"
    level = measured if request.noise_std is None else request.noise_std
    if request.noise_scan is not None:
        return {"noise_std": level, "noise_scan": request.noise_scan}
    noise = series.noise[series.noise.heads["active_channels"] == series.coils]
    lines, count = [], 0
    for _, samples in noise.samples():
        lines.append(samples)
        count += samples.shape[1]
        if count > _MOST_NOISE_SAMPLES:
            break
    if count < _FEWEST_PER_COIL * series.coils:
        return {"noise_std": level}
    scan = np.concatenate(lines, axis=1)
    if series.coil is not None:
        scan = scan[series.coil : series.coil + 1]
    dwell = float(series.readouts.heads["sample_time_us"][0])
    noise_dwell = float(noise.heads["sample_time_us"][0])
    if 0 < dwell < np.inf and 0 < noise_dwell < np.inf:
        ratio = noise_dwell / (dwell * series.noise_bandwidth)
        return {
            "noise_std": request.noise_std,
            "noise_scan": scan * np.float32(np.sqrt(ratio * mean_variance)),
        }
    # Of unknown bandwidth, the noise readouts tell how the coils share noise, not how much it is.
    return {"noise_std": level, "noise_scan": scan * np.float32(np.sqrt(mean_variance))}
