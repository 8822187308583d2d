"""The size that the label maps of one experiment have, and the maps that have another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from p2p_eval.errors import InputError
from p2p_eval.results.images import check_label_ids, probe
from p2p_eval.results.pairing import Frame

__all__ = ["Size", "check_label_size", "usual_label_size", "usual_size"]

Size = tuple[int, int]


def usual_size(sizes: Iterable[Size]) -> Size | None:
    """The size, (width, height), of more than half, or None where there is none.

    Example:
        >>> usual_size([(2, 1), (2, 1), (4, 4)])
        (2, 1)
    """
    counts = Counter(sizes)
    for size, count in counts.most_common(1):
        return size if 2 * count > counts.total() else None
    return None


def usual_label_size(frames: Iterable[Frame]) -> Size | None:
    """The usual size of frames' label files by their headers; unusable files have no say."""
    sizes = []
    for frame in frames:
        if isinstance(frame.label, Path):
            try:
                info = probe(frame.label)
                check_label_ids(frame.label, info)
            except InputError:  # told when the frame is read
                continue
            sizes.append(info.size)
    return usual_size(sizes)


def check_label_size(frame: Frame, usual: Size | None) -> None:
    """Refuse a label file of another size than the usual one; None means any.

    Raises:
        InputError: It has another size, or cannot be read.
    """
    if usual is None or not isinstance(frame.label, Path):
        return
    width, height = probe(frame.label).size
    if (width, height) != usual:
        raise InputError(
            f"{frame.label}: got a label map of {width}×{height}, expected {usual[0]}×{usual[1]} "
            "as the others are; give all label maps as they were published"
        )
