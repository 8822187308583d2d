"""How files are read, written, hashed and recorded: bounded, atomically, and in a stream."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fcn.errors import WeightsError

__all__ = [
    "TEMPORARY",
    "read_record",
    "read_text",
    "record_path",
    "refuse_device",
    "replacing",
    "sha256_of",
    "sync_folder",
    "temporary_path",
    "write_record",
]

TEMPORARY = f".{'[0-9a-f]' * 16}.tmp"
"""Pattern of the names of :func:`temporary_path`; what a killed run leaves has one."""

MAX_RECORD_BYTES = 4096


def temporary_path(path: Path) -> Path:
    """Return a new name beside ``path``, to write under before the file takes its place."""
    return path.with_name(f".{secrets.token_hex(8)}.tmp")


def refuse_device(path: Path) -> None:
    """Refuse a device or a pipe, such as ``/dev/null``, whose place a file would take.

    Raises:
        OSError: There is one at ``path``.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.ENOTSUP, "it is a device or a pipe, expected a file or none")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of ``path`` when the block ends without an error.

    Until then it lies in the same folder under a name that starts with a dot; after an error, or
    an interrupt, it is gone and ``path`` is what it was.

    Raises:
        OSError: The file could not be written, flushed to the disk or renamed, or is a device.
    """
    refuse_device(path)
    temporary = temporary_path(path)
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):  # a read-only disk refuses this too
            temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, so that a rename survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's content, in hexadecimal, read in a stream.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_text(path: Path, limit: int) -> str:
    """Return the text of a small file in UTF-8, with or without a byte order mark.

    Args:
        path: The file.
        limit: The most bytes that it may have.

    Raises:
        OSError: There is no such file, or it cannot be read.
        ValueError: It is too large, or not UTF-8.
    """
    if not os.path.isfile(path):  # Path.is_file raises where a name is too long
        raise FileNotFoundError("there is no such file")
    with path.open(encoding="utf-8-sig") as file:
        if os.fstat(file.fileno()).st_size > limit:
            raise ValueError(f"over {limit} bytes, which is too large")
        return file.read(limit)


def record_path(path: Path) -> Path:
    """Return where the sha256 of ``path`` is recorded: beside it, as ``<name>.sha256``."""
    return path.with_name(path.name + ".sha256")


def write_record(path: Path, sha256: str) -> None:
    """Record a file's sha256 beside it, in the format of ``sha256sum``.

    Raises:
        OSError: The record could not be written.
    """
    with replacing(record_path(path)) as file:
        file.write(f"{sha256}  {path.name}\n".encode())


def read_record(path: Path) -> str | None:
    """Return the sha256 that is recorded beside ``path``, or None where there is no record.

    Raises:
        WeightsError: There is a record, but it holds no sha256.
    """
    record = record_path(path)
    try:
        with record.open("rb") as file:
            text = file.read(MAX_RECORD_BYTES).decode("ascii", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WeightsError(f"{record}: cannot be read: {error}") from error
    if (match := re.match(r"[0-9a-fA-F]{64}\b", text)) is None:
        raise WeightsError(
            f"{record}: got {text[:80]!a}, expected 64 hexadecimal digits; "
            f"delete it if you trust {path.name}"
        )
    return match[0].lower()
