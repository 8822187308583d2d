"""Look once at every image and label of a pairing and note what the doctor judges by."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcn.labels import LabelSet
from p2p_eval.errors import InputError
from p2p_eval.results.colors import canonical_ids, decode_colors
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

__all__ = ["CONVERTED", "FrameFacts", "Progress", "read_or_none", "survey"]

SAMPLED = 16

Progress = Callable[[int, int], None]

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
        label: The label map's header.
        label_error: Why it cannot be used.
        digest: SHA-256 of the generated image's pixels.
        flat: Whether all its pixels have one colour.
        same_as: Which of ``input`` and ``target`` has the very same pixels.
        label_counts: Pixels of each label id, shape ``(256,)``.
        output_far: Share of the generated image's pixels far from every label colour.
        input_far: The same of the input image.
        agreement: Share of pixels in which the input's colours and the label map agree.
    """

    frame: Frame
    image: ImageInfo | None = None
    image_error: str | None = None
    image_size: tuple[int, int] | None = None
    label: ImageInfo | None = None
    label_error: str | None = None
    digest: bytes | None = None
    flat: bool = False
    same_as: tuple[str, ...] = ()
    label_counts: NDArray[np.int64] | None = None
    output_far: float | None = None
    input_far: float | None = None
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
        return _look(frame, item, label_set, full or place in sampled, place in sampled)

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        facts = []
        for fact in pool.map(look, range(len(pairing.frames))):
            facts.append(fact)
            if progress is not None:
                progress(len(facts), len(pairing.frames))
    return facts


def _look(
    frame: Frame, item: Item | None, label_set: LabelSet, pixels: bool, colors: bool
) -> FrameFacts:
    facts: dict[str, Any] = {}
    output = label = None
    try:
        facts["image"] = info = probe(frame.image.path)
        facts["image_size"] = (info.size[0] // (2 if frame.image.half else 1), info.size[1])
        check_rgb(frame.image.path, info)
        if pixels or info.mode in CONVERTED:  # only the pixels show whether all are opaque
            output = read_rgb(frame.image)
            facts["digest"] = _digest(output)
            facts["flat"] = bool((output == output[0, 0]).all())
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
    if output is not None and item is not None:
        facts |= _compare(output, label, item, label_set, colors)
    return FrameFacts(frame, **facts)


def _compare(
    output: NDArray[np.uint8],
    label: NDArray[np.uint8] | None,
    item: Item,
    label_set: LabelSet,
    colors: bool,
) -> dict[str, Any]:
    """Compare the output with input and target, and the input's colours with the label map."""
    facts: dict[str, Any] = {}
    given, real = read_or_none(item.input), read_or_none(item.target)
    facts["same_as"] = tuple(
        name
        for name, other in (("input", given), ("target", real))
        if other is not None and np.array_equal(output, other)
    )
    if colors:
        facts["output_far"] = decode_colors(output, label_set).far_share
    if colors and given is not None:
        decoded = decode_colors(given, label_set)
        facts["input_far"] = decoded.far_share
        if label is not None:
            facts["agreement"] = _agreement(decoded.ids, label, label_set)
    return facts


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
