"""What the commands of the FCN-score and the seg-score have in common: a protocol, a table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from p2p_eval.cli.table import FCN_FIGURES, print_table

if TYPE_CHECKING:
    from p2p_eval.scoring.segmentation_report import SegmentationReport
    from p2p_eval.tables.paper import FCNRow

__all__ = [
    "Protocol",
    "ProtocolOption",
    "print_paper",
    "print_report",
    "print_scores",
]

COLUMNS = ("experiment", "frames", "protocol", "dropped", *FCN_FIGURES)


class Protocol(StrEnum):
    """How the confusion matrix becomes a score."""

    paper = "paper"
    strict = "strict"
    both = "both"


ProtocolOption = Annotated[
    Protocol,
    typer.Option(
        "--protocol",
        help="paper: as the official script, its quirks included. strict: absent classes are "
        "left out of the means, and no frame is ever dropped.",
    ),
]


def print_report(report: SegmentationReport, title: str, *, as_json: bool) -> None:
    """Print scores on stdout, as a table or as a document."""
    document = report.to_json()
    if as_json:
        typer.echo(json.dumps(document, indent=2))
    else:
        print_scores(title, document["experiments"])


def print_scores(title: str, experiments: Iterable[dict[str, Any]]) -> None:
    """Print a table of scores, as :meth:`SegmentationReport.to_json` gives them, on stdout."""
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
    print_table(f"{title}, with 95 % intervals over frames (higher is better)", COLUMNS, rows)


def print_paper(table: str, rows: Iterable[FCNRow]) -> None:
    """Print a table of the paper's on stdout.

    Args:
        table: Its name and what stands in it.
        rows: Its rows.
    """
    print_table(
        f"The paper's {table}",
        ("loss", *FCN_FIGURES),
        [(row.name, *(f"{value:.2f}" for value in row[1:])) for row in rows],
    )


def _with_interval(row: dict[str, Any], key: str) -> str:
    if row[key] is None:
        return "–"
    low, high = row["ci95"][key]
    return f"{row[key]:.3f}" + (f"\n{low:.3f}–{high:.3f}" if low is not None else "")
