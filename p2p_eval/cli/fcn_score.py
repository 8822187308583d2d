"""``p2p-eval fcn-score``: the FCN-score of a results folder."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import LEFT_OUT, exit_codes
from p2p_eval.cli.progress import progress_bar
from p2p_eval.cli.remarks import print_remarks
from p2p_eval.cli.segmentation import Protocol, ProtocolOption, print_report

__all__ = ["TITLE", "fcn_score"]

TITLE = "FCN-score"


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
    protocol: ProtocolOption = Protocol.paper,
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
        print_report(report, TITLE, as_json=as_json)
        print_remarks(report, quiet=quiet)
        if report.left_out:
            raise typer.Exit(LEFT_OUT)
