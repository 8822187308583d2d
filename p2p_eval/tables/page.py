"""Tables as one HTML page that loads nothing."""

from __future__ import annotations

from collections.abc import Iterable

from p2p_eval import __version__
from p2p_eval.tables.grid import Grid
from p2p_eval.templates import environment

__all__ = ["page"]


def page(grids: Iterable[Grid]) -> str:
    """Write tables one below the other, every text escaped."""
    template = environment("p2p_eval.tables").get_template("tables.html.j2")
    return template.render(tables=list(grids), version=__version__) + "\n"
