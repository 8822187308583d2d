"""``p2p-eval data``: which data can be had, get and verify it, and make what the kit can make."""

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

app = typer.Typer(
    help="List, get, verify and make data sets and control experiments.", no_args_is_help=True
)
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
    """List the data that can be had: address, size, licence, how many images, whether it is here.

    Example: p2p-eval data list
    """
    with exit_codes(debug):
        from p2p_eval.datasets.catalogue import CATALOGUE
        from p2p_eval.datasets.fetch import find

        rows = []
        for entry in CATALOGUE:
            facts = asdict(entry)
            splits = dict(facts.pop("splits"))
            here = str(folder) if (folder := find(entry)) else None
            rows.append({**facts, "images": splits, "here": here})
        if as_json:
            typer.echo(json.dumps({"schema": "p2p-eval/data/1", "data": rows}, indent=2))
            return
        print_entries(map(_for_people, rows))


def _for_people(row: dict[str, Any]) -> dict[str, Any]:
    """Say in words what of a row is numbers, and leave out what it does not have."""
    images = [
        f"{'?' if n is None else format(n, ',')} {split}" for split, n in row["images"].items()
    ]
    texts = {
        **row,
        "size": row["size"] and f"about {row['size'] / (1 << 20):,.0f} MiB",
        "images": images,
        "sides": row["sides"] and "{} left, {} right".format(*row["sides"]),
    }
    return {key: text for key, text in texts.items() if text or key in ("here", "licence")}


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="A name that `data list` shows.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder to make, instead of one in the cache.",
            parser=options.given_path,
            metavar="PATH",
        ),
    ] = None,
    keep_archive: Annotated[
        bool, typer.Option("--keep-archive", help="Leave the archive in the cache.")
    ] = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Download and unpack a data set; what was interrupted goes on, what is here is verified.

    Example: p2p-eval data get facades
    """
    with exit_codes(debug):
        from p2p_eval.datasets.fetch import get as fetch

        with progress_bar(f"getting {name}", quiet=quiet) as progress:
            folder = fetch(name, out, keep_archive=keep_archive, progress=progress)
        typer.echo(str(folder))


@app.command()
def verify(
    name: Annotated[
        str,
        typer.Argument(
            help="A name that `data list` shows, or a folder that `data get` made.",
            show_default=False,
        ),
    ],
    workers: options.Workers = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Decode a fetched data set whole, and say what was added, changed, damaged or lost.

    Example: p2p-eval data verify facades
    """
    with exit_codes(debug):
        from p2p_eval.datasets.catalogue import entry_named
        from p2p_eval.datasets.fetch import folder_of
        from p2p_eval.datasets.verify import counts, fingerprint
        from p2p_eval.datasets.verify import verify as check

        folder = folder_of(name)
        with progress_bar("verifying", quiet=quiet) as progress:
            record = check(folder, workers=workers, progress=progress)
        images = counts(record.files, entry_named(record.name))
        facts = {
            "schema": "p2p-eval/data-verify/1",
            "name": record.name,
            "folder": str(folder),
            "images": images,
            "date": record.date,
            "address": list(record.address),
            "archive_sha256": record.archive_sha256,
            "fingerprint": fingerprint(record.files),
        }
        if as_json:
            typer.echo(json.dumps(facts, indent=2))
            return
        numbers = ", ".join(f"{count:,} {split}" for split, count in images.items())
        typer.echo(
            f"{folder}: {record.name}, {numbers}, fetched {record.date}, "
            f"fingerprint {facts['fingerprint']}"
        )


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
