"""The journal of a run: one line a scored item, so that a run that was killed can go on.

A line is a checksum (CRC-32, eight hexadecimal digits), a space, and a JSON object with the
item's key and its counts, or its values by name. A line that a kill or a full disk left torn fails
its checksum: it is ignored, and cut off before the next line is written.
"""

from __future__ import annotations

import json
import math
import os
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from p2p_eval.errors import StoreError
from p2p_eval.scores.store import remove, store_error

__all__ = ["Journal", "Values", "read_journal", "read_values"]

MAX_BYTES = 1 << 32
MAX_LINE = 1 << 22
MALFORMED = (ValueError, TypeError, KeyError, OverflowError, RecursionError)

Counts = NDArray[np.int64]

Values = dict[str, float]
"""Numbers by name; infinite ones are allowed, NaN is not."""


class Journal:
    """Append-only writer; the file is made with its first line.

    Use as a context manager. Each line reaches the operating system before :meth:`append`
    returns, so it survives a kill of the process; a loss of power costs at most some lines,
    which the checksums find.
    """

    def __init__(self, path: Path) -> None:
        """Remember the path; nothing is opened yet."""
        self.path = path
        self._file: BinaryIO | None = None

    def append(self, key: str, row: Counts | Mapping[str, float]) -> None:
        """Add one item: its counts, or its values.

        Raises:
            StoreError: The line could not be written; what stood in the journal stays valid.
        """
        entry: dict[str, Any] = {"key": key}
        if isinstance(row, np.ndarray):
            entry["counts"] = row.ravel().tolist()
        else:
            entry["values"] = dict(row)
        body = json.dumps(entry, separators=(",", ":"))
        line = f"{zlib.crc32(body.encode()):08x} {body}\n".encode()
        try:
            file = self._file = self._file or self._open()
            end = file.tell()
            try:
                self._write(file, line)
            except OSError:
                file.truncate(end)
                file.seek(end)
                if not end:
                    self._close()
                    remove(self.path)
                raise
        except OSError as error:
            raise store_error(self.path, error) from error

    def __enter__(self) -> Journal:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file and leave it in place."""
        self._close()

    def _open(self) -> BinaryIO:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("r+b" if self.path.exists() else "w+b", buffering=0)
        _cut_torn_line(file)
        return file

    @staticmethod
    def _write(file: BinaryIO, line: bytes) -> None:
        while line:
            line = line[file.write(line) :]

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def read_journal(path: Path) -> dict[str, Counts]:
    """Read the rows of counts that are whole: flat, by key; none where there is no journal.

    Raises:
        StoreError: The file cannot be read or is far too large.
    """
    rows: dict[str, Counts] = {}
    for key, entry in _entries(path):
        try:
            counts = np.array(entry["counts"], np.int64)
        except MALFORMED:
            continue
        if counts.ndim == 1 and counts.size and counts.min() >= 0:
            rows[key] = counts
    return rows


def read_values(path: Path) -> dict[str, Values]:
    """Read the rows of values that are whole, by key; what several rows say of a key is merged.

    Raises:
        StoreError: The file cannot be read or is far too large.
    """
    rows: dict[str, Values] = {}
    for key, entry in _entries(path):
        try:
            # The same few names stand in every row; they are held once.
            values = {sys.intern(name): float(value) for name, value in entry["values"].items()}
        except (*MALFORMED, AttributeError):
            continue
        if not any(map(math.isnan, values.values())):
            rows.setdefault(key, {}).update(values)
    return rows


def _entries(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the key and the content of each line that is whole."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise StoreError(f"{path}: over {MAX_BYTES} bytes, no journal; use --fresh")
            while line := file.readline(MAX_LINE):
                checksum, _, body = line.removesuffix(b"\n").partition(b" ")
                if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(body):
                    continue  # torn or damaged
                try:
                    entry = json.loads(body)
                    key = str(entry["key"])
                except MALFORMED:
                    continue
                yield key, entry
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be read ({error.strerror}); check its permissions, or use --fresh"
        ) from error


def _cut_torn_line(file: BinaryIO) -> None:
    """Truncate after the last newline, and stand there."""
    end = file.seek(0, os.SEEK_END)
    position = max(0, end - MAX_LINE)
    file.seek(position)
    tail = file.read(end - position)
    keep = position + tail.rfind(b"\n") + 1
    file.truncate(keep)
    file.seek(keep)
