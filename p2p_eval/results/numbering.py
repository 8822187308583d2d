"""Verify by content that numbered images follow the sorted order of a Cityscapes split.

A shift by one gives plausible but wrong scores, so names are not believed: the labels that stand
beside an image (their colours against the label maps), or the photo beside it (against the tree's
photo), must fit one numbering clearly better than its neighbours.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fcn.labels import LabelSet
from p2p_eval.errors import InputError
from p2p_eval.results.cityscapes import CityscapesFrame
from p2p_eval.results.colors import canonical_ids, decode_colors
from p2p_eval.results.direction import Direction, painted_labels, real_photo
from p2p_eval.results.images import ImageRef, read_label_ids, read_rgb
from p2p_eval.results.layouts import Experiment, Item
from p2p_eval.results.sampling import nearest, spread

__all__ = ["Verdict", "verify_numbering"]

OFFSETS = (-2, -1, 0, 1, 2)
KNOWN_OFFSETS = (0, -1)
CHECKED = 8
MIN_AGREEMENT = 0.6
MIN_AGREEMENT_ALONE = 0.8
MIN_LEAD = 0.05
PHOTO_SIDE = 64
PHOTO_TOLERANCE = 24

Array = NDArray[np.uint8]
Agreement = Callable[[Item, CityscapesFrame], float]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The frame of image ``n`` is number ``n + offset``; ``evidence`` says why, for people."""

    offset: int
    evidence: str


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Why one kind of evidence shows nothing, or (``final``) that the numbers are wrong."""

    reason: str
    final: bool = False


def verify_numbering(
    experiment: Experiment,
    order: list[CityscapesFrame],
    numbers: dict[int, int],
    label_set: LabelSet,
    workers: int | None = None,
    direction: Direction = "labels-to-photo",
) -> Verdict:
    """Find out from which number the images count, and that they follow the order at all.

    Args:
        experiment: Its items have an input, a target, or both.
        order: The frames as data preparation numbers them.
        numbers: Each image's number to its place among the items.
        label_set: What colours mean.
        workers: Threads that decode; the number of cores by default.
        direction: Whether the inputs show the labels and the targets the photos, or the reverse.

    Raises:
        InputError: There is nothing to verify with, or what there is does not show clearly that
            the images count from 0 or from 1.
    """
    kinds = _evidence(experiment, order, label_set, direction)
    if not kinds:
        raise InputError(
            f"{experiment.folder}: the images are numbered, and without the input images "
            "(real_A) or the real ones (real_B) beside them nothing shows which frame a number "
            "means; give the folder of the whole test run, or images named "
            "<city>_<seq>_<frame>_leftImg8bit.png"
        )
    problems = []
    for name, agreement in kinds.items():
        verdict = _verdict(experiment, order, numbers, name, agreement, workers)
        if isinstance(verdict, Verdict):
            return verdict
        problems.append(verdict.reason)
        if verdict.final:
            break
    raise InputError(
        f"{experiment.folder}: the numbering of the images cannot be verified: "
        f"{'; '.join(dict.fromkeys(problems))}. Expected numbers that count the frames sorted by "
        "path from 0 (prepare_cityscapes_dataset.py) or from 1 (the authors' download); check the "
        "split and the tree, or rename the images to <city>_<seq>_<frame>_leftImg8bit.png"
    )


def _evidence(
    experiment: Experiment,
    order: list[CityscapesFrame],
    label_set: LabelSet,
    direction: Direction,
) -> dict[str, Agreement]:
    """Kinds of evidence there are, the stronger first."""
    canonical = canonical_ids(label_set)

    @cache
    def label(frame: CityscapesFrame) -> Array:
        return canonical[read_label_ids(frame.label)]

    @cache
    def photo(frame: CityscapesFrame) -> NDArray[np.int16] | None:
        return None if frame.photo is None else _thumbnail(read_rgb(frame.photo))

    @cache
    def painted(image: ImageRef) -> Array:
        return decode_colors(read_rgb(image), label_set).ids

    def colors(item: Item, frame: CityscapesFrame) -> float:
        image = painted_labels(item, direction)
        if image is None:
            return np.nan
        got = painted(image)
        return float((got == nearest(label(frame), *got.shape)).mean())

    def photos(item: Item, frame: CityscapesFrame) -> float:
        image, real = real_photo(item, direction), photo(frame)
        if image is None or real is None:
            return np.nan
        difference = np.abs(_thumbnail(read_rgb(image)) - real).max(2)
        return float((difference <= PHOTO_TOLERANCE).mean())

    shown = "inputs" if direction == "labels-to-photo" else "real label images"
    kinds: dict[str, Agreement] = {}
    if any(painted_labels(item, direction) is not None for item in experiment.items):
        kinds[f"colours of the {shown}"] = colors
    has_photos = any(frame.photo is not None for frame in order)
    if has_photos and any(real_photo(item, direction) is not None for item in experiment.items):
        kinds["real photos"] = photos
    return kinds


def _verdict(
    experiment: Experiment,
    order: list[CityscapesFrame],
    numbers: dict[int, int],
    name: str,
    agreement: Agreement,
    workers: int | None,
) -> Verdict | _Doubt:
    """The verdict, or what speaks against every one."""
    in_range = [n for n in sorted(numbers) if n + min(KNOWN_OFFSETS) < len(order)]
    if not in_range:
        return _Doubt(f"the numbers start at {min(numbers)}, and there are {len(order)} frames")
    checked = [in_range[place] for place in spread(len(in_range), CHECKED)]

    def row(number: int) -> list[float]:
        item = experiment.items[numbers[number]]
        indices = [number + offset for offset in OFFSETS]
        return [agreement(item, order[i]) if 0 <= i < len(order) else np.nan for i in indices]

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        table = np.array(list(pool.map(row, checked)), float)
    seen = ~np.isnan(table).all(1)
    table, checked = table[seen], [n for n, keep in zip(checked, seen, strict=True) if keep]
    if not len(table):
        return _Doubt(f"{name}: there are none for the checked numbers")
    votes = np.nanargmax(table, axis=1)
    winner = int(np.bincount(votes, minlength=len(OFFSETS)).argmax())
    offset, column = OFFSETS[winner], table[:, winner]
    others = np.delete(table, winner, axis=1)
    best = float(np.nanmean(column))
    rest = others[~np.isnan(others)]
    if best < (MIN_AGREEMENT if rest.size else MIN_AGREEMENT_ALONE):
        return _Doubt(f"{name}: only {best:.0%} of the pixels agree under the best count")
    if np.isnan(column).any() or (votes != winner).any():
        odd = checked[int(np.flatnonzero(np.isnan(column) | (votes != winner))[0])]
        return _Doubt(f"{name}: not all numbers fit one count; number {odd} differs", final=True)
    lead = float(np.mean(column - np.nanmax(np.nan_to_num(others, nan=-1.0), axis=1)))
    if rest.size and lead < MIN_LEAD:
        return _Doubt(
            f"{name}: {best:.0%} of the pixels agree, and nearly as many under another count"
        )
    if offset not in KNOWN_OFFSETS:
        return _Doubt(
            f"{name}: image n shows frame n{offset:+d}, so the numbers are shifted", final=True
        )
    second = f", at most {rest.max():.0%} under any other count" if rest.size else ""
    return Verdict(
        offset, f"{name} of {len(checked)} images agree on {best:.0%} of the pixels{second}"
    )


def _thumbnail(rgb: Array) -> NDArray[np.int16]:
    small = Image.fromarray(rgb).resize((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.int16)
