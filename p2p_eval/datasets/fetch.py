"""How does a published data set get onto this machine, whole or not at all, and where does it lie?

Data sets lie in the folder ``data`` of the user's cache, which ``P2P_EVAL_CACHE`` may name. The
archive comes first, resumed where a download was interrupted; it is unpacked into a folder with a
dot in front, which takes its place when all of it is there and was checked.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from fcn.catalogue import cache_folder
from fcn.download import download
from fcn.errors import DownloadError
from fcn.files import read_record as read_sha256
from fcn.files import record_path, sha256_of, sync_folder
from fcn.files import write_record as write_sha256
from p2p_eval.datasets.catalogue import Entry, entry_named
from p2p_eval.datasets.unpack import check_start, unpack
from p2p_eval.datasets.verify import (
    RECORD_NAME,
    Record,
    check_images,
    read_record,
    verify,
    write_record,
)
from p2p_eval.errors import InputError

__all__ = ["find", "folder_of", "get", "locate", "place"]

LOCK_SECONDS = 60.0

Progress = Callable[[int, int], None]


def place(entry: Entry) -> Path:
    """Return the folder of a data set in the user's cache; it need not exist yet."""
    return cache_folder().parent / "data" / entry.name


def find(entry: Entry) -> Path | None:
    """Return the folder of a data set in the user's cache if it was fetched; reads no file."""
    folder = place(entry)
    return folder if entry.address and os.path.isfile(folder / RECORD_NAME) else None


def locate(name: str) -> Path:
    """Return the folder of a fetched data set; its images lie in ``<split>/``.

    Raises:
        InputError: There is no data set of this name, or it was not fetched; says how to have it.
    """
    entry = _fetchable(name)
    if (folder := find(entry)) is None:
        raise InputError(
            f"the data set {name} is not on this machine; run `p2p-eval data get {name}`"
        )
    return folder


def folder_of(name_or_folder: str | os.PathLike[str]) -> Path:
    """Return the folder of a fetched data set, given its name or that folder.

    Raises:
        InputError: As :func:`locate`, unless there is such a folder.
    """
    text = os.fspath(name_or_folder)
    try:
        return locate(text)
    except InputError:
        if os.path.isdir(text):
            return Path(text)
        raise


def get(
    name: str,
    out: Path | None = None,
    *,
    keep_archive: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Make sure that a published data set is on this machine, whole.

    What is there already is verified, not fetched again. The sha256 of an archive whose publisher
    gives none is recorded in the cache the first time, so that a later change is noticed.

    Args:
        name: A name of the catalogue.
        out: The folder to make; in the user's cache, where :func:`locate` finds it, if not given.
        keep_archive: Leave the archive in the cache.
        progress: Called with what is done and what is to be done of each step.

    Returns:
        The folder; images lie in ``<split>/``.

    Raises:
        InputError: There is no such data set to be had by download, the archive is not what it
            should be or has changed, or what is there is damaged or something else.
        DownloadError: It could not be fetched; says how to get it by hand and where to put it.
    """
    from filelock import FileLock, Timeout

    entry = _fetchable(name)
    archive = place(entry).with_name(f"{entry.name}.tar.gz")
    folder = _resolved(place(entry) if out is None else out)
    try:
        if _is_there(folder, entry):
            verify(folder, decode=False, progress=progress)
            return folder
        archive.parent.mkdir(parents=True, exist_ok=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{place(entry)}.lock", timeout=LOCK_SECONDS):
            if not _is_there(folder, entry):  # another process may have fetched it meanwhile
                _download(entry, archive, progress)
                _unpack(entry, archive, folder, progress)
                if not keep_archive:
                    archive.unlink(missing_ok=True)
    except Timeout as error:
        raise InputError(
            f"{folder}: another run has been fetching {name} for over {LOCK_SECONDS:.0f} s; wait "
            "for it and try again"
        ) from error
    except OSError as error:
        raise InputError(
            f"{folder}: could not be written ({error}); check space and permissions, or give "
            "another folder with --out"
        ) from error
    return folder


def _fetchable(name: str) -> Entry:
    entry = entry_named(name)
    if not entry.address:
        raise InputError(f"{name} is not had by download, but so: {entry.command}. {entry.note}")
    return entry


def _resolved(out: Path) -> Path:
    try:
        folder = Path(out).resolve()
        here = Path.cwd()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{str(out)!a}: no folder can be made there ({error})") from error
    if folder == here or not folder.name:
        raise InputError(f"{folder}: got the current folder, expected one to make; name it")
    return folder


def _is_there(folder: Path, entry: Entry) -> bool:
    """Whether the data set lies there already; an empty folder is taken for none.

    Raises:
        InputError: Something else lies there.
    """
    if not folder.exists():
        return False
    if not folder.is_dir() or not os.path.isfile(folder / RECORD_NAME):
        if folder.is_dir() and not any(folder.iterdir()):
            return False
        raise InputError(
            f"{folder}: got something that `p2p-eval data get` did not write, expected the data "
            f"set {entry.name} or nothing; remove it or give another folder with --out"
        )
    if (found := read_record(folder).name) != entry.name:
        raise InputError(
            f"{folder}: got the data set {found}, expected {entry.name} or nothing; give another "
            "folder with --out"
        )
    return True


def _download(entry: Entry, archive: Path, progress: Progress | None) -> None:
    try:
        download(
            entry.address,
            archive,
            sha256=entry.sha256,
            progress=progress,
            check=check_start,
            max_bytes=entry.most_archive_bytes,
        )
    except DownloadError as error:
        raise DownloadError(
            f"{error}\nThen run `p2p-eval data get {entry.name}` again. {entry.note}"
        ) from error


def _unpack(entry: Entry, archive: Path, folder: Path, progress: Progress | None) -> None:
    """Unpack and check the archive beside the folder, and put it in place in one step."""
    sha256 = sha256_of(archive)
    recorded = read_sha256(archive)
    if recorded not in (None, sha256):
        raise InputError(
            f"{archive}: got an archive with sha256 {sha256}, expected {recorded} as in "
            f"{record_path(archive).name}: it is another one than was fetched before. Delete the "
            "archive to fetch it anew, or the record if you trust the new one"
        )
    unfinished = folder.with_name(f".{folder.name}.{entry.name}.unpacking")
    if unfinished.exists():  # what a killed run left
        shutil.rmtree(unfinished)
    try:
        files = unpack(archive, unfinished, entry, progress)
        check_images(unfinished, files, entry, archive)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        write_record(unfinished, Record(entry.name, now, entry.address, sha256, files))
        if recorded is None:
            write_sha256(archive, sha256)
        os.sync()  # a power cut shall not leave a folder in place whose images are empty
        unfinished.rename(folder)
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(unfinished)
    sync_folder(folder.parent)
