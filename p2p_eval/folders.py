"""Walk a folder that nobody has checked: bounded, loops found, what is no image passed over."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from p2p_eval.errors import InputError

__all__ = [
    "IMAGE_SUFFIXES",
    "LOCK_NAME",
    "Listing",
    "check_name",
    "list_folder",
    "natural_key",
    "walk",
]

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".tif", ".tiff", ".webp"}
)
"""Files that are taken for images; those that are no PNG or JPEG are refused when read."""

LOCK_NAME = ".p2p-eval.lock"
"""Lies in every folder that score files were written to."""

OWN_IMAGES = frozenset({"color_hist.png"})
"""What p2p-eval itself draws beside :data:`LOCK_NAME`: no results, also if --out lies in them."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
MAX_DEPTH = 8
MAX_FOLDERS = 10_000
MAX_ENTRIES = 1_000_000

Inode: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Listing:
    """What one folder holds: names of image files and of folders, hidden ones left out."""

    path: Path
    images: tuple[str, ...]
    folders: tuple[str, ...]
    entries: int


def list_folder(path: Path) -> Listing:
    """List one folder; symbolic links are followed, and plots beside score files left out.

    Raises:
        InputError: It is no folder or cannot be read, or an image in it is a broken link, a
            folder or a device.
    """
    images, folders, entries, scored = [], [], 0, False
    try:
        with os.scandir(path) as scan:
            for entry in scan:
                entries += 1
                scored |= entry.name == LOCK_NAME
                if entry.name.startswith("."):
                    continue
                suffix = os.path.splitext(entry.name)[1].lower()
                if entry.is_dir():
                    folders.append(entry.name)
                elif suffix in IMAGE_SUFFIXES:
                    if not entry.is_file():
                        raise InputError(
                            f"{path}: {entry.name!r} is a broken link or a device, expected an "
                            "image file; remove it or put the image there"
                        )
                    images.append(entry.name)
    except NotADirectoryError as error:
        raise InputError(f"{path}: got a file, expected a folder of images") from error
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such folder; check the path") from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"{str(path)!r}: the folder cannot be read ({error}); check its permissions and links"
        ) from error
    found = set(images) - OWN_IMAGES if scored else images
    return Listing(path, tuple(sorted(found)), tuple(sorted(folders)), entries)


def walk(
    root: Path, leave_out: Path | None = None, skip: Collection[str] = ()
) -> Iterator[Listing]:
    """List ``root`` and the folders below it, each before those inside it, in order of name.

    Args:
        root: Where to start.
        leave_out: A folder that is passed over with all it holds.
        skip: Names of folders that are passed over too.

    Raises:
        InputError: As :func:`list_folder`; or symbolic links form a loop, or there are more than
            1,000,000 entries, 10,000 folders or 8 levels.
    """
    passed_over = _inode(leave_out) if leave_out is not None else None
    folders = entries = 0
    pending: list[tuple[Path, tuple[Inode, ...]]] = [(root, ())]
    while pending:
        path, ancestors = pending.pop()
        listing = list_folder(path)
        inode = _inode(path)
        if inode in ancestors:
            raise InputError(
                f"{str(path)!r}: this symbolic link leads back to a folder above it; remove the "
                "loop or give the folder of one experiment"
            )
        if inode == passed_over and ancestors:
            continue
        folders += 1
        entries += listing.entries
        if folders > MAX_FOLDERS or entries > MAX_ENTRIES or len(ancestors) > MAX_DEPTH:
            raise InputError(
                f"{root}: got more than {MAX_FOLDERS} folders, {MAX_ENTRIES} files or {MAX_DEPTH} "
                "levels, expected a results folder; give the folder of the experiments themselves"
            )
        yield listing
        below = (*ancestors, inode)
        pending.extend(
            (path / name, below) for name in reversed(listing.folders) if name not in skip
        )


def check_name(name: str, folder: Path) -> None:
    """Refuse a name that could not stand in a score file, a path or a table.

    Raises:
        InputError: The name has other characters than letters, digits and ``._+-``, or starts
            with one of the latter.
    """
    if not NAME.fullmatch(name):
        raise InputError(
            f"{str(folder)!r}: got the name {name!r}, expected letters, digits and ._+- only, the "
            "first a letter or digit; rename it"
        )


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Sort key under which numbers in names count as numbers.

    Example:
        >>> sorted(["10", "9", "a2", "a10"], key=natural_key)
        ['9', '10', 'a2', 'a10']
    """
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], name


def _inode(path: Path) -> Inode:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r}: cannot be read ({error}); check the path") from error
    return status.st_dev, status.st_ino
