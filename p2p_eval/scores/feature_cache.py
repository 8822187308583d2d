"""What was computed of real images, kept between runs, because the same ones are seen again.

Entries are found by a key that names a content and all that was done to it, so none is ever out of
date. The folder is bounded, may be deleted at any moment, and may be used by several processes at
once; an entry that is damaged is as good as none. Nothing that goes wrong here ends a run.

An entry is a line of text (format, checksum of all the rest, types and shapes) and then the
numbers. The checksum, of each page's sum, tells what a power cut tore from what is whole; words
that changed places within a page it does not see, and it is no defence against forgery.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import threading
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fcn.catalogue import cache_folder
from fcn.files import TEMPORARY, temporary_path
from p2p_eval.errors import InputError

__all__ = ["LIMIT_GIB", "VARIABLE", "FeatureCache"]

LIMIT_GIB = 4.0
"""How large the cache may grow unless the environment says something else."""

VARIABLE = "P2P_EVAL_FEATURES_GIB"
"""Environment variable with another limit; 0 switches the cache off."""

FORMAT = "p2p-eval-features/3"
"""Raised whenever entries are written otherwise, or features made by other arithmetic."""

DTYPES = {"uint8": torch.uint8, "float32": torch.float32, "float64": torch.float64}
ALIGNMENT = 64
PAGE = 4096
MAX_HEADER = 4096
STALE_S = 3600.0
MALFORMED = (ValueError, TypeError, KeyError, OverflowError, RecursionError, RuntimeError)


class FeatureCache:
    """A bounded folder of tensors by key.

    What this run has written or used is not evicted for it, so that a set of images larger than
    the limit keeps a part of them in place of replacing all by all.

    Args:
        folder: Where entries lie; made when the first one is written.
        limit: Bytes that they may have in all; 0 for no cache.

    Example:
        >>> import tempfile
        >>> cache = FeatureCache(Path(tempfile.mkdtemp()), limit=1 << 20)
        >>> cache.put("0" * 64, [torch.tensor([1.0, 2.0])])
        >>> cache.get("0" * 64)
        (tensor([1., 2.]),)
    """

    def __init__(self, folder: Path, limit: int) -> None:
        """Remember the folder; nothing is read yet."""
        self.folder = folder
        self.limit = limit
        self._started = time.time()
        self._lock = threading.Lock()
        self._total: int | None = None  # as far as this process knows
        self._unscanned = 0
        self._full = limit <= 0

    @classmethod
    def of_user(cls) -> FeatureCache:
        """Return the user's cache, in the folder where downloaded weights lie, too.

        Raises:
            InputError: The environment's limit is no number.
        """
        text = os.environ.get(VARIABLE) or str(LIMIT_GIB)
        try:
            limit = float(text)
        except ValueError:
            limit = math.nan
        if not 0 <= limit < math.inf:
            raise InputError(f"{VARIABLE}: got {text!r}, expected a number of GiB, or 0 for none")
        return cls(cache_folder().parent / "features", int(limit * (1 << 30)))

    def get(self, key: str) -> tuple[Tensor, ...] | None:
        """Return an entry's tensors, or None if it is not there or not whole."""
        if self.limit <= 0:
            return None
        path = self.folder / key
        try:
            with path.open("rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                data = np.empty(size if size <= self.limit else 0, np.uint8)
                file.readinto(data.data)
                os.utime(file.fileno())
        except OSError:
            return None
        tensors = _parse(key, data)
        if tensors is None:
            _remove(path)
        return tensors

    def put(self, key: str, tensors: Sequence[Tensor]) -> None:
        """Keep tensors, none of them empty, if there is room."""
        if self._full:
            return
        parts = _parts(key, tensors)
        if not self._make_room(sum(map(len, parts))):
            return
        path = self.folder / key
        temporary = temporary_path(path)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb", buffering=0) as file:
                for part in parts:
                    while len(part):
                        part = part[file.write(part) :]
            temporary.replace(path)  # not flushed: the checksum tells what a power cut tore
        except OSError:
            self._full = True  # a full or read-only disk: go on without
        finally:
            _remove(temporary)

    def _make_room(self, size: int) -> bool:
        with self._lock:
            if self._total is None or self._unscanned > self.limit // 16:
                self._total = sum(entry[1] for entry in self._entries())
                self._unscanned = 0
            if self._total + size > self.limit:
                self._total = self._evict(size)
                self._full = self._total + size > self.limit
            if self._full:
                return False
            self._total += size
            self._unscanned += size
            return True

    def _evict(self, size: int) -> int:
        """Remove what was not used for longest, to nine tenths; return the bytes that remain."""
        entries = sorted(self._entries())
        total = sum(entry[1] for entry in entries)
        for used, length, path in entries:
            if total + size <= self.limit * 9 // 10 or used >= self._started:
                break
            _remove(path)
            total -= length
        return total

    def _entries(self) -> list[tuple[float, int, Path]]:
        """Return time of last use, size and path of each; what killed runs left is removed."""
        found = []
        try:
            with os.scandir(self.folder) as scan:
                for entry in scan:
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except OSError:  # another process removed it
                        continue
                    path = Path(entry.path)
                    if path.match(TEMPORARY) and status.st_mtime < self._started - STALE_S:
                        _remove(path)
                    else:
                        found.append((status.st_mtime, status.st_size, path))
        except OSError:
            return []
        return found


def _parts(key: str, tensors: Sequence[Tensor]) -> list[memoryview]:
    """The header and the memory of each tensor; nothing is copied."""
    arrays = [tensor.contiguous().numpy() for tensor in tensors]
    body = [array.reshape(-1).view(np.uint8) for array in arrays]
    shapes = json.dumps([[str(array.dtype), array.shape] for array in arrays])
    line = f"{FORMAT} {_checksum(key, shapes, body):08x} {shapes}"
    padded = line + " " * (-(len(line) + 1) % ALIGNMENT) + "\n"
    return [memoryview(padded.encode()), *(part.data for part in body)]


def _parse(key: str, data: NDArray[np.uint8]) -> tuple[Tensor, ...] | None:
    """Return the tensors in a file's memory, or None if it is not what :func:`_parts` gives."""
    line, _, _ = data[:MAX_HEADER].tobytes().partition(b"\n")
    try:
        name, checksum, shapes = line.decode("ascii").rstrip(" ").split(" ", 2)
        tensors, body, position = [], [], len(line) + 1
        for dtype, shape in json.loads(shapes):
            count = math.prod(shape)
            kind = DTYPES[dtype]
            size = count * kind.itemsize
            if not 0 < size <= len(data) - position:
                return None
            body.append(data[position : position + size])
            tensors.append(torch.from_numpy(body[-1]).view(kind).reshape(shape))
            position += size
        whole = name == FORMAT and position == len(data)
        if not whole or int(checksum, 16) != _checksum(key, shapes, body):
            return None
    except MALFORMED:
        return None
    return tuple(tensors)


def _checksum(key: str, shapes: str, body: Sequence[NDArray[np.uint8]]) -> int:
    """CRC-32 of the sums of all pages, which costs an eighth of that of all bytes."""
    checksum = zlib.crc32(f"{key} {shapes}".encode())
    for part in body:
        pages, rest = np.split(part, [len(part) // PAGE * PAGE])
        sums = pages.view(np.uint64).reshape(-1, PAGE // 8).sum(1)
        checksum = zlib.crc32(rest.data, zlib.crc32(sums.data, checksum))
    return checksum


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
