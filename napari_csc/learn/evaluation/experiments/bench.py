"""What the experiments of an evaluation share: images, methods, and what is known already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.names import dictionary_names
from napari_csc.core.maps import NoiseScalar
from napari_csc.core.options import DEFAULT_DICTIONARY
from napari_csc.errors import CscError
from napari_csc.learn.evaluation.findings import Case, Findings
from napari_csc.learn.evaluation.images import EvaluationImage, evaluation_images
from napari_csc.learn.evaluation.measure import compare
from napari_csc.learn.evaluation.methods.foreign import ForeignPictures
from napari_csc.learn.evaluation.methods.method import Method, dictionary_of
from napari_csc.learn.evaluation.methods.named import named_networks
from napari_csc.learn.evaluation.methods.sparse_coding import (
    SCALARS,
    OnImageMatrix,
    SparseCoding,
    scalar_method,
)
from napari_csc.learn.evaluation.methods.table import Chosen, baselines
from napari_csc.learn.evaluation.methods.total_variation import TV_WEIGHTS, TotalVariation
from napari_csc.learn.evaluation.rows import Row, mean, read_rows, write_rows
from napari_csc.learn.evaluation.situations import Condition

Report = Callable[[str], None]


@dataclass(frozen=True)
class Evaluation:
    """What is evaluated.

    Attributes
    ----------
    networks : sequence of str
        Names or files of map networks; ``"v4@dct-32-9"`` with another dictionary than that of the
        comparison, ``"v5*1.5"`` on a finer image matrix. A V1 network is used with its own
        dictionary only.
    data : Path
        Folder with the test images.
    black_boxes : sequence of Method
        Further methods.
    methods : sequence of str or None
        Rows of `napari_csc.learn.evaluation.methods.table.METHODS`; all that are installed if None.
    pictures : mapping
        Folders with the pictures of other programs, by the name of the program.
    experiments : sequence of str or None
        Rows of `napari_csc.learn.evaluation.experiments.table.EXPERIMENTS`; all if None.
    dictionary : str
        The dictionary that networks are compared with.
    swapped : sequence of str
        Dictionaries to swap in.
    groups : mapping
        Anatomy to file patterns; the first one is what the networks were trained for.
    validation : sequence of str
        Patterns of the volumes that levels and weights are chosen on.
    per_subject : int
        Slices of each subject.
    noise : sequence of float
        Noise variances of the simulated scans, in units of the variance of their k-space.
    real : sequence of str
        Patterns of measured scans, relative to ``data``; those that are not there are left out.
    repeats, chooses : sequence of str
        The same of scans with repeats, which test, and of scans whose risk chooses.
    """

    networks: Sequence[str]
    data: Path
    black_boxes: Sequence[Method] = ()
    methods: Sequence[str] | None = None
    pictures: Mapping[str, Path] = field(default_factory=dict)
    experiments: Sequence[str] | None = None
    dictionary: str = DEFAULT_DICTIONARY
    swapped: Sequence[str] = field(default_factory=dictionary_names)
    groups: Mapping[str, Sequence[str]] | None = None
    validation: Sequence[str] = ("brain_volumes/pyradiomics_brain2*",)
    per_subject: int = 4
    noise: Sequence[float] = (0.05, 0.1, 0.2, 0.3, 0.4)
    real: Sequence[str] = ("lowfield_055T/subject_*.mat",)
    repeats: Sequence[str] = ("lowfield_055T/flair_two_repeats.mat",)
    chooses: Sequence[str] = ("lowfield_055T/subject_6b_*.mat",)


class Bench:
    """What the experiments measure with, made when it is first asked for.

    Parameters
    ----------
    plan
        What is evaluated.
    output
        Folder of ``rows.csv`` and ``findings.csv``; what they hold is not measured again.
    report
        Receives lines on what goes on.
    """

    def __init__(self, plan: Evaluation, output: Path, report: Report) -> None:
        self.plan, self.output, self.report = plan, output, report
        self._rows_file = output / "rows.csv"
        self._rows = {row.key: row for row in read_rows(self._rows_file)}
        self._findings = Findings(output / "findings.csv")

    @cached_property
    def images(self) -> list[EvaluationImage]:
        """The test images."""
        return evaluation_images(
            self.plan.data, self.plan.groups, per_subject=self.plan.per_subject
        )

    @cached_property
    def validation(self) -> list[EvaluationImage]:
        """The images that levels and weights are chosen on."""
        return evaluation_images(
            self.plan.data, {"validation": self.plan.validation}, per_subject=3
        )

    @cached_property
    def dictionary(self) -> Dictionary:
        """The dictionary of the comparison."""
        return Dictionary.load(self.plan.dictionary)

    @cached_property
    def chosen(self) -> Chosen:
        """What is chosen on the validation images, by the mean of the NMSE."""
        levels = {level: scalar_method(self.dictionary, level) for level in SCALARS}
        weights = {weight: TotalVariation(weight) for weight in TV_WEIGHTS}
        return Chosen(
            self.dictionary,
            lambda: self._best("one level", levels),
            lambda: self._best("total variation", weights),
        )

    @cached_property
    def networks(self) -> list[SparseCoding]:
        """The networks, on the matrix of each scan."""
        return [one for one in self._named_networks if isinstance(one, SparseCoding)]

    @cached_property
    def on_other_matrices(self) -> list[OnImageMatrix]:
        """Networks on another image matrix than that of the scan."""
        return [one for one in self._named_networks if isinstance(one, OnImageMatrix)]

    @cached_property
    def _named_networks(self) -> list[SparseCoding | OnImageMatrix]:
        return named_networks(self.plan.networks, self.dictionary)

    @cached_property
    def free_networks(self) -> list[SparseCoding]:
        """Networks that take any dictionary."""
        return [one for one in self.networks if is_free(one)]

    @cached_property
    def others(self) -> list[Method]:
        """What the networks are compared with."""
        foreign = [ForeignPictures(name, folder) for name, folder in self.plan.pictures.items()]
        return [*baselines(self.plan.methods, self.chosen, self.report), *foreign]

    @cached_property
    def methods(self) -> list[Method]:
        """All methods."""
        networks: list[Method] = [*self.networks, *self.on_other_matrices]
        found = [*self.others, *networks, *self.plan.black_boxes]
        names = [one.name for one in found]
        for name in names:
            if names.count(name) > 1:
                raise CscError(f"Two methods are named {name!r}; leave one out, or rename it.")
        return found

    def rows(
        self,
        experiment: str,
        methods: Sequence[Method],
        conditions: Sequence[Condition],
        images: Sequence[EvaluationImage] | None = None,
    ) -> list[Row]:
        """Return the rows of methods on images under conditions; what is known is not measured."""
        found = []
        shown = self.images if images is None else images
        for row in compare(experiment, methods, shown, conditions, self._rows):
            found.append(row)
            if row.key in self._rows:
                continue
            self._rows[row.key] = row
            write_rows(self._rows_file, list(self._rows.values()))
            self.report(f"{experiment}: {row.group} {row.slice}, {row.method}")
        return found

    def figures(
        self,
        experiment: str,
        condition: str,
        method: Method,
        subject: str,
        number: int,
        measure: Callable[[], Mapping[str, float]],
    ) -> dict[str, float]:
        """Return figures of one case, measured unless they are known; see `Findings.of`."""

        def told() -> Mapping[str, float]:
            self.report(f"{experiment}: {subject} {number}, {method.name} {condition}".rstrip())
            return measure()

        names = method.name, method.version, dictionary_of(method)
        return self._findings.of(Case(experiment, condition, *names, subject, number), told)

    def _best(self, name: str, candidates: Mapping[float, Method]) -> float:
        def error(value: float) -> float:
            method = candidates[value]
            rows = compare("choice", [method], self.validation, [Condition()])
            found = self.figures(
                "choice",
                f"{name} {value:g}",
                method,
                ", ".join(self.plan.validation),
                0,
                lambda: {"nmse": mean(list(rows), "nmse")},
            )
            return found["nmse"]

        best = min(candidates, key=error)
        self.report(f"on validation: {name} {best:g} sigma")
        return best


def is_free(method: SparseCoding) -> bool:
    """Return whether a method takes any dictionary."""
    return isinstance(method.maps, NoiseScalar) or method.maps.permutation_equivariant
