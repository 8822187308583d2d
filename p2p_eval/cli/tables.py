"""``p2p-eval tables``: the paper's tables, ours beside theirs."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import exit_codes
from p2p_eval.cli.progress import progress_bar

__all__ = ["tables"]


class Format(StrEnum):
    """What tables can be written as."""

    md = "md"
    latex = "latex"
    html = "html"
    csv = "csv"


class Protocol(StrEnum):
    """How a confusion matrix becomes a score."""

    paper = "paper"
    strict = "strict"


def tables(
    which: Annotated[
        list[str] | None,
        typer.Argument(
            help="1, 2, 3, 4, 5, 6 or fig7.",
            show_default="all that have a row",
            metavar="[TABLE]...",
        ),
    ] = None,
    out: options.Out = Path("p2p-eval-out"),
    form: Annotated[
        Format,
        typer.Option("--format", help="md, latex (booktabs), html, or csv in full precision."),
    ] = Format.md,
    row: Annotated[
        list[str] | None,
        typer.Option(
            "--row",
            help="Your experiment for a row that is looked for under another name, as "
            "1:L1=my_model; several for one row are its seeds.",
            show_default=False,
            metavar="TABLE:ROW=EXPERIMENT",
        ),
    ] = None,
    protocol: Annotated[
        Protocol,
        typer.Option(
            "--protocol",
            help="Of FCN-scores and seg-scores; both come from the same counts.",
        ),
    ] = Protocol.paper,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Print the paper's tables with our figures beside theirs, from the score files in --out.

    Experiments are found by the names of their folders, and studies by their algorithms:
    1: L1, GAN, cGAN, L1+GAN, L1+cGAN, ground-truth
    2: {encoder-decoder,unet}-{L1,L1+cGAN}-batch10
    3: L1+cGAN-1x1, L1+cGAN-16x16, L1+cGAN, L1+cGAN-286x286
    4: {photo2map,map2photo}-{L1,L1+cGAN}
    5: L2-regression, Zhang-2016, pix2pix
    6: photo2labels-{L1,cGAN,L1+cGAN}
    fig7: L1, cGAN, L1+cGAN, L1+cGAN-1x1

    Names that end in -seed<N> are seeds of one row, which shows their mean; intervals come from
    drawing seeds, then frames. Figures with different signatures stand in columns of their own.
    No metric is computed.

    Example: p2p-eval tables 1 3 --row 3:L1+cGAN=my_model --format latex
    """
    with exit_codes(debug):
        from p2p_eval.tables.choice import parse_chosen
        from p2p_eval.tables.fill import fill_tables
        from p2p_eval.tables.render import render

        with progress_bar("filling rows", quiet=quiet) as progress:
            filled = fill_tables(
                out,
                which or (),
                rows=map(parse_chosen, row or ()),
                protocol=protocol.value,
                seed=seed,
                progress=progress,
            )
        text = (
            json.dumps(filled.to_json(), indent=2) + "\n" if as_json else render(filled, form.value)
        )
        typer.echo(text, nl=False)
