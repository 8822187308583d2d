r"""Tables as LaTeX with booktabs: fragments for ``\input``, each with its provenance above.

Only ``\usepackage{booktabs}`` is needed. What pdfLaTeX's own fonts lack is written as an escape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from p2p_eval.tables.grid import Grid

__all__ = ["escaped", "latex"]

ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''",
    "[": "{[}", "]": "{]}", "→": r"$\rightarrow$", "↔": r"$\leftrightarrow$", "×": r"$\times$",
    "±": r"$\pm$", "−": r"$-$", "–": r"\textendash{}", "…": r"\dots{}", "τ": r"$\tau$",
    "∞": r"$\infty$",
}  # fmt: skip
LIGATURES = re.compile(r"([-'`?!])(?=\1)")


def latex(grids: Iterable[Grid]) -> str:
    """Write tables one below the other, every text escaped."""
    return "\n".join(map(_table, grids))


def escaped(text: str) -> str:
    r"""Write a text so that LaTeX sets it as it stands.

    Example:
        >>> print(escaped("50% of a_b → {é}"))
        50\% of a\_b $\rightarrow$ \{\textbackslash{}xe9\}
    """
    parted = LIGATURES.sub("\\1\0", text)  # or -- would be set as a dash
    return "".join(map(_escape, parted)).replace("\0", "{}")


def _escape(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    if character.isascii():
        return character
    return "".join(ESCAPES.get(c, c) for c in ascii(character)[1:-1])


def _table(table: Grid) -> str:
    widths = [len(group.columns) for group in table.groups]
    starts = [2 + sum(widths[:place]) for place in range(len(widths))]
    spans = [
        rf"\multicolumn{{{width}}}{{c}}{{{escaped(group.heading)}}}"
        for width, group in zip(widths, table.groups, strict=True)
    ]
    rules = [
        rf"\cmidrule(lr){{{start}-{start + width - 1}}}"
        for start, width in zip(starts, widths, strict=True)
    ]
    columns = [column for group in table.groups for column in group.columns]
    lines = [
        *(f"% {comment}" for comment in _comments(table)),
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escaped(f'{table.title} ({table.label} of the pix2pix paper)')}}}",
        rf"  \label{{tab:p2p-eval-{table.key}}}",
        r"  \footnotesize\setlength{\tabcolsep}{3pt}",
        rf"  \begin{{tabular}}{{l{'r' * len(columns)}}}",
        r"    \toprule",
        "    " + " & ".join(["", *spans]).lstrip() + r" \\",
        "    " + " ".join(rules),
        _row([table.rows_are, *columns]),
        r"    \midrule",
        *(_row([name, *cells]) for name, cells in table.lines),
    ]
    if table.agreement:
        lines += [r"    \midrule", _row(["rank agreement", *table.agreement])]
    lines += [r"    \bottomrule", r"  \end{tabular}", *_below(table), r"\end{table}"]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "    " + " & ".join(map(escaped, cells)) + r" \\"


def _below(table: Grid) -> list[str]:
    """Notes, signatures and provenance in small type; lines may break after a signature's bars."""
    texts = [escaped(note) for note in table.notes]
    for letter, signature in table.signatures:
        breakable = escaped(signature).replace(r"\textbar{}", r"\textbar\allowbreak{}")
        texts.append(f"{_signature(letter)}: {breakable}")
    texts += [escaped(text) for text in table.provenance]
    return [
        "",
        r"  \smallskip",
        r"  \begin{minipage}{\linewidth}\raggedright",
        *(rf"    {text}\par" for text in texts),
        r"  \end{minipage}",
    ]


def _comments(table: Grid) -> list[str]:
    signatures = [f"{_signature(letter)}: {text}" for letter, text in table.signatures]
    return [ascii(text)[1:-1] for text in (table.label, *table.provenance, *signatures)]


def _signature(letter: str) -> str:
    return f"Signature {letter}".strip()
