"""``p2p-eval study``: the real-vs-fake study, one file a subcommand."""

from __future__ import annotations

import typer

from p2p_eval.cli import study_export, study_mturk

__all__ = ["study_app"]

study_app = typer.Typer(
    help="Let people say which images are real: design, run and analyse the study.",
    no_args_is_help=True,
)
study_app.command("export")(study_export.export)
study_app.add_typer(study_mturk.app, name="mturk")
