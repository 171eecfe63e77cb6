"""Which dictionary, strength or network suits this scan: settings ranked by their risk."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.names import dictionary_names
from napari_csc.core.maps.cache import MapCache
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.repeat import reconstructor_like
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.trust.noise_left import check_noise
from napari_csc.core.trust.risk import Risk, paired_difference, risk_of
from napari_csc.core.trust.trials import (
    Made,
    OnProgress,
    ShouldStop,
    Steps,
    changed,
    numbers_of,
)
from napari_csc.errors import CscError

STRENGTHS = (0.35, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0)
# Differences below this many standard errors tell nothing.
_TIE = 2.0


@dataclass(frozen=True, eq=False)
class RankedRow:
    """One of the settings that are compared.

    Attributes
    ----------
    name : str
        Of the dictionary, or what was changed.
    risk : Risk or None
        Its risk; None if it could not be reconstructed with.
    seconds : float
        How long one reconstruction of one slice took.
    reason : str
        Why there is no risk.
    more : float
        How much larger its risk is than the lowest, in ``sigma^2``.
    more_error : float
        Standard error of that difference; both saw the same noise.
    """

    name: str
    risk: Risk | None
    seconds: float = 0.0
    reason: str = ""
    more: float = 0.0
    more_error: float = 0.0

    @property
    def is_tie(self) -> bool:
        """Whether it cannot be told from the best."""
        return self.risk is not None and self.more <= _TIE * self.more_error


@dataclass(frozen=True, eq=False)
class Ranking:
    """Settings by their risk, lowest first; those without one last.

    Attributes
    ----------
    rows : tuple of RankedRow
        What was compared so far.
    slices : tuple of int
        Slices of the scan.
    """

    rows: tuple[RankedRow, ...]
    slices: tuple[int, ...]

    @property
    def best(self) -> RankedRow | None:
        """The lowest risk; None if there is none."""
        return self.rows[0] if self.rows and self.rows[0].risk is not None else None

    @property
    def ties(self) -> tuple[RankedRow, ...]:
        """The others that cannot be told from the best."""
        return tuple(row for row in self.rows[1:] if row.is_tie)

    @property
    def sentence(self) -> str:
        """What to tell a person."""
        best = self.best
        if best is None or best.risk is None:
            return "None of them could be tried on this scan."
        told = (
            f"{best.name} has the lowest risk, {best.risk.value:.3f} ± {best.risk.error:.3f} sigma²"
        )
        if self.ties:
            return f"{told}; not to be told from it: {', '.join(row.name for row in self.ties)}."
        return f"{told}."

    def figures(self) -> list[dict[str, str | float | bool | None]]:
        """Return the rows, ready for JSON."""
        return [
            {
                "name": row.name,
                "risk": None if row.risk is None else row.risk.value,
                "error": None if row.risk is None else row.risk.error,
                "more": None if row.risk is None else row.more,
                "more_error": None if row.risk is None else row.more_error,
                "is_tie": row.is_tie,
                "seconds": row.seconds,
                "reason": row.reason,
            }
            for row in self.rows
        ]


OnRows = Callable[[Ranking], object]


def rank_dictionaries(
    acquisition: Acquisition,
    made: Made,
    dictionaries: Sequence[str | Dictionary] | None = None,
    *,
    slices: Sequence[int] | int | None = None,
    probes: int = 1,
    seed: int = 0,
    on_rows: OnRows | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Ranking:
    """Rank dictionaries by their risk on a scan, everything else as it is.

    Parameters
    ----------
    acquisition
        The scan.
    made
        What reconstructs, or a result: then what made it. Its filters are replaced.
    dictionaries
        Names, files, or dictionaries at hand; all shipped ones and those of the families if None.
    slices
        Which slices; the middle one if None.
    probes, seed
        As for `estimate_risk`; the same for all.
    on_rows
        Told the table after each row.
    on_progress, should_stop
        Told the share that is done; asked whether to stop.

    Returns
    -------
    Ranking
        Lowest risk first, with what cannot be told from it. A dictionary that the maps or the scan
        cannot take has a row with the reason.

    Raises
    ------
    CscError
        If the noise level is not known, or there is nothing to rank.
    ReconstructionStopped
        If ``should_stop`` answered True; rows that were made by then were told.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import torch
    >>> scan = csc.Acquisition.from_kspace(torch.randn(32, 32) + 0j, noise_std=1.0)
    >>> made = csc.Reconstructor(
    ...     csc.Dictionary.dct(8, 5), csc.NoiseScalar(1.5), iterations=4, device="cpu"
    ... )
    >>> table = csc.rank_dictionaries(scan, made, ["dct-8-5", "random-8-5", "gabor-16-7"])
    >>> len(table.rows), table.best is table.rows[0]
    (3, True)
    """
    chosen = dictionary_names() if dictionaries is None else list(dictionaries)
    base = _reconstructor(made)
    candidates: dict[str, Callable[[], Reconstructor]] = {}
    for one in chosen:
        name = one if isinstance(one, str) else one.name
        candidates[_fresh(name, candidates)] = _with_dictionary(base, one)
    return rank(
        acquisition,
        candidates,
        slices=slices,
        probes=probes,
        seed=seed,
        on_rows=on_rows,
        on_progress=on_progress,
        should_stop=should_stop,
    )


@dataclass(frozen=True, eq=False)
class StrengthCurve:
    """Risk against the strength of the maps.

    Attributes
    ----------
    strengths : tuple of float
        Those that were tried, in rising order.
    ranking : Ranking
        Their risks; each row is named by its strength.
    best : float
        Where the risk is lowest: of a parabola through the lowest three, over the logarithm.
    """

    strengths: tuple[float, ...]
    ranking: Ranking
    best: float

    def risk(self, strength: float) -> Risk:
        """Return the risk of a strength that was tried."""
        row = next(row for row in self.ranking.rows if row.name == f"{strength:g}")
        assert row.risk is not None
        return row.risk


def strength_curve(
    acquisition: Acquisition,
    made: Made,
    strengths: Sequence[float] = STRENGTHS,
    *,
    slices: Sequence[int] | int | None = None,
    probes: int = 1,
    seed: int = 0,
    on_rows: OnRows | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> StrengthCurve:
    """Return the risk against the strength of the maps, and where it is lowest.

    The network is asked once; for each strength only the solver runs.

    Parameters
    ----------
    acquisition, made, slices, probes, seed, on_rows, on_progress, should_stop
        As for `rank_dictionaries`.
    strengths
        Three different ones or more, positive.

    Raises
    ------
    CscError
        If the noise level is not known, or a strength cannot be.
    ReconstructionStopped
        If ``should_stop`` answered True.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import torch
    >>> scan = csc.Acquisition.from_kspace(torch.randn(32, 32) + 0j, noise_std=1.0)
    >>> made = csc.Reconstructor(
    ...     csc.Dictionary.dct(8, 5), csc.NoiseScalar(1.5), iterations=4, device="cpu"
    ... )
    >>> curve = csc.strength_curve(scan, made, (0.5, 1, 2))
    >>> curve.strengths, 0.5 <= curve.best <= 2
    ((0.5, 1.0, 2.0), True)
    """
    wanted = sorted({float(one) for one in strengths})
    if len(wanted) < 3 or not all(0 < one < math.inf for one in wanted):
        raise CscError("Choose three different strengths or more, all above 0.")
    base = _reconstructor(made)

    def of(strength: float) -> Callable[[], Reconstructor]:
        return lambda: changed(base, {"strength": strength})

    ranking = rank(
        acquisition,
        {f"{one:g}": of(one) for one in wanted},
        slices=slices,
        probes=probes,
        seed=seed,
        on_rows=on_rows,
        on_progress=on_progress,
        should_stop=should_stop,
    )
    if ranking.best is None:
        raise CscError(ranking.rows[0].reason)
    curve = StrengthCurve(tuple(wanted), ranking, wanted[0])
    return replace(curve, best=_lowest(wanted, [curve.risk(one).value for one in wanted]))


def rank(
    acquisition: Acquisition,
    candidates: Mapping[str, Callable[[], Reconstructor]],
    *,
    slices: Sequence[int] | int | None = None,
    probes: int = 1,
    seed: int = 0,
    on_rows: OnRows | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Ranking:
    """Rank anything that reconstructs by its risk: networks, iterations, smooth parts.

    Parameters
    ----------
    acquisition, slices, probes, seed, on_rows, on_progress, should_stop
        As for `rank_dictionaries`.
    candidates
        By name, what returns the reconstructor; it may raise `CscError`, whose sentence is told.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import torch
    >>> from napari_csc.core.trust.ranking import rank
    >>> scan = csc.Acquisition.from_kspace(torch.randn(32, 32) + 0j, noise_std=1.0)
    >>> def of(level):
    ...     maps = csc.NoiseScalar(level)
    ...     return csc.Reconstructor(csc.Dictionary.dct(8, 5), maps, iterations=8, device="cpu")
    >>> table = rank(scan, {"free": lambda: of(0), "held": lambda: of(3)})
    >>> [row.name for row in table.rows]
    ['held', 'free']
    """
    if not candidates:
        raise CscError("Name at least one to be ranked.")
    check_noise(acquisition)
    middle = (acquisition.shape[0] - 1) // 2
    numbers = numbers_of(acquisition, middle if slices is None else slices)
    each = (1 + probes) * len(numbers)
    steps = Steps(each * len(candidates), on_progress, should_stop)
    cache, rows = MapCache(), []
    scan = acquisition.select(numbers[0])
    for name, build in candidates.items():
        begun = time.perf_counter()
        try:
            reconstruct = build()
            risk = risk_of(acquisition, reconstruct, numbers, probes, seed, steps, cache)
        except CscError as error:
            if should_stop is not None and should_stop():
                raise
            rows.append(RankedRow(name, None, reason=str(error)))
        else:
            seconds = (time.perf_counter() - begun) / each
            rows.append(RankedRow(name, risk, seconds))
        steps.reach(each * len(rows))
        found = _ranked(rows, numbers, scan)
        if on_rows is not None:
            on_rows(found)
    return found


def _ranked(rows: Sequence[RankedRow], numbers: Sequence[int], scan: Acquisition) -> Ranking:
    known = sorted((row for row in rows if row.risk is not None), key=_value)
    compared = []
    for row in known:
        assert row.risk is not None
        assert known[0].risk is not None
        more, error = paired_difference(row.risk, known[0].risk, scan)
        compared.append(replace(row, more=more, more_error=error))
    others = [row for row in rows if row.risk is None]
    return Ranking((*compared, *others), tuple(numbers))


def _value(row: RankedRow) -> float:
    assert row.risk is not None
    return row.risk.value


def _lowest(strengths: Sequence[float], values: Sequence[float]) -> float:
    """Return the strength of the lowest value, between those that were tried."""
    index = int(np.argmin(values))
    if index in (0, len(values) - 1):
        return strengths[index]
    near = slice(index - 1, index + 2)
    a, b, _ = np.polyfit(np.log(strengths[near]), values[near], 2)
    return float(np.exp(-b / (2 * a))) if a > 0 else strengths[index]


def _reconstructor(made: Made) -> Reconstructor:
    return reconstructor_like(made) if isinstance(made, Reconstruction) else made


def _with_dictionary(base: Reconstructor, given: str | Dictionary) -> Callable[[], Reconstructor]:
    def build() -> Reconstructor:
        dictionary = Dictionary.load(given) if isinstance(given, str) else given
        reason = base.maps.misfit(len(dictionary), base.settings.smooth)
        if reason is not None:
            raise CscError(reason)
        name, dropped, seed = dictionary.recipe() or (dictionary.name, (), None)
        settings = base.settings.model_copy(
            update={
                "dictionary": name,
                "dropped": dropped,
                "shuffle_seed": seed,
                # Edits name filters of the dictionary that they were made for.
                "map_edits": (),
            }
        )
        return Reconstructor.from_parts(dictionary, base.maps, settings)

    return build


def _fresh(name: str, taken: Mapping[str, object]) -> str:
    """Return a name that is not taken."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    return found
