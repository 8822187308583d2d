"""Tables as CSV: one line a figure, in full precision, and no text that a program would run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from fcn.errors import shown
from p2p_eval.scores.cells import safe_cell
from p2p_eval.tables.filled import FilledTable

__all__ = ["COLUMNS", "spreadsheet"]

COLUMNS = (
    "table", "row", "figure", "paper", "ours", "low", "high", "seeds", "frames", "signature",
)  # fmt: skip
"""``frames`` holds images for figure 7, and trials for the studies."""


def spreadsheet(tables: Iterable[FilledTable]) -> str:
    """Write one line a figure of every table; what is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for table in tables:
        for row in table.rows:
            for column, paper, measured in zip(
                table.definition.columns, row.paper, row.measured, strict=True
            ):
                cells: list[object] = [None] * 6
                if measured:
                    ours = measured.figures[column.figure]
                    signature = safe_cell(shown(measured.signature))
                    cells = [
                        ours.value, ours.low, ours.high,
                        len(measured.experiments), measured.items, signature,
                    ]  # fmt: skip
                key = table.definition.key
                writer.writerow([key, safe_cell(shown(row.name)), column.key, paper.value, *cells])
    return text.getvalue()
