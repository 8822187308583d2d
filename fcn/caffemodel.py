"""What layers and weights does a ``.caffemodel`` hold?

A ``.caffemodel`` is a protobuf message ``NetParameter``. Only what carries weights is read: layers
(field 100 ``layer``, or field 2 ``layers`` in files before 2014), their names and their blobs;
everything else is stepped over. The file is memory-mapped and untrusted: nothing is allocated that
its bytes do not back, and the parser neither recurses nor visits more than ``MAX_FIELDS`` fields.

Source of the format: ``src/caffe/proto/caffe.proto`` of https://github.com/BVLC/caffe.
"""

from __future__ import annotations

import math
import mmap
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcn.errors import WeightsError

__all__ = ["Blob", "map_file", "parse", "read_caffemodel"]

MAX_FILE_BYTES = (1 << 31) - 1  # protobuf's own limit on a message
MAX_FIELDS = 1 << 18
MAX_LAYERS = 10_000
MAX_BLOBS = 64
MAX_DIMS = 32  # Caffe's kMaxBlobAxes
MAX_NAME_BYTES = 1000

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LAYER_FIELDS = {100: (1, 7), 2: (4, 6)}  # field of NetParameter: fields of its name and its blobs
COPY_ELEMENTS = 1 << 22

Floats = NDArray[np.float32]

SIGNATURES = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"PK\x03\x04", "a zip archive or a PyTorch checkpoint"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"version https://git-lfs", "a git LFS pointer, not the file that it stands for"),
)


@dataclass(slots=True)
class Blob:
    """One array of a layer, still in the file.

    Attributes:
        shape: Its shape as declared; legacy blobs have four dimensions.
        chunks: One-dimensional float32 or float64 views of the file that together hold exactly
            the elements of ``shape``.
    """

    shape: tuple[int, ...]
    chunks: list[NDArray[Any]]

    def view(self) -> Floats:
        """Return the array: a read-only view of the file where it lies there as float32."""
        if len(self.chunks) == 1 and self.chunks[0].dtype == np.float32:
            return self.chunks[0].reshape(self.shape)
        return self.copy()

    def copy(self, release: Callable[[], None] = lambda: None) -> Floats:
        """Return a copy in memory, calling ``release`` after each part read (at most 32 MB)."""
        out = np.empty(math.prod(self.shape), np.float32)
        end = 0
        for chunk in self.chunks:
            for start in range(0, len(chunk), COPY_ELEMENTS):
                part = chunk[start : start + COPY_ELEMENTS]
                with np.errstate(over="ignore"):  # a double beyond float32 becomes inf
                    out[end : end + len(part)] = part
                end += len(part)
                release()
        return out.reshape(self.shape)


def read_caffemodel(path: str | os.PathLike[str]) -> dict[str, list[Floats]]:
    """Read every layer that has weights.

    Args:
        path: A ``.caffemodel`` file, of the new (``layer``) or the old (``layers``) format.

    Returns:
        Layer name to its blobs in the file's order, float32, in the declared shapes (biases of
        legacy files are ``(1, 1, 1, n)``). Blobs are read-only views of the memory-mapped file
        where it holds plain floats, and need not be aligned. Bytes of a name that are not UTF-8
        appear as ``\\xNN``.

    Raises:
        WeightsError: The file is unreadable, truncated, foreign or inconsistent.
    """
    path = Path(path)
    layers = parse(map_file(path), path)
    return {name: [blob.view() for blob in blobs] for name, blobs in layers.items()}


def map_file(path: Path) -> mmap.mmap:
    """Map a regular file of 1 byte … 2 GiB for reading.

    Raises:
        WeightsError: It is missing, unreadable, empty, too large, or not a regular file.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # before open(), which would wait on a pipe
            raise WeightsError(f"{path}: not a regular file, expected a weights file")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if not 0 < size <= MAX_FILE_BYTES:
                raise WeightsError(
                    f"{path}: got a file of {size} bytes, expected 1 … {MAX_FILE_BYTES}; "
                    "fetch it again"
                )
            return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise WeightsError(
            f"{path}: cannot be read: {reason}; check that it exists and that you may read it, or "
            "get the weights again"
        ) from error


def parse(buffer: mmap.mmap | bytes, path: Path) -> dict[str, list[Blob]]:
    """Find the layers that have weights; ``path`` is for messages only.

    Raises:
        WeightsError: As :func:`read_caffemodel`.
    """
    if (kind := _foreign(buffer[:512])) is not None:
        raise WeightsError(f"{path}: this is {kind}; expected a .caffemodel or .safetensors file")
    return _Parser(memoryview(buffer), path).net()


def _foreign(head: bytes) -> str | None:
    """Say what the first bytes of a file belong to, if they cannot be a caffemodel's."""
    for signature, kind in SIGNATURES:
        if head.startswith(signature):
            return kind
    if re.match(rb"\s*<(!doctype|html|\?xml)", head, re.IGNORECASE):
        return "a web page (HTML or XML), as servers send in place of a missing file"
    if len(head) > 8 and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head):
        return "a text file (a .prototxt, perhaps)"
    return None


@dataclass(slots=True)
class _Parser:
    """A cursor over the file that counts what it visits."""

    data: memoryview
    path: Path
    visited: int = 0
    where: str = "the file"
    layers: dict[str, list[Blob]] = field(default_factory=dict)

    def error(self, problem: str) -> WeightsError:
        return WeightsError(
            f"{self.path}: {self.where}: {problem}; "
            "the file is truncated, damaged or not a .caffemodel: fetch it again"
        )

    def varint(self, start: int, end: int) -> tuple[int, int]:
        value = 0
        for index in range(start, min(end, start + 10)):
            byte = self.data[index]
            value |= (byte & 0x7F) << 7 * (index - start)
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF, index + 1
        raise self.error(f"the number at byte {start} has no end")

    def fields(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield number, wire type, and the span of the value, of each field of a message."""
        while start < end:
            self.visited += 1
            if self.visited > MAX_FIELDS:
                raise self.error(f"more than {MAX_FIELDS} fields")
            tag_at = start
            tag, start = self.varint(start, end)
            number, wire = tag >> 3, tag & 7
            if not 0 < number < 1 << 29:
                raise self.error(f"got field number {number} at byte {tag_at}")
            if wire == BYTES:
                length, start = self.varint(start, end)
                stop = start + length
            elif wire == VARINT:
                _, stop = self.varint(start, end)
            elif wire in (FIXED32, FIXED64):
                stop = start + (4 if wire == FIXED32 else 8)
            else:
                raise self.error(f"got wire type {wire} at byte {tag_at}")
            if stop > end:
                raise self.error(
                    f"the value at byte {start} needs {stop - start} bytes, {end - start} are there"
                )
            if number in (5, 8) and wire in (FIXED32, FIXED64) and start - tag_at == 1:
                stop = self.run(tag_at, stop - tag_at, end)
            yield number, wire, start, stop
            start = stop

    def run(self, start: int, record: int, end: int) -> int:
        """Return where a run of unpacked numbers with the same one-byte tag ends."""
        available, count, step = (end - start) // record, 1, 64
        while count < available:
            step = min(2 * step, available - count, COPY_ELEMENTS)
            tags = np.frombuffer(
                self.data, np.uint8, (step - 1) * record + 1, start + count * record
            )
            different = np.flatnonzero(tags[::record] != self.data[start])
            if len(different):
                return start + (count + int(different[0])) * record
            count += step
        return start + count * record

    def net(self) -> dict[str, list[Blob]]:
        seen = 0
        for number, wire, start, end in self.fields(0, len(self.data)):
            if number in LAYER_FIELDS and wire == BYTES:
                seen += 1
                if seen > MAX_LAYERS:
                    raise self.error(f"more than {MAX_LAYERS} layers")
                self.layer(start, end, *LAYER_FIELDS[number])
                self.where = "the file"
        if not self.layers:
            raise self.error("got no layer with weights")
        return self.layers

    def layer(self, start: int, end: int, name_field: int, blobs_field: int) -> None:
        name = ""
        spans = []
        self.where = f"the layer at byte {start}"
        for number, wire, first, last in self.fields(start, end):
            if number == name_field and wire == BYTES:
                if last - first > MAX_NAME_BYTES:
                    raise self.error(f"its name has {last - first} bytes, over {MAX_NAME_BYTES}")
                name = bytes(self.data[first:last]).decode("utf-8", "backslashreplace")
            elif number == blobs_field and wire == BYTES:
                spans.append((first, last))
        self.where = f"layer {ascii(name)[1:-1][:80]}"
        if len(spans) > MAX_BLOBS:
            raise self.error(f"got {len(spans)} blobs, expected at most {MAX_BLOBS}")
        if not spans:
            return
        if name in self.layers:
            raise self.error("the name stands twice")
        self.layers[name] = [self.blob(first, last) for first, last in spans]

    def blob(self, start: int, end: int) -> Blob:
        legacy: dict[int, int] = {}
        dims: list[int] = []
        has_shape = False
        chunks: dict[int, list[NDArray[Any]]] = {5: [], 8: []}
        for number, wire, first, last in self.fields(start, end):
            if number == 7 and wire == BYTES:
                has_shape = True
                dims += self.shape(first, last, MAX_DIMS - len(dims))
            elif 1 <= number <= 4 and wire == VARINT:
                legacy[number] = self.dimension(first, last)
            elif number in chunks:
                chunks[number].append(self.numbers(number, wire, first, last))
        # Caffe's own order (Blob::FromProto): legacy dimensions and doubles win where both stand.
        shape = tuple(legacy.get(number, 0) for number in (1, 2, 3, 4)) if legacy else tuple(dims)
        numbers = chunks[8] or chunks[5]
        found = sum(map(len, numbers))
        if not legacy and not has_shape and not found:
            shape = (0,)
        if found != math.prod(shape):
            raise self.error(
                f"expected {math.prod(shape)} numbers for shape {shape}, found {found}"
            )
        return Blob(shape, numbers)

    def shape(self, start: int, end: int, room: int) -> list[int]:
        dims: list[int] = []
        for number, wire, first, last in self.fields(start, end):
            if number != 1 or wire not in (VARINT, BYTES):
                continue
            while first < last:
                stop = self.varint(first, last)[1]
                dims.append(self.dimension(first, stop))
                first = stop
                if len(dims) > room:
                    raise self.error(f"a blob has more than {MAX_DIMS} dimensions")
        return dims

    def dimension(self, start: int, end: int) -> int:
        value = self.varint(start, end)[0]
        if value > len(self.data):  # negative numbers are above 2**63 here
            raise self.error(f"got a dimension of {value}, more than the file has bytes")
        return value

    def numbers(self, number: int, wire: int, start: int, end: int) -> NDArray[Any]:
        """Return a view of a packed array, or of a run of unpacked numbers."""
        dtype = np.dtype("<f4" if number == 5 else "<f8")
        size = dtype.itemsize
        if wire == BYTES:
            if (end - start) % size:
                raise self.error(f"got {end - start} bytes of numbers, expected {size} each")
            return np.frombuffer(self.data, dtype, (end - start) // size, start)
        if wire != (FIXED32 if number == 5 else FIXED64):
            raise self.error(f"got wire type {wire} for numbers of {size} bytes")
        # One tag byte before each number; the first one's lies just before the span.
        count = 1 + (end - start - size) // (size + 1)
        run = np.frombuffer(self.data, np.uint8, end - start, start)
        return np.ndarray((count,), dtype, run, 0, (size + 1,))
