"""``confusion.npz``: the counts of every frame, from which all scores of a run follow."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from p2p_eval.errors import StoreError

__all__ = ["FrameCounts", "confusion_bytes", "read_confusion"]

MEMBERS = {"images": "U", "keys": "U", "counts": "i", "classes": "U", "signature": "U"}
MAX_MEMBER_BYTES = 1 << 30
DAMAGED = (
    ValueError,
    TypeError,
    KeyError,
    OSError,
    EOFError,
    OverflowError,
    RuntimeError,  # an encrypted or oddly compressed member
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
)


@dataclass(frozen=True, slots=True, eq=False)
class FrameCounts:
    """Joint counts of frames, and what they are of.

    Attributes:
        images: Name of each frame.
        keys: Digest of each frame's image, label and settings; equal keys mean equal counts.
        counts: Shape ``(frames, num_classes, outputs)``: label class by prediction.
        classes: Name of each class.
        signature: The settings that the counts depend on.
    """

    images: tuple[str, ...]
    keys: tuple[str, ...]
    counts: NDArray[np.int64]
    classes: tuple[str, ...]
    signature: str

    def __post_init__(self) -> None:
        """Check that the parts fit.

        Raises:
            ValueError: They do not, or a count is negative.
        """
        shape = self.counts.shape
        if len(shape) != 3 or shape[:2] != (len(self.images), len(self.classes)):
            raise ValueError(
                f"counts of shape {shape} for {len(self.images)} images and "
                f"{len(self.classes)} classes"
            )
        if shape[2] not in (shape[1], shape[1] + 1) or len(self.keys) != shape[0]:
            raise ValueError(f"counts of shape {shape} and {len(self.keys)} keys")
        if self.counts.dtype != np.int64 or (self.counts.size and self.counts.min() < 0):
            raise ValueError("counts that are negative or no 64-bit integers")


def confusion_bytes(rows: FrameCounts) -> bytes:
    """Return the file's content; equal rows give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in MEMBERS:
            # A ZipInfo of our own has a fixed date, so that the bytes do not depend on the time.
            member = zipfile.ZipInfo(f"{name}.npy")
            member.compress_type = zipfile.ZIP_DEFLATED
            array = io.BytesIO()
            np.save(array, np.asarray(getattr(rows, name)), allow_pickle=False)
            archive.writestr(member, array.getvalue())
    return buffer.getvalue()


def read_confusion(path: Path) -> FrameCounts:
    """Read the file and check it; nothing is unpickled, and sizes are checked before allocating.

    Raises:
        StoreError: It cannot be read, or is not what :func:`confusion_bytes` gives.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "confusion.npz")
        >>> rows = FrameCounts(("a",), ("0",), np.ones((1, 1, 2), int), ("road",), "fcn-score")
        >>> _ = path.write_bytes(confusion_bytes(rows))
        >>> read_confusion(path).counts.tolist()
        [[[1, 1]]]
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sorted(archive.namelist()) != sorted(f"{name}.npy" for name in MEMBERS):
                raise ValueError(f"it holds {', '.join(archive.namelist()[:10]) or 'nothing'}")
            arrays = {name: _read_member(archive, name) for name in MEMBERS}
        return FrameCounts(
            tuple(arrays["images"].tolist()),
            tuple(arrays["keys"].tolist()),
            arrays["counts"].astype(np.int64, copy=False),
            tuple(arrays["classes"].tolist()),
            str(arrays["signature"]),
        )
    except DAMAGED as error:
        raise StoreError(
            f"{path}: damaged, or not written by p2p-eval ({error}); remove it or use --fresh"
        ) from error


def _read_member(archive: zipfile.ZipFile, name: str) -> NDArray[np.generic]:
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > MAX_MEMBER_BYTES:
        raise ValueError(f"{name} has {info.file_size} bytes")
    with archive.open(info) as file:
        if npy.read_magic(file) != (1, 0):
            raise ValueError(f"{name} is in a format that is not written here")
        shape, _, dtype = npy.read_array_header_1_0(file)
        size = int(np.prod(shape, dtype=object)) * dtype.itemsize
        if dtype.kind != MEMBERS[name] or size > info.file_size:
            raise ValueError(f"{name} is {dtype} of shape {shape} in {info.file_size} bytes")
    with archive.open(info) as file:
        array: NDArray[np.generic] = npy.read_array(file, allow_pickle=False)
    return array
