"""``p2p-eval seg-score``: photo→labels results, scored by the colours they are painted in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import LEFT_OUT, exit_codes
from p2p_eval.cli.progress import progress_bar
from p2p_eval.cli.remarks import print_remarks
from p2p_eval.cli.segmentation import (
    Protocol,
    ProtocolOption,
    print_paper,
    print_report,
)

__all__ = ["seg_score"]


def seg_score(
    results: options.Results,
    cityscapes: options.Cityscapes = None,
    labels: options.Labels = None,
    real: options.Real = None,
    protocol: ProtocolOption = Protocol.paper,
    label_set: Annotated[
        str,
        typer.Option("--label-set", help="cityscapes, camvid, facades, scenes or a CSV file."),
    ] = "cityscapes",
    layout: options.Layout = "auto",
    save_predictions: Annotated[
        bool, typer.Option("--save-predictions", help="Write what was decoded as colour PNGs.")
    ] = False,
    out: options.Out = Path("p2p-eval-out"),
    workers: options.Workers = None,
    seed: options.Seed = 0,
    fresh: options.Fresh = False,
    keep_going: options.KeepGoing = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Score label maps that a model painted from photos (photo→labels, the paper's Table 6).

    Gives each pixel the class of the nearest label colour and prints per-pixel accuracy, per-class
    accuracy and class IOU (fractions, higher is better) with 95 % intervals over frames. Labels are
    taken from --cityscapes or --labels, else from the colours of the real images. Writes the files
    that fcn-score writes; an interrupted run goes on where it stopped.

    Example: p2p-eval seg-score results/ --cityscapes ~/data/cityscapes
    """
    with exit_codes(debug):
        from p2p_eval.scoring.seg_score import seg_score as score
        from p2p_eval.tables.paper import TABLE_6

        with progress_bar("scoring", quiet=quiet) as progress:
            report = score(
                results,
                cityscapes=cityscapes,
                labels=labels,
                real=real,
                protocol=protocol.value,
                label_set=label_set,
                layout=layout,
                out=out,
                workers=workers,
                seed=seed,
                fresh=fresh,
                keep_going=keep_going,
                save_predictions=save_predictions,
                progress=progress,
            )
        print_report(report, "seg-score", as_json=as_json)
        if label_set == "cityscapes" and not as_json and not quiet:
            print_paper("Table 6: Cityscapes photo→labels", TABLE_6)
        print_remarks(report, quiet=quiet)
        if report.left_out:
            raise typer.Exit(LEFT_OUT)
