"""Rows of counts in records of one size: appended as they come, and read without holding them all.

Each item has one record: its key (a SHA-256, 32 bytes), its counts (32 bits each, little-endian),
and the CRC-32 of both. A record that a kill or a full disk left torn fails its checksum: it is
ignored, and its remains at the end are cut off. Memory holds the keys only.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from fcn.files import replacing
from p2p_eval.errors import StoreError
from p2p_eval.scores.store import store_error

__all__ = ["RowFile"]

BLOCK_BYTES = 1 << 21

Counts = NDArray[np.integer]


class RowFile:
    """Counts by key, each of one shape, in a file; use as a context manager.

    A record reaches the operating system before :meth:`append` returns, so it survives a kill of
    the process; a loss of power costs at most some records, which the checksums find.

    Args:
        path: The file; it is made, with its folders, if it is missing.
        shape: Of the counts of one item.

    Raises:
        StoreError: The file cannot be read or written.

    Example:
        >>> import tempfile
        >>> with RowFile(Path(tempfile.mkdtemp()) / "rows.bin", (2,)) as rows:
        ...     position = rows.append("ab" * 32, np.array([3, 4]))
        ...     rows.read(position).tolist(), rows.position("cd" * 32)
        ([3, 4], None)
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        """Open the file and check every record."""
        self.path = path
        self.shape = shape
        self._body = 32 + 4 * math.prod(shape)
        self._record = self._body + 4
        self._file = -1
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
        except OSError as error:
            self._close()
            raise store_error(path, error) from error

    def __enter__(self) -> RowFile:
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

    def position(self, key: str) -> int | None:
        """Where the counts of a key are; None if they are not there."""
        return self._positions.get(bytes.fromhex(key))

    def read(self, position: int) -> Counts:
        """Return the counts at a position, int64; threads may read at once.

        Raises:
            StoreError: They cannot be read.
        """
        counts: Counts = next(self.blocks(range(position, position + 1)))[0]
        return counts

    def append(self, key: str, counts: Counts) -> int:
        """Add the counts of a key, and return their position.

        Raises:
            StoreError: The record could not be written; what stood in the file stays valid.
            ValueError: The counts have another shape, or are not in 0 … 2**32 - 1.
        """
        if counts.shape != self.shape or counts.min() < 0 or counts.max() >= 1 << 32:
            raise ValueError(
                f"got counts of shape {counts.shape}, expected {self.shape} and 0 to 2**32 - 1"
            )
        body = bytes.fromhex(key) + counts.astype("<u4").tobytes()
        record = body + zlib.crc32(body).to_bytes(4, "little")
        try:
            end = os.lseek(self._file, self.count * self._record, os.SEEK_SET)
            try:
                _write(self._file, record)
            except OSError:
                os.ftruncate(self._file, end)
                raise
        except OSError as error:
            raise store_error(self.path, error) from error
        self._positions[body[:32]] = self.count
        self.count += 1
        return self.count - 1

    def blocks(self, positions: Sequence[int]) -> Iterator[Counts]:
        """Give the counts at positions, in order, in arrays ``(n, *shape)`` of bounded size.

        Raises:
            StoreError: They cannot be read.
        """
        size = max(1, BLOCK_BYTES // self._record)
        for start in range(0, len(positions), size):
            records = b"".join(self._records(positions[start : start + size]))
            rows = np.frombuffer(records, np.uint8).reshape(-1, self._record)
            counts = np.ascontiguousarray(rows[:, 32 : self._body]).view("<u4")
            yield counts.reshape(-1, *self.shape).astype(np.int64)

    def keep(self, positions: Sequence[int]) -> None:
        """Write the file anew with the records at these positions, in order; they become 0, 1, ….

        It is at any moment the old file or the new one, whole; nothing is done if it would not
        change.

        Raises:
            StoreError: It could not be written; the old file is as it was.
        """
        if self.count == len(positions) and all(i == p for i, p in enumerate(positions)):
            return
        try:
            with replacing(self.path) as file:
                for record in self._records(positions):
                    file.write(record)
            self._close()
            self._open()
        except OSError as error:
            raise store_error(self.path, error) from error

    def _open(self) -> None:
        """Open the file, find the whole records, and cut off a torn end."""
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self.count = os.fstat(self._file).st_size // self._record
        os.ftruncate(self._file, self.count * self._record)
        self._positions: dict[bytes, int] = {}
        for position, record in enumerate(self._records(range(self.count))):
            if zlib.crc32(record[:-4]) == int.from_bytes(record[-4:], "little"):
                self._positions[record[:32]] = position

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _records(self, positions: Sequence[int]) -> Iterator[bytes]:
        for position in positions:
            record = os.pread(self._file, self._record, position * self._record)
            if len(record) < self._record:
                raise StoreError(f"{self.path}: it ends early; leave it alone while a run uses it")
            yield record


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
