"""The Lab histograms of an experiment's pairs: stored ones reused, the others counted."""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from p2p_eval.errors import InputError
from p2p_eval.metrics.color_histogram import BINS, CHANNELS, lab_histogram
from p2p_eval.scores.row_file import RowFile
from p2p_eval.scores.store import remove, remove_leftovers
from p2p_eval.scoring.loaded import Loaded, load
from p2p_eval.scoring.pairs import ImagePair
from p2p_eval.threads import ahead, arithmetic

__all__ = ["HISTOGRAMS", "SHAPE", "Counting", "Histograms", "count_pairs", "open_rows"]

HISTOGRAMS = "histograms.bin"

SHAPE = (2, len(CHANNELS), BINS)
"""Of a row: generated and real, channels, bins."""

Counts = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Counting:
    """How pairs are counted.

    Attributes:
        settings: Everything besides the images that the counts depend on.
        workers: Threads, each with one pair at a time; the number of cores by default.
        fresh: Use nothing that earlier runs left.
        keep_going: Leave out images that cannot be used, instead of raising.
    """

    settings: str
    workers: int | None = None
    fresh: bool = False
    keep_going: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Histograms:
    """What was counted; the rows themselves lie in the file, one an image and in order.

    Attributes:
        images: Pairs that were counted.
        totals: Sum of the rows, int64 :data:`SHAPE`.
        jpegs: Generated images that are JPEGs.
        same: Generated images that are the very files of their real images.
        left_out: Images that could not be used, with the reason.
    """

    images: int
    totals: Counts
    jpegs: int
    same: int
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Outcome:
    """Of one pair: its row, or why there is none."""

    pair: ImagePair
    key: str = ""
    row: Counts | None = None
    jpeg: bool = False
    same: bool = False
    error: InputError | None = None


def count_pairs(
    pairs: Sequence[ImagePair], rows: RowFile, how: Counting, step: Callable[[], None]
) -> Histograms:
    """Count every pair; what is new goes into the file as soon as it is known.

    Afterwards the file holds the rows of these pairs alone, in order.

    Args:
        pairs: Generated and real images; their sizes may differ.
        rows: What :func:`open_rows` opened.
        how: Options.
        step: Called after each pair.

    Raises:
        InputError: An image cannot be used.
        StoreError: A file is damaged, or cannot be written.
    """
    totals = np.zeros(SHAPE, np.int64)
    positions = array("q")
    left_out: list[str] = []
    jpegs = same = 0
    work = partial(_outcome, rows=rows, settings=how.settings)
    with arithmetic():
        for outcome in ahead(work, pairs, how.workers or os.cpu_count() or 1):
            if outcome.row is not None:
                position = rows.position(outcome.key)
                if position is None:
                    position = rows.append(outcome.key, outcome.row)
                positions.append(position)
                totals += outcome.row
                jpegs += outcome.jpeg
                same += outcome.same
            elif how.keep_going:
                left_out.append(f"{outcome.pair.id}: {outcome.error}")
            else:
                raise InputError(
                    f"{outcome.error}; or count the other images with --keep-going"
                ) from outcome.error
            step()
    if not positions:
        raise InputError(f"none of the {len(pairs)} pairs can be used; the first: {left_out[0]}")
    rows.keep(positions)
    return Histograms(len(positions), totals, jpegs, same, tuple(left_out))


def open_rows(folder: Path, *, fresh: bool) -> RowFile:
    """Open the file of rows in an experiment's score folder; call it under ``exclusive`` only.

    Raises:
        StoreError: It cannot be read or written.
    """
    remove_leftovers(folder)
    if fresh:
        remove(folder / HISTOGRAMS)
    return RowFile(folder / HISTOGRAMS, SHAPE)


def _outcome(pair: ImagePair, rows: RowFile, settings: str) -> _Outcome:
    """Count one pair, in a thread of its own."""
    try:
        output, target = load([pair.output, pair.target])
        content = f"{settings}\n{output.content}\n{target.content}"
        key = hashlib.sha256(content.encode()).hexdigest()
        position = rows.position(key)
        if position is None:
            row = np.stack([_histogram(output), _histogram(target)])
        else:
            row = rows.read(position)
    except InputError as error:
        return _Outcome(pair, error=error)
    return _Outcome(pair, key, row, output.is_jpeg, output.content == target.content)


def _histogram(loaded: Loaded) -> Counts:
    counts: Counts = lab_histogram(loaded.pixels())[0].numpy()
    return counts
