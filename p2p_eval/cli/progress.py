"""A progress bar on stderr: only on a terminal, only for what takes over two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from p2p_eval.cli.exits import stderr

__all__ = ["progress_bar"]

PATIENCE_S = 2.0


class Show(Protocol):
    """Takes how much is done, of how much, and what else is to be said."""

    def __call__(self, done: int, total: int, text: str = "", /) -> None:
        """Show it."""


@contextmanager
def progress_bar(title: str, *, quiet: bool) -> Iterator[Show]:
    """Give a function that shows how far a task is and how long it will take.

    Args:
        title: What is being done.
        quiet: Show nothing.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda done, total, text="": None
        return

    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    started = time.monotonic()
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )  # fmt: skip
    bar = Progress(*columns, console=stderr, transient=True)
    task = bar.add_task(title, total=None)

    def show(done: int, total: int, text: str = "", /) -> None:
        bar.update(task, completed=done, total=total, description=f"{title} {text}".rstrip())
        if not bar.live.is_started and time.monotonic() - started > PATIENCE_S:
            bar.start()

    try:
        yield show
    finally:
        bar.stop()
