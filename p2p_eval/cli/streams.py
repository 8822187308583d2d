"""The standard streams: whoever reads them, or does not, changes nothing in how a command ends."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TextIO

__all__ = ["mend"]


class _Stream(io.TextIOWrapper):
    """Text for somebody who may leave early (``| head``), or whose disk may be full.

    What cannot be written any more is thrown away, and the command goes on to its own exit code.
    Only a result that a full disk did not take is an error.
    """

    def __init__(self, descriptor: int, old: TextIO | None, *, is_result: bool) -> None:
        super().__init__(
            open(descriptor, "wb", closefd=False),  # noqa: SIM115 - it lives as long as the program
            encoding=old.encoding if old is not None else "utf-8",
            errors="replace",
            line_buffering=not is_result or (old is not None and old.isatty()),
        )
        self._is_result = is_result

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), self.fileno())
        if self._is_result and error.errno != errno.EPIPE:
            raise OSError(error.errno, error.strerror, "standard output") from error


def mend() -> None:
    """Replace stdout and stderr by streams that bear everything; stand in for closed ones.

    A character that a stream's encoding does not have becomes a question mark.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is taken: this one. Else a file that is opened later had it,
            # and what is meant for the terminal would be written into that file.
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = _Stream(1, sys.stdout, is_result=True)
    sys.stderr = _Stream(2, sys.stderr, is_result=False)
