"""``p2p-eval demo``: the whole kit on data it brings along."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from p2p_eval.cli import options
from p2p_eval.cli.color_hist import print_intersections
from p2p_eval.cli.exits import exit_codes
from p2p_eval.cli.fcn_score import TITLE
from p2p_eval.cli.metrics import print_metrics
from p2p_eval.cli.progress import progress_bar
from p2p_eval.cli.remarks import print_notes, remark
from p2p_eval.cli.segmentation import print_scores

if TYPE_CHECKING:
    from p2p_eval.demo import DemoResult

__all__ = ["demo"]


def demo(
    out: options.Out = Path("p2p-eval-demo"),
    count: Annotated[int, typer.Option("--count", min=2, max=10_000, help="Scenes.")] = 50,
    workers: options.Workers = None,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Show the kit on its own street scenes: no network, no GPU, no downloads, under two minutes.

    Renders held-out scenes, translates their label maps with the generators that ship (L1, cGAN,
    L1+cGAN), scores each and the real photos with the FCN-8s that ships, by image metrics and by
    colours, prints the paper's Table 1 with ours beside it, and writes the HTML report.

    Example: p2p-eval demo
    """
    with exit_codes(debug):
        from p2p_eval.demo import run

        with progress_bar("demo", quiet=quiet) as progress:
            result = run(out, count=count, workers=workers, seed=seed, progress=progress)
        if as_json:
            document = {
                **result.report.to_json(),
                "metrics": result.metrics.to_json(),
                "color_hist": result.colors.to_json(),
                "tables": result.tables.to_json(),
                "report": str(result.page),
            }
            typer.echo(json.dumps(document, indent=2))
        else:
            _print(result)
        print_notes(result.report, quiet=quiet)
        remark((*result.metrics.warnings, *result.colors.warnings))


def _print(result: DemoResult) -> None:
    from p2p_eval.tables.render import render

    print_scores(TITLE, sorted(result.report.to_json()["experiments"], key=_place))
    print_metrics(sorted(result.metrics.to_json()["experiments"], key=_place))
    print_intersections(sorted(result.colors.to_json()["experiments"], key=_place))
    typer.echo(render(result.tables, "md"))
    typer.echo(f"pictures: {result.sheet}")
    typer.echo(f"report:   {result.page}")
    typer.echo(f"again:    {result.command}")


def _place(entry: Mapping[str, Any]) -> int:
    """Experiments stand in the order of the paper's table."""
    from p2p_eval.demo import EXPERIMENTS

    return EXPERIMENTS.index(entry["name"])
