"""Tables as one HTML page that loads nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fcn.errors import shown
from p2p_eval import __version__
from p2p_eval.tables.grid import Grid

__all__ = ["page"]


def page(grids: Iterable[Grid]) -> str:
    """Write tables one below the other, every text escaped."""
    environment = Environment(
        loader=PackageLoader("p2p_eval.tables"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_printable,
    )
    template = environment.get_template("tables.html.j2")
    return template.render(tables=list(grids), version=__version__)


def _printable(value: Any) -> Any:
    """Escape what would not print, such as marks that turn the direction of writing."""
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value
