"""Texts in the cells of CSV files that spreadsheets open."""

from __future__ import annotations

__all__ = ["safe_cell"]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula.

    Example:
        >>> safe_cell("=1+1"), safe_cell("L1+cGAN")
        ("'=1+1", 'L1+cGAN')
    """
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
