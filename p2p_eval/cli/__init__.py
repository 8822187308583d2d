"""The command line: one thin file a command, which parses, calls and prints.

Only here, and in :mod:`p2p_eval.__main__`, which starts it, do exceptions become exit codes.
Nothing heavy is imported before a command runs, so that ``p2p-eval --help`` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from p2p_eval.cli import (
    color_hist,
    data,
    demo,
    doctor,
    fcn_score,
    gate,
    generate,
    metrics,
    report,
    reproduce,
    seg_score,
    study,
    tables,
    train,
    weights,
)

__all__ = ["app"]

app = typer.Typer(
    name="p2p-eval",
    help="Evaluate paired image-to-image translation as the pix2pix paper does, exactly and fast.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.command("fcn-score")(fcn_score.fcn_score)
app.command("metrics")(metrics.metrics)
app.command("color-hist")(color_hist.color_hist)
app.command("report")(report.report)
app.command("seg-score")(seg_score.seg_score)
app.command("tables")(tables.tables)
app.command("gate")(gate.gate)
app.command("train")(train.train)
app.command("generate")(generate.generate)
app.command("reproduce")(reproduce.reproduce)
app.add_typer(weights.app, name="weights")
app.add_typer(data.app, name="data")
app.add_typer(study.study_app, name="study")


def _version(wanted: bool) -> None:
    if wanted:
        from p2p_eval import __version__

        typer.echo(f"p2p-eval {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
