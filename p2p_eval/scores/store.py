"""Files that are either whole or not there, and a folder that one run at a time may use."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from fcn.files import TEMPORARY, refuse_device, sync_folder, temporary_path
from p2p_eval.errors import StoreError
from p2p_eval.folders import LOCK_NAME

__all__ = [
    "exclusive",
    "remove",
    "remove_leftovers",
    "store_error",
    "write_atomic",
    "write_together",
]

ADVICE = {
    errno.ENOSPC: "free some disk space and run again: what was scored is kept",
    errno.EDQUOT: "free some of your disk quota and run again: what was scored is kept",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f) and run again: what was scored is kept",
    errno.EACCES: "check the folder's permissions, or choose another --out",
    errno.EPERM: "check the folder's permissions, or choose another --out",
    errno.EROFS: "the disk is read-only: choose another --out",
    errno.ENOTDIR: "a file stands where a folder should be: choose another --out",
    errno.EEXIST: "a file stands where a folder should be: choose another --out",
    errno.ENOTSUP: "choose another path",
    errno.EISDIR: "a folder stands where a file should be: remove it, or choose another --out",
}


def store_error(path: Path, error: OSError) -> StoreError:
    """Say which file could not be written, why, and what to do."""
    reason = error.strerror or str(error)
    advice = ADVICE.get(error.errno or 0, "check the disk, or choose another --out")
    return StoreError(f"{path}: could not be written ({reason}); {advice}")


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that it is at any moment the old one or the new one, whole.

    A temporary file in the same folder is written, flushed to the disk and renamed; then the
    folder is flushed too. Missing folders are made.

    Raises:
        StoreError: The file could not be written; the old one is as it was, and no other is left.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_atomic(folder / "score.json", b"{}")
        >>> [path.name for path in folder.iterdir()]
        ['score.json']
    """
    write_together({path: data})


def write_together(files: Mapping[Path, bytes | Iterable[bytes]]) -> None:
    """Write files that belong together: none is renamed before all lie whole on the disk.

    A large file may be given piece by piece, so that it is never in memory as a whole.
    Each is written to a temporary file in its folder and flushed. Only when all of them are there,
    so that no more space is needed, they are renamed, in the given order; then the folders are
    flushed too. Missing folders are made.

    Raises:
        StoreError: A file could not be written, and all old ones are as they were; or, which
            hardly happens, one could not be renamed, and those before it are new.
    """
    temporaries: dict[Path, Path] = {}
    path = Path()
    try:
        for path, data in files.items():
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            refuse_device(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporaries[path] = temporary_path(path)
            with temporaries[path].open("xb") as file:
                file.writelines([data] if isinstance(data, bytes) else data)
                file.flush()
                os.fsync(file.fileno())
        for path, temporary in temporaries.items():
            temporary.replace(path)
        for folder in dict.fromkeys(path.parent for path in files):
            sync_folder(folder)
    except OSError as error:
        raise store_error(path, error) from error
    finally:
        for temporary in temporaries.values():
            with suppress(OSError):  # a read-only disk refuses this too, and must not be the reason
                temporary.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file if it is there.

    Raises:
        StoreError: It is there and cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path}: could not be removed ({error.strerror}); {ADVICE[errno.EACCES]}"
        ) from error


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of a run that was killed; call it under :func:`exclusive` only."""
    for path in folder.glob(TEMPORARY):
        remove(path)


@contextmanager
def exclusive(out: Path, wait: float = 0.0) -> Iterator[None]:
    """Hold a folder for this run; make it if it is missing.

    Args:
        out: The folder.
        wait: Seconds to wait for another run that holds it.

    Raises:
        StoreError: Another run holds it, or it cannot be written to.
    """
    lock = FileLock(out / LOCK_NAME)
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=wait)
    except Timeout as error:
        raise StoreError(
            f"{out}: another run is writing to this folder; wait for it, or choose another --out"
        ) from error
    except OSError as error:
        raise store_error(out / LOCK_NAME, error) from error
    try:
        yield
    finally:
        lock.release()
