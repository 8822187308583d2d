"""Filled tables as text, in each format."""

from __future__ import annotations

from typing import Literal, get_args

from p2p_eval.errors import InputError
from p2p_eval.tables.filled import Tables
from p2p_eval.tables.grid import grid
from p2p_eval.tables.latex import latex
from p2p_eval.tables.markdown import markdown
from p2p_eval.tables.spreadsheet import spreadsheet

__all__ = ["FORMATS", "Format", "render"]

Format = Literal["md", "latex", "html", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)


def render(tables: Tables, form: Format) -> str:
    """Write tables; only CSV has full precision.

    Args:
        tables: What :func:`p2p_eval.tables.fill.fill_tables` gives.
        form: Markdown, LaTeX, one HTML page, or CSV.

    Raises:
        InputError: There is no such format.
    """
    if form not in FORMATS:
        raise InputError(f"got format {form!r}, expected one of {', '.join(FORMATS)}")
    if form == "csv":
        return spreadsheet(tables.tables)
    grids = [grid(table) for table in tables.tables]
    if form == "md":
        return markdown(grids)
    if form == "latex":
        return latex(grids)
    from p2p_eval.tables.page import page  # loads jinja2, which the others do without

    return page(grids)
