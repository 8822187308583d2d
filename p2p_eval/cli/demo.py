"""``p2p-eval demo``: the whole kit on data it brings along."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import exit_codes
from p2p_eval.cli.fcn_score import TITLE
from p2p_eval.cli.progress import progress_bar
from p2p_eval.cli.segmentation import print_notes, print_paper, print_scores

__all__ = ["demo"]


def demo(
    out: options.Out = Path("p2p-eval-demo"),
    count: Annotated[int, typer.Option("--count", min=2, max=10_000, help="Scenes.")] = 40,
    workers: options.Workers = None,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Show the kit on its own street scenes: no network, no GPU, no downloads, under two minutes.

    Renders held-out scenes, makes results folders of known order from them (the photos themselves,
    a blurred copy, a gray one, …), scores each with the FCN-8s that ships, and prints the scores
    beside the paper's Table 1.

    Example: p2p-eval demo
    """
    with exit_codes(debug):
        from p2p_eval.datasets.controls import KINDS
        from p2p_eval.demo import run
        from p2p_eval.tables.paper import TABLE_1

        with progress_bar("demo", quiet=quiet) as progress:
            result = run(out, count=count, workers=workers, seed=seed, progress=progress)
        document = result.report.to_json()
        if as_json:
            typer.echo(json.dumps(document, indent=2))
        else:
            place = {kind: number for number, kind in enumerate(KINDS)}
            rows = document["experiments"]
            print_scores(TITLE, sorted(rows, key=lambda row: place.get(row["name"], len(place))))
            print_paper(
                "Table 1: Cityscapes labels→photos\n(other images, another scorer: compare the "
                "order, not the figures)",
                TABLE_1,
            )
            typer.echo(f"pictures: {result.sheet}")
            typer.echo(f"again:    {result.command}")
        print_notes(result.report, quiet=quiet)
