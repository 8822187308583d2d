"""Write images of a data set: each whole or not at all, and none among strangers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fcn.files import replacing
from p2p_eval.errors import InputError

__all__ = ["make_folder", "save_png"]


def make_folder(folder: Path, names: Iterable[str]) -> None:
    """Make the folder that files of these names will lie in, or take one that holds no others.

    Raises:
        InputError: The folder holds other files, so that old and new ones would be mixed, or it
            cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Names with a dot in front are what is left of a run that was killed.
        there = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error}); give another folder") from error
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
