"""Scenes as files: photos and label maps, numbered by seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from p2p_eval.datasets.save import make_folders, save_png
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


def make(
    out: Path,
    count: int,
    first_seed: int = 0,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write scenes to a folder: ``photos/<n>.png`` and ``labels/<n>.png``.

    The number n counts from 0, in at least five digits; scene n is that of seed first_seed + n.
    Each file appears whole or not at all, the label map last, so a run that was killed leaves no
    half of a file and a second run with the same arguments completes the folder.

    Args:
        out: The folder; it is made when missing.
        count: How many scenes, at least 1.
        first_seed: Seed of the first; see :data:`TRAIN_SEEDS`, :data:`VAL_SEEDS` and
            :data:`TEST_SEEDS`.
        progress: Called with scenes done and scenes in total.

    Returns:
        The photos' paths, by number.

    Raises:
        InputError: count is below 1, the seeds are not all of one split, or the folder holds other
            files or cannot be written.
    """
    last_seed = first_seed + count - 1
    if count < 1 or not any(
        first_seed in seeds and last_seed in seeds for seeds in SPLITS.values()
    ):
        ranges = ", ".join(f"{name} {s.start}-{s.stop - 1}" for name, s in SPLITS.items())
        raise InputError(
            f"got {count} scenes from seed {first_seed}, expected at least one, all seeds in one "
            f"split ({ranges})"
        )
    digits = max(5, len(str(count - 1)))
    names = [f"{number:0{digits}d}.png" for number in range(count)]
    make_folders([out / "photos", out / "labels"], names)
    for number, name in enumerate(names):
        scene = render(first_seed + number)
        save_png(out / "photos" / name, scene.photo)
        save_png(out / "labels" / name, scene.label_ids)
        if progress is not None:
            progress(number + 1, count)
    return [out / "photos" / name for name in names]
