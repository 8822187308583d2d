"""``p2p-eval weights``: which scorers are there, how to get, check and convert them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from p2p_eval.cli.exits import exit_codes, stderr
from p2p_eval.cli.options import Debug, Json, Quiet, given_path
from p2p_eval.cli.progress import progress_bar
from p2p_eval.cli.table import print_entries

__all__ = ["app"]

app = typer.Typer(help="List, get, verify and convert the scorers' weights.", no_args_is_help=True)

NameOrFile = Annotated[
    str, typer.Argument(help="A name that `weights list` shows, or a file.", show_default=False)
]


@app.command("list")
def list_(as_json: Json = False, debug: Debug = False) -> None:
    """List the weights that can be had: licence, address, sha256, and whether they are here.

    Example: p2p-eval weights list
    """
    with exit_codes(debug):
        from fcn.catalogue import CATALOGUE, find

        rows = [
            {
                "name": entry.name,
                "label_set": entry.label_set,
                "here": str(path) if (path := find(entry)) else None,
                "licence": entry.licence,
                "address": list(entry.urls),
                "sha256": entry.sha256,
                "bytes": entry.size,
                "source": entry.source,
                "note": entry.note,
            }
            for entry in CATALOGUE.values()
        ]
        if as_json:
            typer.echo(json.dumps({"schema": "p2p-eval/weights/1", "weights": rows}, indent=2))
            return
        print_entries(rows)


@app.command()
def get(name: NameOrFile, quiet: Quiet = False, debug: Debug = False) -> None:
    """Download weights into the user's cache; an interrupted download goes on where it stopped.

    Example: p2p-eval weights get cityscapes
    """
    with exit_codes(debug):
        from fcn.catalogue import get as fetch

        with progress_bar(f"getting {name}", quiet=quiet) as progress:
            path = fetch(name, progress)
        typer.echo(str(path))


@app.command()
def verify(name: NameOrFile, as_json: Json = False, debug: Debug = False) -> None:
    """Read a file of weights whole and say whether it is an FCN-8s, and which.

    Example: p2p-eval weights verify fcn-8s-cityscapes.caffemodel
    """
    with exit_codes(debug):
        from fcn.catalogue import locate
        from fcn.weights import verify as check

        weights = check(locate(name))
        model = weights.build()
        facts = {
            "schema": "p2p-eval/weights-verify/1",
            "file": str(weights.path),
            "sha256": weights.sha256,
            "outputs": model.outputs,
            "parameters": weights.parameters,
            "widths": model.widths,
            "metadata": weights.metadata,
        }
        if as_json:
            typer.echo(json.dumps(facts, indent=2))
            return
        typer.echo(
            f"{facts['file']}: FCN-8s, {facts['outputs']} outputs, "
            f"{facts['parameters']:,} parameters, sha256 {facts['sha256']}"
        )


@app.command()
def convert(
    source: NameOrFile,
    destination: Annotated[
        Path,
        typer.Argument(
            help="The .safetensors file to write.", parser=given_path, metavar="DESTINATION"
        ),
    ],
    label_set: Annotated[
        str | None, typer.Option("--label-set", help="Label set the weights were trained on.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Convert weights to safetensors; the source's sha256 goes into its metadata.

    Example: p2p-eval weights convert fcn-8s-cityscapes.caffemodel cityscapes.safetensors
    """
    with exit_codes(debug):
        from fcn.catalogue import locate
        from fcn.weights import convert as rewrite

        typer.echo(str(rewrite(locate(source), destination, label_set)))
        stderr.print("use it with --weights", style="dim")
