"""Command line: ``napari-csc reconstruct / convert / view / demo / info / simulate / train``.

One file a command. Every command imports what it needs when it runs, so that ``napari-csc --help``
is quick.
"""

from __future__ import annotations

import typer

from napari_csc.cli import (
    convert,
    evaluate,
    figure,
    info,
    learn,
    reconstruct,
    report,
    simulate,
    trust,
    view,
)
from napari_csc.cli.arriving import stream, watch
from napari_csc.cli.choices import HelpFromTables
from napari_csc.core.waiting_threads import let_waiting_threads_sleep

# Before any command loads torch.
let_waiting_threads_sleep()

app = typer.Typer(
    name="napari-csc",
    help="Convolutional sparse coding MRI reconstruction with inferred sparsity level maps.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# In the order of the list that --help prints.
app.command(cls=HelpFromTables)(reconstruct.reconstruct)
app.command()(view.view)
app.command()(view.demo)
app.command()(simulate.sample)
app.command()(info.info)
app.command()(simulate.simulate)
app.command()(figure.figure)
app.command()(trust.trust)
app.command()(trust.risk)
app.command()(report.report)
app.command()(convert.convert)
app.command(cls=HelpFromTables)(stream.stream)
app.command(cls=HelpFromTables)(watch.watch)
app.command("learn-dictionary")(learn.learn_dictionary)
app.command()(learn.train)
app.command("pack-slices")(learn.pack_slices)
app.command("mean-weights")(learn.mean_weights)
app.command(cls=HelpFromTables)(evaluate.evaluate)
