"""Where do the pictures of images lie, and how does a reader elsewhere get at them?"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from urllib.parse import quote, urlsplit

from p2p_eval.errors import InputError, StoreError
from p2p_eval.gate.checked import Checked
from p2p_eval.scores.values_file import read_metric_values

__all__ = ["address_of", "check_prefix", "pictures"]

URL_SAFE = "/:?&=#%@+,;~!$'*"


def pictures(out: Path, checked: Checked) -> dict[tuple[str, str], dict[str, str]]:
    """Find the files of the images that got worse, as the values of metrics name them.

    Args:
        out: Folder of score files.
        checked: By the gate.

    Returns:
        Paths relative to the folder, by experiment and image, then by role. What has no file of
        values, or one that cannot be read, has no pictures.
    """
    wanted: dict[str, set[str]] = {}
    for figure in checked.figures:
        wanted.setdefault(figure.experiment, set()).update(e.image for e in figure.worst)
    return {
        (experiment, image): files
        for experiment, images in wanted.items()
        if images
        for image, files in _files(out / experiment / "metrics" / "values.json", images).items()
    }


def _files(path: Path, images: Collection[str]) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    try:
        rows = read_metric_values(path).rows
        return {
            row.image: {role: file.path for role, file in row.files.items()}
            for row in rows
            if row.image in images
        }
    except StoreError:  # pictures are a help; what the figures come from was read before
        return {}


def check_prefix(prefix: str) -> str:
    """Refuse an address that pictures cannot stand under.

    Raises:
        InputError: It is no address of http or https.
    """
    try:
        parts = urlsplit(prefix)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc or not prefix.isprintable():
        raise InputError(f"got --image-url {prefix!r}, expected an address as https://host/folder/")
    return prefix


def address_of(path: str, out: Path, base: Path, prefix: str | None) -> str | None:
    """Give the address of a picture.

    Args:
        path: Relative to the folder of score files.
        out: That folder.
        base: With a prefix, the folder that it stands for; else the one that links start from.
        prefix: An address, or None for relative links.

    Returns:
        The address, or None where the picture does not lie below what the prefix stands for.
    """
    relative = Path(os.path.relpath(out / path, base)).as_posix()
    if prefix is None:
        return quote(os.fsencode(relative))
    if relative.startswith("../"):
        return None
    return f"{quote(prefix.rstrip('/'), safe=URL_SAFE)}/{quote(os.fsencode(relative))}"
