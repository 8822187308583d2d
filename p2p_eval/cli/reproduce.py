"""``p2p-eval reproduce``: the paper's ablations on a data set, from training to tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import exit_codes, stderr

__all__ = ["reproduce"]


def reproduce(
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            help="A folder with train/ and test/, each with photos/ and labels/; or the "
            "Cityscapes tree.",
            show_default=False,
            parser=options.given_path,
            metavar="PATH",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="Folder for runs, results and scores.",
            show_default=False,
            parser=options.given_path,
            metavar="PATH",
        ),
    ],
    tables: Annotated[
        list[str] | None,
        typer.Argument(help="1, 2, 3, 6 or fig7.", show_default="all", metavar="[TABLE]..."),
    ] = None,
    config: Annotated[
        str, typer.Option("--config", help="What all runs share: paper, scenes or a TOML file.")
    ] = "paper",
    label_set: options.LabelSet = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            help="Of the FCN-8s that scores: a name that `weights list` shows, or a file.",
            show_default="the label set's",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split", help="What is translated and scored.", show_default="test, else val"
        ),
    ] = None,
    seeds: Annotated[
        list[int] | None,
        typer.Option(
            "--seed", min=0, help="May be repeated: one set of runs for each.", show_default="0"
        ),
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(
            "--device",
            help="One run at a time on each; may be repeated, also cpu.",
            show_default="every GPU, else cpu once a core",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--run",
            help="Only this run, as L1+cGAN; may be repeated.",
            show_default="all that the tables consist of",
        ),
    ] = None,
    other: options.Set = None,
    minutes: options.Minutes = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what would be done.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Train what the paper compares, generate with it, score it, and print the paper's tables.

    Runs that are done are not done again, and one that was stopped goes on, so the same command
    may be given as often as it takes. The score files in OUT/scores are those that
    `p2p-eval tables --out OUT/scores` reads.

    Example: p2p-eval reproduce 1 3 --config scenes --data scenes --out reproduced
    """
    with exit_codes(debug):
        from p2p_eval.errors import InputError
        from p2p_eval.tables.fill import fill_tables
        from p2p_eval.tables.render import render
        from p2p_eval.training.config import given_values, read_config
        from p2p_eval.training.plan import OF_THE_PLAN, REPRODUCED
        from p2p_eval.training.plan import plan as planned
        from p2p_eval.training.reproduce import pick_devices
        from p2p_eval.training.reproduce import reproduce as run

        changes = given_values(other or []) | ({"label_set": label_set} if label_set else {})
        if fixed := sorted(changes.keys() & OF_THE_PLAN):
            raise InputError(
                f"got --set {fixed[0]}=…, but {', '.join(OF_THE_PLAN)} are the plan's; choose "
                "tables, --run and --seed, or use `p2p-eval train`"
            )
        base = read_config(config, changes)
        wanted = tables or list(REPRODUCED)
        if plan:
            runs = planned(wanted, base, seeds or [0], only or [])
            rows = [{"name": run.name, **run.config.as_dict()} for run in runs]
            if as_json:
                document = {"schema": "p2p-eval/plan/1", "runs": rows}
                typer.echo(json.dumps(document, indent=2))
            else:
                typer.echo("\n".join(row["name"] for row in rows))
            return
        result = run(
            wanted,
            data,
            base,
            out,
            weights=weights,
            seeds=seeds or [0],
            only=only or [],
            split=split,
            devices=pick_devices(device or []),
            minutes=minutes,
            say=(lambda line: None) if quiet else (lambda line: stderr.print(line, markup=False)),
        )
        if result.left:
            stderr.print(
                f"{len(result.left)} runs are left; the same command goes on", markup=False
            )
        # Of several tables that were asked for one may have no finished run yet.
        named = () if result.left else wanted
        filled = fill_tables(result.scores, named) if result.done else None
        if as_json:
            made = {
                "schema": "p2p-eval/reproduce/1",
                "done": list(result.done),
                "left": list(result.left),
                "scores": str(result.scores),
                "tables": None if filled is None else filled.to_json(),
            }
            typer.echo(json.dumps(made, indent=2))
        elif filled is not None:
            typer.echo(render(filled, "md"))
