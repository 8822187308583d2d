"""The way in which all HTML pages are made of their templates: escaped, and nothing undefined."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fcn.errors import shown

__all__ = ["environment"]


def environment(package: str) -> Environment:
    """Return the environment of the templates in a package's folder ``templates``."""
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )


def _printable(value: Any) -> Any:
    """Escape what would not print, such as marks that turn the direction of writing."""
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value
