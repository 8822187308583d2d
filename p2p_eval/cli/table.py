"""A table on stdout that never cuts a figure."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["FCN_FIGURES", "print_entries", "print_table"]

FCN_FIGURES = ("per-pixel\nacc.", "per-class\nacc.", "class\nIOU")
"""Headings of the three FCN-scores."""

NAME_WIDTH = 10
PIPE_WIDTH = 120
MEASURED = 10_000


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of text under a title; the first column folds where space is short.

    Args:
        title: What the table shows.
        columns: Headings.
        rows: One text a column.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = list(rows)
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(Text(columns[0]), overflow="fold", min_width=NAME_WIDTH)
    for column, *cells in list(zip(columns, *rows, strict=True))[1:]:
        widest = max(cell_len(line) for cell in (column, *cells) for line in cell.split("\n"))
        table.add_column(Text(column), justify="right", no_wrap=True, min_width=widest)
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    needed = console.measure(table, options=console.options.update(width=MEASURED)).minimum
    console.width = max(console.width, needed)
    console.print(table)


def print_entries(entries: Iterable[Mapping[str, Any]]) -> None:
    """Print what can be had: each entry's name, and below it what else is known of it."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    for entry in entries:
        console.print(f"[bold]{escape(entry['name'])}[/]")
        for key, value in entry.items():
            text = ", ".join(value) if isinstance(value, list | tuple) else value
            if key != "name":
                console.print(f"  {key:<10} {escape(str(text)) if text else '–'}")
