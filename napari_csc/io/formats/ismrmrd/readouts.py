"""The readouts of an ISMRMRD file: their headers in bulk, the choice among them, their samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_csc.errors import CscError
from napari_csc.storage.content import LARGEST_BYTES, Array
from napari_csc.storage.hdf5.heaps import check_heaps
from napari_csc.storage.hdf5.rows import fixed_member, references, stored_rows
from napari_csc.storage.hdf5.safety import check_claim, check_lengths

if TYPE_CHECKING:
    import h5py

# Numbers of the flags in the standard; bit n - 1 of the field.
NOISE, CALIBRATION, CALIBRATION_AND_IMAGING, REVERSE = 19, 20, 21, 22
PHASE_CORRECTION = 24
SKIPPED = {
    23: "navigator",
    PHASE_CORRECTION: "phase correction",
    26: "feedback",
    27: "dummy",
    28: "feedback",
    29: "surface coil correction",
    30: "phase stabilisation",
    31: "phase stabilisation",
}
_COMPRESSED = (53, 54, 55, 56)
CHOICES = ("encoding", "contrast", "phase", "repetition", "set", "average")
APART = ("segment", *(f"user_{number}" for number in range(8)))
"""Counters that tell repeated lines apart in some files; all are taken unless one is asked for."""
_FIELDS = (
    *("flags", "number_of_samples", "active_channels", "discard_pre", "discard_post"),
    *("center_sample", "encoding_space_ref", "trajectory_dimensions", "sample_time_us"),
    *("position", "read_dir", "phase_dir", "slice_dir", "idx"),
)
_COUNTERS = ("kspace_encode_step_1", "kspace_encode_step_2", "slice", *CHOICES[1:])
_BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Readouts:
    """Some readouts of a file; samples are read when asked for.

    Attributes
    ----------
    dataset : h5py.Dataset or None
        All readouts of the file; None if they are held in memory.
    heads : ndarray
        Headers of the chosen ones, structured as in the file.
    rows : ndarray
        Where these stand in the data set, rising.
    path : Path
        The file, for messages.
    heaps : ndarray or None
        Where trajectory and samples of each stand in the file, 0 for none, (readout, 2); None if
        these places have been looked at already.
    """

    dataset: h5py.Dataset | None
    heads: Array
    rows: npt.NDArray[np.intp]
    path: Path
    heaps: npt.NDArray[np.uint64] | None = None

    @classmethod
    def of(cls, dataset: h5py.Dataset, path: Path) -> Readouts:
        """Read the headers of all readouts, and compare what they claim with the file.

        Raises
        ------
        CscError
            If these are no ISMRMRD readouts, or the file is shorter than they claim.
        """
        if not _are_readouts(dataset):
            raise CscError(
                f"The data in {path.name} are no ISMRMRD readouts; convert the scan again."
            )
        head = dataset.dtype["head"]
        counters = head["idx"].names if "idx" in (head.names or ()) else ()
        if not set(_FIELDS) <= set(head.names or ()) or not set(_COUNTERS) <= set(counters or ()):
            raise CscError(
                f"The readouts in {path.name} lack parts of the ISMRMRD header; convert the scan "
                "again with a newer converter."
            )
        if not len(dataset):
            raise CscError(f"{path.name} holds no readouts; convert the scan again.")
        rows = stored_rows(dataset, path)
        heads = None if rows is None else fixed_member(dataset, rows, "head")
        heaps = None
        if rows is None or heads is None:
            # Before the headers: to read these, the HDF5 library looks at the samples, too.
            for name in ("traj", "data"):
                check_lengths(dataset, path, 4, name)
            heads = dataset.fields("head")[:]
        else:
            heaps = _heaps(dataset, rows, path)
        values = heads["number_of_samples"].astype(np.int64) * heads["active_channels"]
        claimed = 8 * int(values.sum())
        if claimed > min(path.stat().st_size, LARGEST_BYTES):
            raise CscError(
                f"The readouts in {path.name} claim {claimed / 2**20:.4g} MiB of samples, more "
                "than the file holds or can be read; copy or convert it again."
            )
        return cls(dataset, heads, np.arange(len(heads)), path, heaps)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: npt.NDArray[Any]) -> Readouts:
        """Return some of these, by mask or rising numbers."""
        heaps = None if self.heaps is None else self.heaps[chosen]
        return replace(self, heads=self.heads[chosen], rows=self.rows[chosen], heaps=heaps)

    def counter(self, name: str) -> npt.NDArray[np.int64]:
        """Return a counter of each readout; ``"encoding"`` is its encoding space.

        Those that a file lacks are zero; ``"user_3"`` is one of eight.
        """
        if name == "encoding":
            return np.asarray(self.heads["encoding_space_ref"], dtype=np.int64)
        counters = self.heads["idx"]
        kind, _, number = name.partition("_")
        if kind == "user":
            found = np.zeros(len(self))
            of_users = counters["user"] if "user" in (counters.dtype.names or ()) else found
            if of_users.ndim == 2 and int(number) < of_users.shape[1]:
                found = of_users[:, int(number)]
        elif name in APART and name not in (counters.dtype.names or ()):
            found = np.zeros(len(self))
        else:
            found = counters[name]
        return np.asarray(found, dtype=np.int64)

    def has(self, *flags: int) -> npt.NDArray[np.bool_]:
        """Return which readouts have one of the flags."""
        wanted = np.uint64(sum(1 << (flag - 1) for flag in flags))
        found: npt.NDArray[np.bool_] = (self.heads["flags"].astype(np.uint64) & wanted) != 0
        return found

    @property
    def is_reversed(self) -> npt.NDArray[np.bool_]:
        """Which readouts run against rising kx."""
        return self.has(REVERSE)

    def samples(self) -> Iterator[tuple[int, npt.NDArray[np.complex64]]]:
        """Give number and samples (coil, sample) of each, along rising kx, without discarded ones.

        Raises
        ------
        CscError
            If the samples are not as many as the header says.
        """
        is_reversed = self.is_reversed
        for number, values in self._values("data"):
            head = self.heads[number]
            shape = (int(head["active_channels"]), int(head["number_of_samples"]))
            if values.size != 2 * shape[0] * shape[1]:
                raise self._mismatch("samples")
            line = np.ascontiguousarray(values, np.float32).view(np.complex64).reshape(shape)
            line = line[:, self._kept(head)]
            yield number, line[:, ::-1] if is_reversed[number] else line

    def trajectories(self) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        """Give number and positions (sample, direction) of each, in the order of the samples."""
        is_reversed = self.is_reversed
        for number, values in self._values("traj"):
            head = self.heads[number]
            shape = (int(head["number_of_samples"]), int(head["trajectory_dimensions"]))
            if values.size != shape[0] * shape[1]:
                raise self._mismatch("positions")
            line = np.asarray(values, np.float32).reshape(shape)[self._kept(head)]
            yield number, line[::-1] if is_reversed[number] else line

    def _kept(self, head: Any) -> slice:
        count = int(head["number_of_samples"])
        before, behind = int(head["discard_pre"]), int(head["discard_post"])
        if before + behind >= count:
            raise CscError(
                f"A readout in {self.path.name} discards all of its {count} samples; convert the "
                "scan again."
            )
        return slice(before, count - behind)

    def _values(self, name: str) -> Iterator[tuple[int, Array]]:
        """Give number and stored values of each; neighbours in the file are read together."""
        if not len(self) or self.dataset is None:
            return
        if self.heaps is not None:
            check_heaps(self.dataset, self.path, sorted(set(self.heaps[self.heaps > 0].tolist())))
        samples = self.heads["number_of_samples"].astype(np.int64)
        sizes = 8 * samples * np.maximum(1, self.heads["active_channels"])
        field = self.dataset.fields(name)
        # A new block where rows are left out, or enough has come together.
        start, held = 0, 0
        for stop in range(1, len(self) + 1):
            held += int(sizes[stop - 1])
            if (
                stop == len(self)
                or self.rows[stop] != self.rows[stop - 1] + 1
                or (held > _BLOCK_BYTES)
            ):
                block = field[int(self.rows[start]) : int(self.rows[stop - 1]) + 1]
                yield from enumerate(block, start)
                start, held = stop, 0

    def _mismatch(self, what: str) -> CscError:
        return CscError(
            f"A readout in {self.path.name} has not as many {what} as its header says; it is "
            "damaged, so copy or convert it again."
        )


@dataclass(frozen=True)
class Chosen:
    """The readouts of one image series.

    Attributes
    ----------
    imaging, noise, navigators : Readouts
        Those to reconstruct, those without signal, and those for the phase of odd and even lines.
    encoding : int
        Number of their encoding.
    choices : dict
        What was chosen where the file holds several: label to text for people.
    skipped : dict
        Count of the readouts that are no image, by purpose.
    """

    imaging: Readouts
    noise: Readouts
    navigators: Readouts
    encoding: int
    choices: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)


def chosen_readouts(every: Readouts, key: str | None) -> Chosen:
    """Return the readouts that a key asks for, the first of everything without one.

    Parameters
    ----------
    every
        All readouts of the file.
    key
        Such as ``"encoding=1,repetition=2"``, with names of `CHOICES`.

    Raises
    ------
    CscError
        If the key is none, or there are no such readouts.
    """
    asked = parsed_key(key)
    if every.has(*_COMPRESSED).any():
        raise CscError(
            f"The samples in {every.path.name} are compressed; convert the scan without "
            "compression."
        )
    is_noise = every.has(NOISE)
    only_calibration = every.has(CALIBRATION) & ~every.has(CALIBRATION_AND_IMAGING)
    others = {**SKIPPED, CALIBRATION: "calibration"}
    skipped: dict[str, int] = {}
    is_imaging = ~is_noise
    for flag, what in others.items():
        found = only_calibration if flag == CALIBRATION else every.has(flag)
        count = int((found & is_imaging).sum())
        if count:
            skipped[what] = skipped.get(what, 0) + count
        is_imaging = is_imaging & ~found
    imaging, choices = every[is_imaging], {}
    if not len(imaging):
        raise CscError(
            f"{every.path.name} holds no readouts of an image, only noise, calibration or "
            "navigators; choose another file."
        )
    for name in (*CHOICES, *APART):
        present = np.unique(imaging.counter(name)).tolist()
        # Averages are averaged, unless one is asked for.
        if name in ("average", *APART) and name not in asked:
            continue
        wanted = asked.get(name, present[0])
        if wanted not in present:
            raise CscError(
                f"{every.path.name} has no {name} {wanted} among the readouts chosen so far; "
                f"there is {_listed(present)}."
            )
        if len(present) > 1:
            choices[name] = f"{wanted} of {_listed(present)}"
        imaging = imaging[imaging.counter(name) == wanted]
    return Chosen(
        imaging,
        every[is_noise],
        every[every.has(PHASE_CORRECTION) & ~is_noise],
        int(imaging.counter("encoding")[0]),
        choices,
        skipped,
    )


def parsed_key(key: str | None) -> dict[str, int]:
    """Return what a key such as ``"repetition=1,set=0"`` asks for."""
    asked: dict[str, int] = {}
    for part in (key or "").replace(" ", "").split(","):
        name, _, number = part.partition("=")
        if part and (name not in (*CHOICES, *APART) or not (number.isascii() and number.isdigit())):
            raise CscError(
                f"The key {key!r} cannot be used; write it like 'repetition=1,contrast=0', with "
                f"{', '.join(CHOICES)}, segment, user_0 to user_7."
            )
        if part:
            asked[name] = int(number)
    return asked


def _heaps(
    dataset: h5py.Dataset, rows: npt.NDArray[np.uint8], path: Path
) -> npt.NDArray[np.uint64]:
    """Return where trajectory and samples of each readout stand; refuse absurd lengths."""
    places = []
    for name in ("traj", "data"):
        found = references(dataset, rows, name)
        check_claim(dataset, path, 4 * int(found["length"].max()))
        places.append(np.where(found["length"] > 0, found["heap"], 0))
    return np.stack(places, axis=1).astype(np.uint64)


def _are_readouts(dataset: h5py.Dataset) -> bool:
    """Return whether the type of a data set is that of ISMRMRD, before anything is read."""
    import h5py

    dtype = dataset.dtype
    if dataset.ndim != 1 or not {"head", "traj", "data"} <= set(dtype.names or ()):
        return False
    if dtype["head"].hasobject:
        return False
    return all(h5py.check_vlen_dtype(dtype[name]) == np.float32 for name in ("traj", "data"))


def _listed(numbers: list[int]) -> str:
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(str(one) for one in numbers[:12])
