"""What is said of scores on stderr: notes, and images that are left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from p2p_eval.cli.exits import stderr

__all__ = ["print_notes", "print_remarks", "remark"]


class Report(Protocol):
    """Any score's report."""

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the figures should know."""

    @property
    def warnings(self) -> Sequence[str]:
        """The notes that nobody should miss."""

    @property
    def left_out(self) -> Sequence[str]:
        """Images that could not be used, with the reason."""


def print_remarks(report: Report, *, quiet: bool) -> None:
    """Print what a reader of the scores should know, and which images were left out."""
    print_notes(report, quiet=quiet)
    remark(f"left out: {name}" for name in report.left_out)


def print_notes(report: Report, *, quiet: bool) -> None:
    """Print what a reader of the scores should know, or only the warnings of it."""
    remark(report.warnings if quiet else report.notes)


def remark(lines: Iterable[str]) -> None:
    """Print lines that stand out."""
    for line in lines:
        stderr.print(line, style="yellow", markup=False)
