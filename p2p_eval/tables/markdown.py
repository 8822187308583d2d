"""Tables as GitHub's Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from p2p_eval.tables.grid import Grid

__all__ = ["escaped", "markdown"]

SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&$@])")


def markdown(grids: Iterable[Grid]) -> str:
    """Write tables one below the other, every text escaped."""
    return "\n".join(map(_table, grids))


def escaped(text: str) -> str:
    r"""Keep a text from being taken for markup; it also fits into a cell.

    Example:
        >>> print(escaped("a|<b> (L1+cGAN)"))
        a\|\<b\> (L1+cGAN)
    """
    return SPECIAL.sub(r"\\\1", text)


def _table(table: Grid) -> str:
    headings = [f"{g.heading}, {column}" for g in table.groups for column in g.columns]
    lines = [
        f"### {table.label}: {escaped(table.title)}",
        "",
        _row([table.rows_are, *headings]),
        f"|:-|{'-:|' * len(headings)}",
        *(_row([name, *cells]) for name, cells in table.lines),
    ]
    if table.agreement:
        lines.append(_row(["rank agreement", *table.agreement]))
    lines += ["", *(f"- {escaped(note)}" for note in table.notes)]
    for letter, signature in table.signatures:
        lines.append(f"- Signature{f' {letter}' if letter else ''}: {_code(signature)}")
    lines += [f"- {escaped(text)}" for text in table.provenance]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(escaped, cells)) + " |"


def _code(text: str) -> str:
    """A code span that no backtick in the text ends."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest else f"{fence}{text}{fence}"
