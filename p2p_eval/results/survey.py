"""Look once at every image and label of a pairing and note what the doctor judges by."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcn.labels import LabelSet
from p2p_eval.errors import InputError
from p2p_eval.results.colors import canonical_ids, decode_colors
from p2p_eval.results.direction import Direction, painted_labels, real_photo
from p2p_eval.results.images import (
    ImageInfo,
    ImageRef,
    check_label_ids,
    check_rgb,
    probe,
    read_label_ids,
    read_rgb,
)
from p2p_eval.results.layouts import Item
from p2p_eval.results.pairing import Frame, Pairing
from p2p_eval.results.sampling import nearest, spread

__all__ = ["CONVERTED", "FrameFacts", "Progress", "read_or_none", "roughness", "survey"]

SAMPLED = 16

Progress = Callable[[int, int], None]
Size = tuple[int, int]

CONVERTED = ("palette", "RGBA")
"""Modes of images that are converted to RGB, unless a pixel is not opaque."""


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """What one frame's files are; what was not looked at, or could not be read, is None.

    Attributes:
        frame: The frame.
        image: The generated image's header.
        image_error: Why it cannot be used.
        image_size: Width and height, of the half if it is one.
        target_size: The same of the real image, where that is painted.
        label: The label map's header.
        label_error: Why it cannot be used.
        digest: SHA-256 of the generated image's pixels.
        flat: Whether all its pixels have one colour.
        gray: Whether all its pixels are gray.
        roughness: Its second differences over its first, see :func:`roughness`.
        same_as: Which of ``input`` and ``target`` has the very same pixels.
        label_counts: Pixels of each label id, shape ``(256,)``.
        output_far: Share of the generated image's pixels far from every label colour.
        painted_far: The same of the image that should show the labels in colours.
        photo_far: The same of the photo that belongs to them.
        agreement: Share of pixels in which the painted labels and the label map agree.
    """

    frame: Frame
    image: ImageInfo | None = None
    image_error: str | None = None
    image_size: Size | None = None
    target_size: Size | None = None
    label: ImageInfo | None = None
    label_error: str | None = None
    digest: bytes | None = None
    flat: bool = False
    gray: bool = False
    roughness: float | None = None
    same_as: tuple[str, ...] = ()
    label_counts: NDArray[np.int64] | None = None
    output_far: float | None = None
    painted_far: float | None = None
    photo_far: float | None = None
    agreement: float | None = None


def survey(
    pairing: Pairing,
    label_set: LabelSet,
    *,
    full: bool,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[FrameFacts]:
    """Note the facts of every frame.

    Args:
        pairing: The frames.
        label_set: What colours mean.
        full: Decode every file; otherwise read all headers, and decode 16 frames and the images
            that have a palette or alpha.
        workers: Threads, by default as many as there are cores.
        progress: Called with frames done and frames in total.
    """
    items = {item.output: item for item in pairing.experiment.items}
    sampled = set(spread(len(pairing.frames), SAMPLED))

    def look(place: int) -> FrameFacts:
        frame = pairing.frames[place]
        item = items.get(frame.image)
        decoded, close = full or place in sampled, place in sampled
        return _look(frame, item, label_set, decoded, close, pairing.direction)

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        facts = []
        for fact in pool.map(look, range(len(pairing.frames))):
            facts.append(fact)
            if progress is not None:
                progress(len(facts), len(pairing.frames))
    return facts


def _look(
    frame: Frame,
    item: Item | None,
    label_set: LabelSet,
    pixels: bool,
    close: bool,
    direction: Direction,
) -> FrameFacts:
    facts: dict[str, Any] = {}
    output = label = None
    try:
        facts["image"] = info = probe(frame.image.path)
        facts["image_size"] = _size(frame.image, info)
        check_rgb(frame.image.path, info)
        if pixels or info.mode in CONVERTED:  # only the pixels show whether all are opaque
            output = read_rgb(frame.image)
            facts["digest"] = _digest(output)
            facts["flat"] = bool((output == output[0, 0]).all())
            facts["gray"] = bool((output == output[..., :1]).all())
    except InputError as error:
        facts["image_error"] = str(error)
    if isinstance(frame.label, Path):
        try:
            facts["label"] = probe(frame.label)
            check_label_ids(frame.label, facts["label"])
            if pixels:
                label = read_label_ids(frame.label)
                facts["label_counts"] = np.bincount(label.ravel(), minlength=256)
        except InputError as error:
            facts["label_error"] = str(error)
    if item is not None and item.target is not None and direction == "photo-to-labels":
        with suppress(InputError):  # real images are not scored, so they may be of any kind
            facts["target_size"] = _size(item.target, probe(item.target.path))
    if output is not None and item is not None:
        facts |= _compare(output, item)
        if close:
            facts |= _look_closely(output, label, item, label_set, direction)
    return FrameFacts(frame, **facts)


def _size(image: ImageRef, info: ImageInfo) -> Size:
    return (info.size[0] // (2 if image.half else 1), info.size[1])


def _compare(output: NDArray[np.uint8], item: Item) -> dict[str, Any]:
    """Say whether the output is the input or the real image."""
    others = (("input", read_or_none(item.input)), ("target", read_or_none(item.target)))
    same = (name for name, other in others if other is not None and np.array_equal(output, other))
    return {"same_as": tuple(same)}


def _look_closely(
    output: NDArray[np.uint8],
    label: NDArray[np.uint8] | None,
    item: Item,
    label_set: LabelSet,
    direction: Direction,
) -> dict[str, Any]:
    """Compare all images with the label colours, and the painted labels with the label map."""
    facts: dict[str, Any] = {
        "output_far": decode_colors(output, label_set).far_share,
        "roughness": roughness(output),
    }
    painted = read_or_none(painted_labels(item, direction))
    photo = read_or_none(real_photo(item, direction))
    if painted is not None:
        decoded = decode_colors(painted, label_set)
        facts["painted_far"] = decoded.far_share
        if label is not None:
            facts["agreement"] = _agreement(decoded.ids, label, label_set)
    if photo is not None:
        facts["photo_far"] = decode_colors(photo, label_set).far_share
    return facts


def roughness(rgb: NDArray[np.uint8]) -> float | None:
    """Sum of the absolute second differences along rows and columns, over that of the first.

    2 where pixels stand alone or edges are steps, 1.7 for noise, 0.8/σ for edges under a Gaussian
    blur of σ pixels; None where nothing differs.

    Example:
        >>> step = np.array([[[0], [0], [9], [9]]], np.uint8)
        >>> roughness(step), roughness(np.array([[[0], [3], [6], [9]]], np.uint8))
        (2.0, 0.0)
    """
    pixels = rgb.astype(np.int16)
    first = second = 0
    for axis in (0, 1):
        slope = np.diff(pixels, axis=axis)
        first += int(np.abs(slope).sum(dtype=np.int64))
        second += int(np.abs(np.diff(slope, axis=axis)).sum(dtype=np.int64))
    return second / first if first else None


def _agreement(painted: NDArray[np.uint8], label: NDArray[np.uint8], label_set: LabelSet) -> float:
    expected = canonical_ids(label_set)[nearest(label, *painted.shape)]
    return float((painted == expected).mean())


def read_or_none(image: ImageRef | None) -> NDArray[np.uint8] | None:
    """The pixels, or None: inputs and real images are not scored, so they may be of any kind."""
    if image is None:
        return None
    try:
        return read_rgb(image)
    except InputError:
        return None


def _digest(pixels: NDArray[np.uint8]) -> bytes:
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()
