"""``p2p-eval data``: which data can be had, and make what the kit can make."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import exit_codes
from p2p_eval.cli.progress import progress_bar
from p2p_eval.cli.table import print_entries

__all__ = ["app"]

app = typer.Typer(help="List and make data sets and control experiments.", no_args_is_help=True)
make = typer.Typer(help="Make data.", no_args_is_help=True)
app.add_typer(make, name="make")

OutFolder = Annotated[
    Path,
    typer.Option(
        "--out",
        help="Folder to write.",
        show_default=False,
        parser=options.given_path,
        metavar="PATH",
    ),
]


@app.command("list")
def list_(as_json: options.Json = False, debug: options.Debug = False) -> None:
    """List the data that can be had: licence, address, sha256, and how to have it.

    Example: p2p-eval data list
    """
    with exit_codes(debug):
        from p2p_eval.datasets.catalogue import CATALOGUE

        rows = [asdict(entry) for entry in CATALOGUE]
        if as_json:
            typer.echo(json.dumps({"schema": "p2p-eval/data/1", "data": rows}, indent=2))
            return
        print_entries(rows)


@make.command()
def scenes(
    out: OutFolder,
    count: Annotated[int, typer.Option("--count", min=1, max=1_000_000)] = 100,
    split: Annotated[str, typer.Option("--split", help="train, val or test.")] = "test",
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Render street scenes: OUT/photos and OUT/labels, 256x256 PNG, deterministic.

    Example: p2p-eval data make scenes --split train --count 2000 --out scenes/train
    """
    with exit_codes(debug):
        from p2p_eval.datasets import scenes as kit

        first_seed = kit.first_seed(split)
        with progress_bar("rendering", quiet=quiet) as progress:
            kit.make(out, count, first_seed=first_seed, progress=progress)
        facts = {
            "photos": str(out / "photos"),
            "labels": str(out / "labels"),
            "label_set": "scenes",
            "split": split,
            "count": count,
            "first_seed": first_seed,
        }
        _print_made("scenes", out, facts, as_json)


@make.command()
def controls(
    photos: Annotated[
        Path,
        typer.Option(
            "--photos",
            help="Folder of photos.",
            show_default=False,
            parser=options.given_path,
            metavar="PATH",
        ),
    ],
    out: OutFolder,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", help="Which; may be repeated.", show_default="all"),
    ] = None,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Make results folders whose order is known: the photos, blurred, gray, … copies of them.

    A score that does not put the photos first is not to be trusted.

    Example: p2p-eval data make controls --photos scenes/test/photos --out controls
    """
    with exit_codes(debug):
        from p2p_eval.datasets.controls import KINDS, make_controls

        kinds = kind or KINDS
        with progress_bar("making controls", quiet=quiet) as progress:
            folders = make_controls(photos, out, kinds, seed=seed, progress=progress)
        facts = {
            "experiments": [
                {"name": name, "folder": str(folder)}
                for name, folder in zip(kinds, folders, strict=True)
            ],
            "seed": seed,
        }
        _print_made("controls", out, facts, as_json)


def _print_made(name: str, out: Path, facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        document = {"schema": "p2p-eval/data-make/1", "name": name, "folder": str(out), **facts}
        typer.echo(json.dumps(document, indent=2))
    else:
        typer.echo(str(out))
