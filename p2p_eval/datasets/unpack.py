"""How is an archive of images that nobody has checked unpacked: bounded, and images only?

Nothing of a member is used but its name, after a look, and its bytes: no link, mode, owner or date.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from fcn.errors import DownloadError
from p2p_eval.datasets.catalogue import Entry
from p2p_eval.errors import InputError

__all__ = ["check_start", "unpack"]

SUFFIXES = (".jpg", ".jpeg", ".png")
MAX_NAME = 200
MAX_IMAGE_BYTES = 64 << 20
PIECE = 1 << 16
# What tarfile and gzip are known to raise on damaged and hostile archives.
DAMAGE = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    ValueError,
    LookupError,
    OverflowError,
    RecursionError,
)

Progress = Callable[[int, int], None]


class _Stream(gzip.GzipFile):
    """A compressed file that is read forwards, in small pieces, and not beyond a limit."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        super().__init__(fileobj=file, mode="rb")
        self.limit = limit
        self.last = b""  # what was read last

    def read(self, size: int | None = -1) -> bytes:
        # tarfile reads a header's extension in one piece, however large it is said to be.
        if size is None or not 0 <= size <= PIECE:
            raise tarfile.ReadError(f"a header of {size} bytes, expected at most {PIECE}")
        self._check_limit(self.tell() + size)
        self.last = super().read(size)
        return self.last

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if (offset, whence) == (0, os.SEEK_CUR):  # this is how tell() asks
            return super().seek(0, os.SEEK_CUR)
        if whence != os.SEEK_SET or offset < self.tell():
            raise tarfile.ReadError("members that lie over each other")
        self._check_limit(offset)
        return super().seek(offset)

    def _check_limit(self, end: int) -> None:
        if end > self.limit:
            raise tarfile.ReadError(f"more than {self.limit} bytes when unpacked")


def check_start(path: Path) -> None:
    """Refuse a file that is no compressed archive, such as the page of a server that has moved.

    Raises:
        DownloadError: It is none.
    """
    try:
        with path.open("rb") as file, _Stream(file, PIECE) as stream:
            block = stream.read(tarfile.BLOCKSIZE)
            tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (*DAMAGE, OSError) as error:
        raise DownloadError(f"no .tar.gz archive ({error})") from error


def unpack(
    archive: Path, folder: Path, entry: Entry, progress: Progress | None = None
) -> dict[str, str]:
    """Unpack a ``.tar.gz`` that holds ``<name>/<split>/<image>`` and nothing else.

    Args:
        archive: The file.
        folder: A new folder; images go to ``folder/<split>/<image>``.
        entry: What is expected of the archive: its name, splits and bounds.
        progress: Called with the bytes of the archive that are done and its size.

    Returns:
        The sha256 of each image, by its name ``<split>/<image>``.

    Raises:
        InputError: The archive is damaged, holds something else or more than is expected, or the
            images cannot be written. What was written until then stays, for the caller to remove.
    """
    # Each member has a header and is filled up to whole blocks; hidden ones have those too.
    limit = entry.most_bytes + 8 * tarfile.BLOCKSIZE * (entry.most_images + 1000)
    digests: dict[str, str] = {}
    try:
        for split, _ in entry.splits:
            (folder / split).mkdir(parents=True)
        size = archive.stat().st_size
        with (
            archive.open("rb") as file,
            _Stream(file, limit) as stream,
            tarfile.open(fileobj=stream, mode="r:") as tar,
        ):
            for name, member in _images(archive, tar, entry):
                digests[name] = _write(tar, member, folder / name)
                if progress is not None:
                    progress(file.tell(), size)
            _check_rest(stream)
    except DAMAGE as error:
        raise InputError(
            f"{archive}: the archive is damaged or not what it should be ({error}); delete it and "
            f"run `p2p-eval data get {entry.name}` to fetch it anew"
        ) from error
    except OSError as error:
        raise InputError(
            f"{folder}: {archive.name} could not be unpacked ({error}); check space and "
            "permissions and run the same command again"
        ) from error
    return digests


def _images(
    archive: Path, tar: tarfile.TarFile, entry: Entry
) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Give the images by name, each before its bytes are read, as long as they are expected."""
    left, seen = entry.most_bytes, set[str]()
    while (member := tar.next()) is not None:
        tar.members.clear()  # type: ignore[attr-defined]  # it would keep all of them
        name = _image_name(archive, member, entry)
        if name is None:
            continue
        # Two names that differ in case only are one on some file systems.
        if name.casefold() in seen:
            raise _refused(archive, entry, f"{name!a} twice", "each name once")
        seen.add(name.casefold())
        if len(seen) > entry.most_images:
            raise _refused(archive, entry, f"more than {entry.most_images} images", "fewer")
        left -= member.size
        if member.size > MAX_IMAGE_BYTES or left < 0:
            raise _refused(
                archive,
                entry,
                f"{name!a} of {member.size} bytes",
                f"at most {MAX_IMAGE_BYTES} an image and {entry.most_bytes} in all",
            )
        yield name, member


def _image_name(archive: Path, member: tarfile.TarInfo, entry: Entry) -> str | None:
    """Return ``<split>/<image>``, or None for what is passed over: folders and hidden files."""
    name = member.name.removeprefix("./")
    parts = name.split("/")
    image = parts[-1]
    if member.isdir():
        splits = {f"{entry.name}/{split}" for split, _ in entry.splits}
        if name in {"", ".", entry.name, *splits}:
            return None
        raise _refused(archive, entry, f"the folder {name[:MAX_NAME]!a}", _expected(entry))
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
        got = f"{name[:MAX_NAME]!a}, a link or a special file"
        raise _refused(archive, entry, got, "plain files only")
    if image.startswith(".") and ".." not in parts:
        return None  # what file managers leave behind
    if (
        len(parts) != 3
        or parts[0] != entry.name
        or parts[1] not in dict(entry.splits)
        or len(image) > MAX_NAME
        or not (image.isascii() and image.isprintable())
        or "\\" in image
        or not image.lower().endswith(SUFFIXES)
    ):
        raise _refused(archive, entry, f"{name[:MAX_NAME]!a}", _expected(entry))
    return f"{parts[1]}/{image}"


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> str:
    """Write a member's bytes to a new file and return their sha256."""
    digest, left = hashlib.sha256(), member.size
    source = tar.extractfile(member)
    with path.open("xb") as file:
        while left and source is not None:
            piece = source.read(min(PIECE, left))
            if not piece:
                raise EOFError(f"it ends within {member.name!a}")
            digest.update(piece)
            file.write(piece)
            left -= len(piece)
    return digest.hexdigest()


def _check_rest(stream: _Stream) -> None:
    """Read on to the end, where the checksum stands; tarfile stops quietly at a damaged header."""
    piece = stream.last
    while piece:
        if any(piece):
            raise tarfile.ReadError("something follows its end, or one of its headers is damaged")
        piece = stream.read(PIECE)


def _expected(entry: Entry) -> str:
    splits = ", ".join(split for split, _ in entry.splits)
    return f"PNG and JPEG images {entry.name}/SPLIT/NAME with a split of {splits}"


def _refused(archive: Path, entry: Entry, got: str, expected: str) -> InputError:
    return InputError(
        f"{archive}: got an archive that holds {got}, expected {expected}; nothing was unpacked. "
        f"It is not the data set {entry.name}, or that has changed: delete the file, and get it "
        "from elsewhere"
    )
