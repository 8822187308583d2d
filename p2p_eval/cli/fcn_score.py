"""``p2p-eval fcn-score``: the FCN-score of a results folder."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import LEFT_OUT, exit_codes, stderr
from p2p_eval.cli.progress import progress_bar
from p2p_eval.cli.table import FCN_FIGURES, print_table

if TYPE_CHECKING:
    from p2p_eval.scoring.fcn_report import FCNScoreReport

__all__ = ["fcn_score", "print_notes", "print_scores"]

COLUMNS = ("experiment", "frames", "protocol", "dropped", *FCN_FIGURES)


class Protocol(StrEnum):
    """How the confusion matrix becomes a score."""

    paper = "paper"
    strict = "strict"
    both = "both"


class Precision(StrEnum):
    """Arithmetic of the network."""

    fp32 = "fp32"
    tf32 = "tf32"
    bf16 = "bf16"


def fcn_score(
    results: options.Results,
    cityscapes: options.Cityscapes = None,
    labels: options.Labels = None,
    real: options.Real = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            help="A name that `weights list` shows, or a .caffemodel or .safetensors file.",
            show_default="the label set's",
        ),
    ] = None,
    protocol: Annotated[
        Protocol,
        typer.Option(
            "--protocol",
            help="paper: as the official script, its quirks included. strict: absent classes are "
            "left out of the means, and no frame is ever dropped.",
        ),
    ] = Protocol.paper,
    label_set: Annotated[
        str | None,
        typer.Option(
            "--label-set",
            help="cityscapes, camvid, facades, scenes or a CSV file.",
            show_default="what the weights say",
        ),
    ] = None,
    layout: options.Layout = "auto",
    precision: Annotated[
        Precision, typer.Option("--precision", help="tf32 and bf16 need a GPU to pay.")
    ] = Precision.fp32,
    save_predictions: Annotated[
        bool, typer.Option("--save-predictions", help="Write the predictions as colour PNGs.")
    ] = False,
    out: options.Out = Path("p2p-eval-out"),
    device: options.Device = "auto",
    workers: options.Workers = None,
    seed: options.Seed = 0,
    fresh: options.Fresh = False,
    keep_going: options.KeepGoing = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Score generated photos by how well an FCN-8s recognises in them what the labels say.

    Prints per-pixel accuracy, per-class accuracy and class IOU (fractions, higher is better) with
    95 % intervals over frames, and writes evaluation_results.txt, per_image.csv and confusion.npz.
    An interrupted run goes on where it stopped.

    Example: p2p-eval fcn-score results/ --cityscapes ~/data/cityscapes
    """
    with exit_codes(debug):
        from p2p_eval.scoring.fcn_score import fcn_score as score

        with progress_bar("scoring", quiet=quiet) as progress:
            report = score(
                results,
                cityscapes=cityscapes,
                labels=labels,
                real=real,
                weights=weights,
                protocol=protocol.value,
                label_set=label_set,
                layout=layout,
                precision=precision.value,
                out=out,
                device=device,
                workers=workers,
                seed=seed,
                fresh=fresh,
                keep_going=keep_going,
                save_predictions=save_predictions,
                progress=progress,
            )
        document = report.to_json()
        if as_json:
            typer.echo(json.dumps(document, indent=2))
        else:
            print_scores(document["experiments"])
        print_notes(report, quiet=quiet)
        if report.left_out:
            for name in report.left_out:
                stderr.print(f"left out: {name}", style="yellow", markup=False)
            raise typer.Exit(LEFT_OUT)


def print_notes(report: FCNScoreReport, *, quiet: bool) -> None:
    """Print on stderr what a reader of the scores should know, or only the warnings of it."""
    for note in report.warnings if quiet else report.notes:
        stderr.print(note, style="yellow", markup=False)


def print_scores(experiments: list[dict[str, Any]]) -> None:
    """Print a table of FCN-scores, as :meth:`FCNScoreReport.to_json` gives them, on stdout."""
    from p2p_eval.metrics.confusion import FIGURES

    rows = [
        (
            row["name"],
            str(row["frames"]),
            row["protocol"],
            str(row["dropped_frames"]),
            *(_with_interval(row, key) for key in FIGURES),
        )
        for row in experiments
    ]
    print_table("FCN-score, with 95 % intervals over frames (higher is better)", COLUMNS, rows)


def _with_interval(row: dict[str, Any], key: str) -> str:
    if row[key] is None:
        return "–"
    low, high = row["ci95"][key]
    return f"{row[key]:.3f}" + (f"\n{low:.3f}–{high:.3f}" if low is not None else "")
