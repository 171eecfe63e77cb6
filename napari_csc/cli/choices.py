"""Help that names what the tables hold, read only when somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from typer.core import TyperCommand


class HelpFromTables(TyperCommand):
    """A command in whose help ``{solvers}``, ``{methods}`` and the like stand for what there is.

    The tables bring torch with them, so they are not read before.
    """

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help with the names filled in."""
        from napari_csc.core.dictionary.smooth_modes import SMOOTH_MODES
        from napari_csc.core.solvers.table import SOLVERS

        names = {"{solvers}": _either(SOLVERS), "{smooth modes}": _either(SMOOTH_MODES)}
        if any("{methods}" in (getattr(one, "help", None) or "") for one in self.params):
            from napari_csc.learn.evaluation.experiments.table import EXPERIMENTS
            from napari_csc.learn.evaluation.methods.table import METHODS

            names["{experiments}"] = ", ".join(EXPERIMENTS)
            names["{methods}"] = ", ".join(
                f"{name} ({spec.licence})" if spec.licence else name
                for name, spec in METHODS.items()
            )
        for parameter in self.params:
            text = getattr(parameter, "help", None) or ""
            for place, found in names.items():
                text = text.replace(place, found)
            parameter.help = text  # type: ignore[attr-defined]
        super().format_help(ctx, formatter)


def _either(names: Iterable[str]) -> str:
    """Return ``a, b or c``."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
