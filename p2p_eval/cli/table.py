"""A table that never cuts a figure, on stdout or as text."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["FCN_FIGURES", "print_entries", "print_table", "table_text"]

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
    from rich.console import Console

    _print(
        Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH),
        title,
        columns,
        rows,
    )


def table_text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Give the same table as text, without title and colours.

    Args:
        columns: Headings.
        rows: One text a column.
    """
    from rich.console import Console

    file = StringIO()
    console = Console(
        file=file, highlight=False, width=PIPE_WIDTH, color_system=None, force_terminal=False
    )
    _print(console, None, columns, rows)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).strip("\n")


def _print(
    console: Console, title: str | None, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    from rich import box
    from rich.cells import cell_len
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
