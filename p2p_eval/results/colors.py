"""Label maps painted in colours: back to ids by the nearest colour, and how well they fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fcn.labels import LabelSet
from p2p_eval.errors import InputError
from p2p_eval.results.images import ImageRef, read_rgb

__all__ = ["MAX_FAR_SHARE", "Decoded", "canonical_ids", "decode_colors", "read_decoded"]

FAR = 30.0
"""Distance in RGB (0-255 a channel) from which a pixel counts as far from every label colour."""

MAX_FAR_SHARE = 0.25
"""Largest share of far pixels in an image that passes for a label map in colours.

JPEG's ringing at edges: 17 % on average in the pix2pix facades, far above 50 % in photos.
"""

ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True)
class Decoded:
    """Label ids, uint8 ``(H, W)``, and the share of pixels that are far from every colour."""

    ids: NDArray[np.uint8]
    far_share: float


def decode_colors(rgb: NDArray[np.uint8], label_set: LabelSet) -> Decoded:
    """Give each pixel the id of the label set's nearest colour in RGB.

    Ignored classes take part, so that what is painted black stays ignored; classes of one colour,
    and ties, go to the lowest id.

    Args:
        rgb: uint8, shape ``(H, W, 3)``.
        label_set: Its colours.

    Example:
        >>> import numpy as np
        >>> from fcn.labels import label_set
        >>> road = np.full((1, 1, 3), (127, 65, 128), np.uint8)
        >>> decode_colors(road, label_set("cityscapes")).ids.item()
        7
    """
    rows = sorted(label_set.rows, key=lambda row: row.id)
    ids = np.array([row.id for row in rows], np.uint8)
    colors = np.array([row.color for row in rows], np.float32)
    pixels = rgb.reshape(-1, 3)
    nearest = np.empty(len(pixels), np.uint8)
    far = 0
    for start in range(0, len(pixels), ROWS_AT_ONCE):
        part = pixels[start : start + ROWS_AT_ONCE].astype(np.float32)
        # |p - c|² without |p|², which is the same for every colour; all values are exact integers.
        squares = (colors**2).sum(1) - 2 * (part @ colors.T)
        best = squares.argmin(1)
        nearest[start : start + len(part)] = ids[best]
        distance = squares[np.arange(len(part)), best] + (part**2).sum(1)
        far += int((distance > FAR**2).sum())
    return Decoded(nearest.reshape(rgb.shape[:2]), far / max(1, len(pixels)))


def read_decoded(image: ImageRef, label_set: LabelSet) -> NDArray[np.uint8]:
    """Read an image of label colours as label ids, uint8 ``(H, W)``.

    Raises:
        InputError: As :func:`p2p_eval.results.images.read_rgb`, or more than half of the pixels
            are far from every colour of the label set.
    """
    decoded = decode_colors(read_rgb(image), label_set)
    if decoded.far_share > 2 * MAX_FAR_SHARE:
        raise InputError(
            f"{image}: {decoded.far_share:.0%} of the pixels have no colour of the label set "
            f"{label_set.name}, expected an image of label colours; give --labels, or the "
            "--label-set that it was painted with"
        )
    return decoded.ids


def canonical_ids(label_set: LabelSet) -> NDArray[np.uint8]:
    """Lookup table, shape ``(256,)``: an id to the lowest id of the same colour; 255 if unknown."""
    table = np.full(256, 255, np.uint8)
    lowest: dict[tuple[int, int, int], int] = {}
    for row in sorted(label_set.rows, key=lambda row: row.id):
        table[row.id] = lowest.setdefault(row.color, row.id)
    return table
