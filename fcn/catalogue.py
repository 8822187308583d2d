"""Where are the weights that a name stands for, and how are they had?

The entries are data, in :mod:`fcn.entries`. Downloads lie in the user's cache folder; the
environment variable ``P2P_EVAL_CACHE`` names another one.
"""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from fcn.download import Progress, download
from fcn.entries import CATALOGUE, Entry
from fcn.errors import DownloadError, WeightsError
from fcn.files import read_record, write_record

__all__ = ["CATALOGUE", "Entry", "cache_folder", "find", "get", "locate"]


def cache_folder() -> Path:
    """Return the folder of downloaded weights; it need not exist yet."""
    if chosen := os.environ.get("P2P_EVAL_CACHE"):
        return Path(chosen).expanduser() / "weights"
    import platformdirs

    return Path(platformdirs.user_cache_dir("p2p-eval", appauthor=False)) / "weights"


def find(entry: Entry) -> Path | None:
    """Return the entry's file if it is on this machine; reads no file and needs no network."""
    path = _place(entry)
    return path if _exists(path) else None


def locate(name_or_file: str | os.PathLike[str]) -> Path:
    """Return the file that a name of the catalogue, or a path, stands for.

    Raises:
        WeightsError: There is neither such a name nor such a file.
        DownloadError: The name is known but its file was not downloaded yet; says how to get it.
    """
    entry = CATALOGUE.get(os.fspath(name_or_file))
    if entry is None:
        path = Path(name_or_file)
        if not _exists(path):
            raise WeightsError(
                f"got weights {os.fspath(name_or_file)!a}: no such file, and no such name; "
                f"expected a .caffemodel or .safetensors file, or one of {', '.join(CATALOGUE)}"
            )
        return path
    path = _place(entry)
    if _exists(path):
        return path
    if entry.shipped:
        raise _not_shipped(entry, path)
    raise DownloadError(
        f"weights {entry.name} are not on this machine. "
        f"Run `p2p-eval weights get {entry.name}`, or by hand save {entry.file} as {path}.\n"
        f"{_about(entry)}"
    )


def get(name: str, progress: Progress | None = None) -> Path:
    """Make sure that the weights of a name are on this machine, whole and readable.

    What is there already is verified, not fetched again. The sha256 of a file whose authors
    published none is recorded beside it the first time, so that a later change is noticed.

    Args:
        name: A name of the catalogue.
        progress: As of :func:`fcn.download.download`.

    Returns:
        The file.

    Raises:
        WeightsError: There is no such name, or what is there is damaged.
        DownloadError: It could not be fetched; says how to get it by hand and where to put it.
    """
    from fcn.weights import load_weights, verify  # imports torch

    entry = CATALOGUE.get(name)
    if entry is None:
        raise WeightsError(f"got weights {name!a}, expected one of {', '.join(CATALOGUE)}")
    path = _place(entry)
    if entry.shipped and not _exists(path):
        raise _not_shipped(entry, path)
    fetched: list[str] = []  # the sha256 of what was fetched now, and so was checked

    def check(part: Path) -> None:
        fetched.append(load_weights(part).sha256)

    if not _exists(path):
        try:
            download(
                entry.urls,
                path,
                sha256=entry.sha256,
                size=entry.size,
                progress=progress,
                check=check,
            )
        except DownloadError as error:
            raise DownloadError(f"{error}\n{_about(entry)}") from error
    recorded = read_record(path)
    # A record may be older than the file that was fetched now.
    sha256 = fetched[-1] if fetched and recorded is None else verify(path).sha256
    if not entry.shipped and recorded is None:
        try:
            write_record(path, sha256)
        except OSError as error:
            raise WeightsError(f"{path}: its sha256 could not be recorded: {error}") from error
    return path


def _place(entry: Entry) -> Path:
    if entry.shipped:
        return Path(str(resources.files("fcn").joinpath("shipped", entry.file)))
    return cache_folder() / entry.file


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _not_shipped(entry: Entry, path: Path) -> WeightsError:
    return WeightsError(
        f"weights {entry.name} are part of the package, but {path} is missing: "
        "the installation is damaged; install p2p-eval again"
    )


def _about(entry: Entry) -> str:
    return f"Source: {entry.source}. {entry.note}"
