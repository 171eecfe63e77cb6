"""What an experiment gives to the page: its text, and its columns of the one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from napari_csc.learn.evaluation.experiments.bench import Bench


@dataclass(frozen=True)
class Column:
    """A column of the one table: a figure of each method.

    Attributes
    ----------
    name : str
        What it is.
    values : mapping
        By the name of the method; a method that has none is left out.
    form : str
        Format of a value.
    """

    name: str
    values: Mapping[str, float]
    form: str = "{:.3f}"


@dataclass(frozen=True)
class Section:
    """What an experiment found: Markdown, and columns of the one table."""

    text: str
    columns: list[Column] = field(default_factory=list)


@dataclass(frozen=True)
class Experiment:
    """A row of `EXPERIMENTS`.

    Attributes
    ----------
    title : str
        Heading of its part of the page.
    text : str
        What is measured, and what better is.
    run : callable
        Measures with a bench, and returns the section; None if there is nothing to measure on.
    """

    title: str
    text: str
    run: Callable[[Bench], Section | None]
