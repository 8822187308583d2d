"""``p2p-eval study``: the real-vs-fake study, one command a file."""

from __future__ import annotations

import typer

from p2p_eval.cli import (
    study_analyze,
    study_export,
    study_mturk,
    study_power,
    study_serve,
    study_simulate,
)

__all__ = ["study_app"]

study_app = typer.Typer(
    help="Show people real and generated images, and analyze what they answer (Tables 4 and 5).",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
study_app.command("export")(study_export.export)
study_app.command("serve")(study_serve.serve)
study_app.command("analyze")(study_analyze.analyze)
study_app.command("simulate")(study_simulate.simulate)
study_app.command("power")(study_power.power)
study_app.add_typer(study_mturk.app, name="mturk")
