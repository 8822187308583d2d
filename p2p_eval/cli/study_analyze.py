"""``p2p-eval study analyze``: how often people took generated images for real ones."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import exit_codes
from p2p_eval.cli.remarks import print_remarks
from p2p_eval.cli.table import print_table
from p2p_eval.scores.numbers import UNKNOWN, shown_number

if TYPE_CHECKING:
    from p2p_eval.study.report import Contrast, StudyReport

__all__ = ["analyze"]

SHOWN_IMAGES = 3


def analyze(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Files of answers: exports of a study, what a page of study export gave, or "
            "Mechanical Turk batches of the format of phillipi/AMT_Real_vs_Fake.",
            show_default=False,
            parser=options.given_path,
            metavar="FILE...",
        ),
    ],
    practice: Annotated[
        int | None,
        typer.Option(
            "--practice",
            min=0,
            help="First trials of each session, which do not count.",
            show_default="what the file says; 10 of a Mechanical Turk batch",
        ),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            help="Folder of the study that study export made, which its answers need.",
            parser=options.given_path,
            metavar="PATH",
        ),
    ] = None,
    participants: Annotated[
        str,
        typer.Option(
            "--participants", help="first: only the first session of a person counts; or all."
        ),
    ] = "first",
    draws: Annotated[
        int, typer.Option("--draws", min=2, max=1_000_000, help="Of the bootstrap.")
    ] = 10_000,
    out: options.Out = Path("p2p-eval-out"),
    seed: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Analyze the answers of a real-vs-fake study (Tables 4 and 5).

    Prints the % of trials in which the generated image was called real, ± the standard deviation
    of a bootstrap that draws people, then trials within each person, as the paper does, and a 95 %
    interval over people; differences between algorithms; and whether the side, the time or the
    image made a difference. Sessions that do not count are listed, each with the rule.

    Example: p2p-eval study analyze votes.csv
    """
    with exit_codes(debug):
        from p2p_eval.errors import InputError
        from p2p_eval.study.analysis import analyze_files

        if participants not in ("first", "all"):
            raise InputError(f"got --participants {participants!r}, expected first or all")
        report = analyze_files(
            files,
            practice=practice,
            plan=plan,
            participants="all" if participants == "all" else "first",
            out=out,
            draws=draws,
            seed=seed,
        )
        if as_json:
            typer.echo(json.dumps(report.to_json(), indent=2))
        else:
            _print_rates(report)
            _print_differences(report)
            _print_effects(report)
            _print_images(report)
        print_remarks(report, quiet=quiet)


def _print_rates(report: StudyReport) -> None:
    rows = [
        (
            entry.name,
            str(entry.participants),
            str(entry.trials),
            f"{entry.labelled_real_pct:.1f}"
            + ("" if math.isnan(entry.std) else f" ± {entry.std:.1f}"),
            _ends(entry.low, entry.high),
        )
        for entry in report.algorithms
    ]
    title = (
        "Trials in which the generated image was called real\n"
        "(± standard deviation of the bootstrap; 95 % intervals over people)"
    )
    print_table(
        title, ("algorithm", "people", "trials", "% labelled\nreal", "95 %\ninterval"), rows
    )


def _print_differences(report: StudyReport) -> None:
    rows = [(f"{a} − {b}", *_contrast(contrast)) for (a, b), contrast in report.differences.items()]
    if rows:
        title = "Differences in percentage points (the bootstrap's)"
        print_table(title, ("algorithms", "difference", "95 %\ninterval", "p"), rows)


def _print_effects(report: StudyReport) -> None:
    rows = []
    for entry in report.algorithms:
        for what, effect in (
            ("real left − right", entry.side),
            ("second half − first", entry.time),
        ):
            rows.append((entry.name, what, *_contrast(effect)))
    title = "Does it matter on which side the real image is, and how late?"
    print_table(title, ("algorithm", "effect", "difference", "95 %\ninterval", "p"), rows)


def _print_images(report: StudyReport) -> None:
    rows = []
    for entry in report.algorithms:
        few = min(SHOWN_IMAGES, len(entry.images) // 2)
        for what, images in (
            ("most", entry.images[:few]),
            ("least", entry.images[len(entry.images) - few :]),
        ):
            rows += [
                (entry.name, what, image.image, f"{image.fooled} of {image.trials}")
                for image in images
            ]
    if rows:
        title = "The most and least convincing images"
        print_table(title, ("algorithm", "convincing", "image", "called real"), rows)


def _contrast(contrast: Contrast) -> tuple[str, str, str]:
    p = UNKNOWN if math.isnan(contrast.p) else f"{contrast.p:.2g}"
    return shown_number(contrast.difference, 1), _ends(contrast.low, contrast.high), p


def _ends(low: float, high: float) -> str:
    return UNKNOWN if math.isnan(low) else f"{shown_number(low, 1)} to {shown_number(high, 1)}"
