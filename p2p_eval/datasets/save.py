"""Write images of a data set: each whole or not at all, and none among strangers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fcn.files import replacing
from p2p_eval.errors import InputError

__all__ = ["make_folders", "save_png"]


def make_folders(folders: Sequence[Path], names: Collection[str]) -> None:
    """Make folders that files of these names will lie in, or take ones that hold no others.

    All are looked at before the first is made.

    Raises:
        InputError: A folder holds other files, so that old and new ones would be mixed, or it
            cannot be made.
    """
    try:
        for folder in folders:
            _check_folder(folder, names)
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error}); give another folder") from error


def _check_folder(folder: Path, names: Collection[str]) -> None:
    if not folder.exists():
        return
    # Names with a dot in front are what is left of a run that was killed.
    there = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}
    if others := sorted(there - set(names)):
        raise InputError(
            f"{folder}: got a folder that holds {len(others)} other files ({others[0]!r}, …), "
            "expected an empty one or one of the same run; remove them or give another folder"
        )


def save_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write pixels, ``(H, W)`` or ``(H, W, 3)``, as a PNG that appears whole or not at all.

    Raises:
        InputError: The file cannot be written.
    """
    try:
        with replacing(path) as file:
            Image.fromarray(pixels).save(file, format="PNG", compress_level=3)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error}); check space and permissions"
        ) from error
