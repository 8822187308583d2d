"""``p2p-eval color-hist``: the colours of generated images beside those of the real ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import LEFT_OUT, exit_codes
from p2p_eval.cli.progress import progress_bar
from p2p_eval.cli.remarks import print_remarks
from p2p_eval.cli.table import print_table

if TYPE_CHECKING:
    from p2p_eval.scoring.color_hist_report import ColorHistReport

__all__ = ["color_hist", "print_intersections"]


def color_hist(
    results: options.ResultsFolders,
    bins: Annotated[
        int, typer.Option("--bins", help="Bins of each channel: 32, 64, 128 or 256.")
    ] = 128,
    real: options.Real = None,
    layout: options.Layout = "auto",
    out: options.Out = Path("p2p-eval-out"),
    workers: options.Workers = None,
    seed: options.Seed = 0,
    fresh: options.Fresh = False,
    keep_going: options.KeepGoing = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Measure how far the colours of generated images overlap with the real ones (Figure 7).

    Histograms of L, a and b (CIE Lab, D65) over all pixels of all images; prints the intersection
    of each channel with its 95 % interval, and what it would be with other numbers of bins, beside
    the paper's. Draws the histograms in color_hist.svg and color_hist.png. An interrupted run goes
    on where it stopped.

    Example: p2p-eval color-hist results/
    """
    with exit_codes(debug):
        from p2p_eval.scoring.color_hist import color_histogram

        with progress_bar("counting colours", quiet=quiet) as progress:
            report = color_histogram(
                results,
                real=real,
                layout=layout,
                bins=bins,
                out=out,
                workers=workers,
                seed=seed,
                fresh=fresh,
                keep_going=keep_going,
                progress=progress,
            )
        if as_json:
            typer.echo(json.dumps(report.to_json(), indent=2))
        else:
            print_intersections(report.to_json()["experiments"])
            _print_sensitivity(report)
            _print_paper()
            typer.echo(f"plot: {out / 'color_hist.svg'}, {out / 'color_hist.png'}")
        print_remarks(report, quiet=quiet)
        if report.left_out:
            raise typer.Exit(LEFT_OUT)


def print_intersections(experiments: Sequence[dict[str, Any]]) -> None:
    """Print a table of intersections, as the documents of ``--json`` hold them, on stdout."""
    rows = [
        (
            entry["name"],
            str(entry["images"]),
            *(_figure(value, *entry["ci95"][key]) for key, value in entry["intersection"].items()),
        )
        for entry in experiments
    ]
    title = (
        "Intersections of Lab histograms\nwith those of the real images\n"
        f"({experiments[0]['bins']} bins; 95 % intervals over images)"
    )
    print_table(title, ("experiment", "images", "L ↑", "a ↑", "b ↑"), rows)


def _figure(value: float, low: float | None, high: float | None) -> str:
    return f"{value:.3f}" if low is None else f"{value:.3f}\n{low:.3f}-{high:.3f}"


def _print_sensitivity(report: ColorHistReport) -> None:
    rows = [
        (entry.name, str(bins), *(f"{value:.3f}" for value in figures))
        for entry in report.experiments
        for bins, figures in entry.sensitivity.items()
    ]
    print_table("The same with other bins", ("experiment", "bins", "L ↑", "a ↑", "b ↑"), rows)


def _print_paper() -> None:
    from p2p_eval.tables.paper import FIGURE_7

    print_table(
        "The paper's Figure 7(d): Cityscapes labels→photos\n(other images, and bins that it does "
        "not name: compare the order, not the figures)",
        ("loss", "L", "a", "b"),
        [(row.name, *(f"{value:.2f}" for value in row[1:])) for row in FIGURE_7],
    )
