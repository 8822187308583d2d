"""Numbers and sentences of checked figures, which all formats for people share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fcn.errors import shown
from p2p_eval.gate.checked import Checked, CheckedFigure, Interval
from p2p_eval.results.findings import counted, first
from p2p_eval.scores.numbers import UNKNOWN, decimals_for, shown_number

__all__ = ["HEADINGS", "cells", "labels", "sentence", "signed"]

ARROWS = {"higher": "↑", "lower": "↓", "zero": "→ 0"}
HEADINGS = ("baseline", "current", "difference", "interval", "corrected", "p", "corrected p")
"""Of :func:`cells`."""

SMALLEST_P = 1e-4


def cells(figure: CheckedFigure) -> tuple[str, ...]:
    """The numbers of a figure, one text a heading."""
    decimals = _decimals(figure)
    return (
        shown_number(figure.baseline, decimals),
        shown_number(figure.current, decimals),
        signed(figure.difference, decimals),
        _interval(figure.interval, decimals),
        _interval(figure.corrected, decimals),
        _p(figure.p),
        _p(figure.p_corrected),
    )


def labels(figures: Sequence[CheckedFigure]) -> list[str]:
    """What figures are called in rows: what all share is not said; with unit and direction."""
    experiments = len({figure.experiment for figure in figures}) > 1
    kinds = len({figure.kind for figure in figures}) > 1
    return [
        f"{f'{f.experiment}: ' if experiments else ''}{f'{f.kind} ' if kinds else ''}{f.name}"
        f"{f', {f.unit}' if f.unit else ''} {ARROWS[f.better]}"
        for f in figures
    ]


def sentence(figure: CheckedFigure, checked: Checked) -> str:
    """Say what became of a figure, and why, in one line."""
    decimals = _decimals(figure)
    unit = f" {figure.unit}" if figure.unit else ""
    p = "" if math.isnan(figure.p) else f"; p {_p(figure.p_corrected)} after Holm's correction"
    interval = (
        ""
        if math.isnan(figure.interval[0])
        else (
            f", {100 * checked.settings.confidence:g} % interval "
            f"{_interval(figure.interval, decimals)}"
        )
    )
    text = (
        f"{figure.label}: {figure.verdict}: {shown_number(figure.baseline, decimals)} → "
        f"{shown_number(figure.current, decimals)}{unit} (difference "
        f"{signed(figure.difference, decimals)}{interval}; {figure.better} is better, tolerance "
        f"{_plain(figure.tolerance)}{p})"
    )
    parts = [text, *figure.notes]
    if figure.verdict == "worse" and figure.worst:
        names = [entry.image for entry in figure.worst]
        more = ", …" if len(names) > len(first(names)) else ""
        parts.append(f"{counted(len(names), 'image')} lost most: {', '.join(first(names))}{more}")
    return shown("; ".join(parts))


def signed(value: float, decimals: int) -> str:
    """A difference, with its sign.

    Example:
        >>> signed(0.25, 2), signed(-0.25, 2), signed(0.0, 2)
        ('+0.25', '−0.25', '0.00')
    """
    text = shown_number(value, decimals)
    moved = value > 0 and any(digit in text for digit in "123456789∞")
    return f"+{text}" if moved else text


def _decimals(figure: CheckedFigure) -> int:
    """Enough to see three digits of the difference, but no more than six, or two of the value."""
    values = decimals_for([figure.baseline, figure.current])
    return min(6, max(values, decimals_for([figure.difference]) - 1))


def _interval(ends: Interval, decimals: int) -> str:
    if math.isnan(ends[0]) and math.isnan(ends[1]):
        return UNKNOWN
    return f"[{', '.join(signed(end, decimals) for end in ends)}]"


def _plain(value: float) -> str:
    return f"{value:.3g}"


def _p(p: float) -> str:
    if math.isnan(p):
        return UNKNOWN
    return f"< {SMALLEST_P:.4f}" if p < SMALLEST_P else f"{p:.2g}"
