"""``p2p-eval data``: make the data that the kit can make."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import exit_codes

__all__ = ["app"]

app = typer.Typer(help="Make data sets and control experiments.", no_args_is_help=True)
make = typer.Typer(help="Make data.", no_args_is_help=True)
app.add_typer(make, name="make")

OutFolder = Annotated[Path, typer.Option("--out", help="Folder to write.", show_default=False)]


@make.command()
def scenes(
    out: OutFolder,
    count: Annotated[int, typer.Option("--count", min=1, max=1_000_000)] = 100,
    split: Annotated[str, typer.Option("--split", help="train, val or test.")] = "test",
    debug: options.Debug = False,
) -> None:
    """Render street scenes: OUT/photos and OUT/labels, 256x256 PNG, deterministic.

    Example: p2p-eval data make scenes --split train --count 2000 --out scenes/train
    """
    with exit_codes(debug):
        from p2p_eval.datasets import scenes as kit

        kit.make(out, count, first_seed=kit.first_seed(split))
        typer.echo(str(out))


@make.command()
def controls(
    photos: Annotated[Path, typer.Option("--photos", help="Folder of photos.", show_default=False)],
    out: OutFolder,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", help="Which; may be repeated.", show_default="all"),
    ] = None,
    seed: options.Seed = 0,
    debug: options.Debug = False,
) -> None:
    """Make results folders whose order is known: the photos, blurred, gray, … copies of them.

    A score that does not put the photos first is not to be trusted.

    Example: p2p-eval data make controls --photos scenes/test/photos --out controls
    """
    with exit_codes(debug):
        from p2p_eval.datasets.controls import KINDS, make_controls

        make_controls(photos, out, kind or KINDS, seed=seed)
        typer.echo(str(out))
