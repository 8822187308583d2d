"""``p2p-eval report``: one HTML page of everything in ``--out``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import exit_codes, stderr
from p2p_eval.cli.progress import progress_bar

__all__ = ["print_missing", "report"]


def report(
    out: options.Out = Path("p2p-eval-out"),
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            help="File to write.",
            show_default="report.html in --out",
            parser=options.given_path,
            metavar="PATH",
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Write one HTML page of everything that was scored into --out.

    Tables with intervals, distributions, colour histograms, classes, confusion matrices, and the
    best, median and worst images under each metric, with the signature of every figure. The page
    is one file that loads nothing, and reads on a phone and in print. No metric is computed: it
    shows what the score files say.

    Example: p2p-eval report --out p2p-eval-out
    """
    with exit_codes(debug):
        from p2p_eval.report.page import write_report

        with progress_bar("drawing", quiet=quiet) as progress:
            page = write_report(out, to, progress=progress)
        if as_json:
            document = {
                "schema": "p2p-eval/report/1",
                "page": str(page.path),
                "experiments": list(page.experiments),
                "not_shown": [{"image": path, "reason": why} for path, why in page.missing],
            }
            typer.echo(json.dumps(document, indent=2))
        else:
            typer.echo(str(page.path))
        print_missing(page.missing)


def print_missing(missing: tuple[tuple[str, str], ...]) -> None:
    """Say on stderr which images the page could not show."""
    for path, reason in missing[:5]:
        stderr.print(f"warning: not shown: {path}: {reason}", style="yellow", markup=False)
    if len(missing) > 5:
        stderr.print(f"warning: and {len(missing) - 5} more; the page names them", style="yellow")
