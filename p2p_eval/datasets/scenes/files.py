"""Scenes as files: photos, label maps and coloured label maps, numbered by seed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fcn.labels import label_set
from p2p_eval.datasets.scenes.render import render
from p2p_eval.errors import InputError

__all__ = ["TEST_SEEDS", "TRAIN_SEEDS", "VAL_SEEDS", "first_seed", "make"]

TRAIN_SEEDS = range(900_000)
"""Seeds of scenes to train on."""

VAL_SEEDS = range(900_000, 1_000_000)
"""Seeds of scenes to choose settings by."""

TEST_SEEDS = range(1_000_000, 2_000_000)
"""Seeds of scenes that no training and no choice has seen."""

SPLITS = {"train": TRAIN_SEEDS, "val": VAL_SEEDS, "test": TEST_SEEDS}


def first_seed(split: str) -> int:
    """Return the first seed of a split: train, val or test.

    Raises:
        InputError: There is no such split.

    Example:
        >>> first_seed("test")
        1000000
    """
    if split not in SPLITS:
        raise InputError(f"got split {split!r}, expected one of {', '.join(SPLITS)}")
    return SPLITS[split].start


def make(out: Path, count: int, first_seed: int = 0, *, colors: bool = False) -> list[Path]:
    """Write scenes to a folder: ``photos/<n>.png``, ``labels/<n>.png``, perhaps ``colors/<n>.png``.

    The number n counts from 0, in at least five digits; scene n is that of seed first_seed + n.
    Each file appears whole or not at all, the label map last, so a run that was killed leaves no
    half of a file and a second run with the same arguments completes the folder.

    Args:
        out: The folder; it is made when missing.
        count: How many scenes, at least 1.
        first_seed: Seed of the first; see :data:`TRAIN_SEEDS`, :data:`VAL_SEEDS` and
            :data:`TEST_SEEDS`.
        colors: Whether to write the label maps in the label set's colours, too.

    Returns:
        The photos' paths, by number.

    Raises:
        InputError: count or first_seed is out of range, or the folder cannot be written.
    """
    if count < 1 or first_seed < 0:
        raise InputError(
            f"got {count} scenes from seed {first_seed}, expected 1 or more from seed 0 or more"
        )
    palette = np.zeros((256, 3), np.uint8)
    for row in label_set("scenes").rows:
        palette[row.id] = row.color
    kinds = ["photos", "labels", *(["colors"] if colors else [])]
    digits = max(5, len(str(count - 1)))
    photos = []
    try:
        for kind in kinds:
            (out / kind).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            name = f"{number:0{digits}d}.png"
            photos.append(out / "photos" / name)
            scene = render(first_seed + number)
            images = {
                "photos": scene.photo,
                "colors": palette[scene.label_ids],
                "labels": scene.label_ids,
            }
            for kind in (kind for kind in images if kind in kinds):
                save_png(out / kind / name, images[kind])
    except OSError as error:
        raise InputError(f"{out}: scenes cannot be written there: {error}") from error
    return photos


def save_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write a PNG whole or not at all."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            Image.fromarray(pixels).save(file, format="PNG", compress_level=3)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; a data set is as readable as its folder.
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
