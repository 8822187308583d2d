"""Controls: results folders of known worth, made from any folder of photos.

Each kind's name says what was done to the photos; none of them is the output of a model.

``photos``
    The photos as they are.
``blurred``
    Gaussian blur, standard deviation 3 pixels, cut off at 12; borders are mirrored.
``gray``
    Luma (0.299 R + 0.587 G + 0.114 B, rounded) in all three channels.
``colour-averaged``
    Each cell of a grid of 8 by 8 cells has the mean colour of the photo in that cell.
``shuffled``
    Under each name stands another photo of the folder; each photo is used once.

All arithmetic is in integers, so the same photos give the same pixels on every machine.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from p2p_eval.datasets.save import make_folders, save_png
from p2p_eval.errors import InputError
from p2p_eval.folders import list_folder
from p2p_eval.results.images import probe, read_rgb
from p2p_eval.results.layouts import index_images

__all__ = ["KINDS", "blurred", "colour_averaged", "derangement", "gray", "make_controls"]

KINDS = ("photos", "blurred", "gray", "colour-averaged", "shuffled")
"""Names of the controls."""

SIGMA = 3
RADIUS = 4 * SIGMA
GRID = 8
# Weights of the blur in 2^-16; the rounding's remainder goes to the middle.
_WEIGHTS = [round(65536 * math.exp(-(k**2) / (2 * SIGMA**2)) / (SIGMA * math.sqrt(2 * math.pi)))
            for k in range(RADIUS + 1)]  # fmt: skip
_WEIGHTS[0] = 65536 - 2 * sum(_WEIGHTS[1:])


def blurred(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a photo, ``(H, W, 3)``, after a Gaussian blur of standard deviation 3 pixels."""
    # Between the two passes a value keeps eight more bits, and the sum still fits into 32.
    down = _sum_rows(photo) + np.uint32(1 << 7) >> np.uint32(8)
    both = _sum_rows(down.swapaxes(0, 1)).swapaxes(0, 1)
    return (both + np.uint32(1 << 23) >> np.uint32(24)).astype(np.uint8)


def _sum_rows(values: NDArray[np.uint8] | NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the weighted sum of each value and its neighbours above and below, times 2^16."""
    size = len(values)
    padded = np.pad(values, ((RADIUS, RADIUS), (0, 0), (0, 0)), mode="symmetric").astype(np.uint32)
    total = np.zeros(values.shape, np.uint32)
    for offset in range(-RADIUS, RADIUS + 1):
        start = RADIUS + offset
        total += padded[start : start + size] * np.uint32(_WEIGHTS[abs(offset)])
    return total


def gray(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a photo's luma, ``(H, W, 3)`` with equal channels."""
    red, green, blue = (photo[..., channel].astype(np.uint32) for channel in range(3))
    luma = (299 * red + 587 * green + 114 * blue + 500) // 1000
    return np.repeat(luma.astype(np.uint8)[..., None], 3, axis=2)


def colour_averaged(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a photo, ``(H, W, 3)``, whose every cell of an 8 by 8 grid has its mean colour."""
    height, width = photo.shape[:2]
    # Fewer than eight pixels have a cell each.
    rows = [height * k // min(GRID, height) for k in range(min(GRID, height) + 1)]
    columns = [width * k // min(GRID, width) for k in range(min(GRID, width) + 1)]
    result = np.empty_like(photo)
    for top, bottom in itertools.pairwise(rows):
        for left, right in itertools.pairwise(columns):
            cell = photo[top:bottom, left:right].reshape(-1, 3)
            total = cell.sum(axis=0, dtype=np.int64)
            result[top:bottom, left:right] = (total + len(cell) // 2) // len(cell)
    return result


def derangement(count: int, seed: int) -> list[int]:
    """Return a random permutation of 0 … count - 1 that leaves nothing in its place.

    It is one cycle through all (Sattolo's algorithm), the same for a seed on every machine.

    Raises:
        InputError: There are fewer than two.
    """
    if count < 2:
        raise InputError(f"got {count} photos to shuffle, expected at least two")
    order = list(range(count))
    generator = np.random.Generator(np.random.PCG64(seed))
    for last in range(count - 1, 0, -1):
        other = int(generator.random() * last)
        order[last], order[other] = order[other], order[last]
    return order


CHANGES: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "photos": lambda photo: photo,
    "blurred": blurred,
    "gray": gray,
    "colour-averaged": colour_averaged,
    "shuffled": lambda photo: photo,
}


def make_controls(
    photos: Path,
    out: Path,
    kinds: Sequence[str] = KINDS,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write one experiment a kind: ``out/<kind>/images/<stem>.png``, of the photos' own sizes.

    Args:
        photos: A folder of photos, PNG or JPEG, each RGB or convertible to it without loss.
        out: The results folder; it is made when missing.
        kinds: Which of :data:`KINDS`.
        seed: Seed of the shuffling, 0 or more.
        progress: Called with photos done and photos in total.

    Returns:
        The experiments' folders, by kind.

    Raises:
        InputError: The folder of photos is empty or holds names that are not allowed; a photo
            cannot be read; a kind is unknown or named twice; there are fewer than two photos to
            shuffle or they differ in size; or ``out`` lies in the photos' folder, holds other
            files or cannot be written.
    """
    photos, out = Path(photos), Path(out)
    if not kinds or len(set(kinds)) != len(kinds) or not set(kinds) <= set(KINDS):
        raise InputError(
            f"got kinds {list(kinds)}, expected each of {', '.join(KINDS)} at most once"
        )
    if seed < 0:
        raise InputError(f"got seed {seed}, expected 0 or more")
    files = index_images(list_folder(photos))
    if not files:
        raise InputError(f"{photos}: got a folder without images, expected PNG or JPEG photos")
    stems = list(files)
    sizes = {stem: probe(path).size for stem, path in files.items()}
    sources = dict(zip(stems, stems, strict=True))
    if "shuffled" in kinds:
        if len(set(sizes.values())) > 1:
            raise InputError(
                f"{photos}: got photos of {len(set(sizes.values()))} sizes, expected one size, "
                "as each takes another's place; leave the kind 'shuffled' out"
            )
        order = derangement(len(stems), seed)
        sources = {stem: stems[place] for stem, place in zip(stems, order, strict=True)}
    folders = [out / kind / "images" for kind in kinds]
    _check_apart(photos, [out, *folders])
    for path in files.values():  # all before anything is written
        read_rgb(path)
    make_folders(folders, [f"{stem}.png" for stem in stems])
    for done, stem in enumerate(stems, 1):
        photo = read_rgb(files[stem])
        for kind in kinds:
            source = read_rgb(files[sources[stem]]) if kind == "shuffled" else photo
            save_png(out / kind / "images" / f"{stem}.png", CHANGES[kind](source))
        if progress is not None:
            progress(done, len(stems))
    return [out / kind for kind in kinds]


def _check_apart(photos: Path, folders: Sequence[Path]) -> None:
    """Refuse to write among the photos: the next run would take the copies for photos."""
    place = photos.resolve()
    for folder in folders:
        if folder.resolve().is_relative_to(place):
            raise InputError(
                f"{folder}: the photos lie here or in a folder above; give another folder to "
                "write to"
            )
