"""Figures with their intervals, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["UNKNOWN", "Figure", "decimals_for", "shown_interval", "shown_number"]

UNKNOWN = "–"
"""What stands for a figure that is not known."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and its 95 % interval; None is not known."""

    value: float | None
    low: float | None = None
    high: float | None = None


def decimals_for(values: Iterable[float | None]) -> int:
    """How many decimals show four digits of the largest value, 0 to 6.

    Example:
        >>> decimals_for([12.85, 7.0]), decimals_for([0.0123])
        (2, 5)
    """
    largest = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=0.0)
    return min(6, max(0, 3 - math.floor(math.log10(largest)))) if largest else 3


def shown_number(value: float | None, decimals: int) -> str:
    """A value with so many decimals, a real minus sign, ∞, or a dash where it is not known."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{decimals}f}"
    return text.replace("-", "−") if float(text) else text.removeprefix("-")


def shown_interval(figure: Figure, decimals: int) -> str:
    """The ends of a figure's interval in brackets."""
    return f"[{shown_number(figure.low, decimals)}, {shown_number(figure.high, decimals)}]"
