"""Label maps painted in colours: back to ids by the nearest colour, and how well they fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fcn.labels import LabelSet
from p2p_eval.errors import InputError
from p2p_eval.results.images import ImageRef, read_rgb

__all__ = [
    "MAX_FAR_SHARE",
    "MAX_FAR_SHARE_OF_ONE",
    "Decoded",
    "canonical_ids",
    "decode_colors",
    "nearest_colors",
    "read_decoded",
]

FAR = 30.0
"""Distance in RGB (0-255 a channel) from which a pixel counts as far from every label colour."""

MAX_FAR_SHARE = 0.35
"""Largest mean share of far pixels in a few images that pass for label maps in colours.

JPEG's ringing at edges: at most 32 % in any four label maps in a row of the 606 pix2pix facades
(20 % over all), at least 37 % in any four photos of facades, CamVid and scenes, whichever label
set.
"""

MAX_FAR_SHARE_OF_ONE = 0.55
"""The same of one image: at most 51 % in a label map of the facades; single photos, at 28 to 100 %
(56 % and more on average), cannot all be told.
"""

PIXELS_AT_ONCE = 1 << 12
"""Pixels whose distances to all colours fit into a core's cache."""

MOST_IN_FLOAT32 = 43
"""Colours whose scores in :func:`nearest_colors` are integers below 2^24, exact in float32."""


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
    lowest: dict[tuple[int, int, int], int] = {}
    for row in sorted(label_set.rows, key=lambda row: row.id):
        lowest.setdefault(row.color, row.id)
    index, squares = nearest_colors(rgb, np.array(list(lowest), np.uint8))
    ids = np.array(list(lowest.values()), np.uint8)
    return Decoded(ids[index], int((squares > FAR**2).sum()) / max(1, squares.size))


def nearest_colors(
    rgb: NDArray[np.uint8], colors: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Find each pixel's nearest colour in RGB; of equally near ones, the first.

    Args:
        rgb: uint8, shape ``(H, W, 3)``.
        colors: uint8, shape ``(K, 3)``, K from 1 to 256.

    Returns:
        Index of the colour, uint8 ``(H, W)``, and the squared distance to it, int32 ``(H, W)``.

    Example:
        >>> import numpy as np
        >>> pixels = np.array([[[250, 9, 0], [5, 5, 5]]], np.uint8)
        >>> index, squares = nearest_colors(pixels, np.array([[0, 0, 0], [255, 0, 0]], np.uint8))
        >>> index.tolist(), squares.tolist()
        ([[1, 0]], [[106, 75]])
    """
    count = len(colors)
    # Of |p - c|² = |p|² + |c|² - 2pc the first term is the same for every colour. The rest, times
    # K and plus the colour's index, is one exact integer, whose minimum holds both answers.
    exact = np.float32 if count <= MOST_IN_FLOAT32 else np.float64
    palette = colors.astype(exact)
    factors = count * np.column_stack([-2 * palette, (palette**2).sum(1)])
    factors[:, 3] += np.arange(count)
    pixels = rgb.reshape(-1, 3)
    index = np.empty(len(pixels), np.uint8)
    squares = np.empty(len(pixels), np.int32)
    part = np.ones((4, PIXELS_AT_ONCE), exact)
    for start in range(0, len(pixels), PIXELS_AT_ONCE):
        end = min(start + PIXELS_AT_ONCE, len(pixels))
        here = part[:, : end - start]
        here[:3] = pixels[start:end].T
        lowest = (factors @ here).min(0).astype(np.int32)
        distance, index[start:end] = np.divmod(lowest, count)
        squares[start:end] = distance + (here[:3] ** 2).sum(0).astype(np.int32)
    return index.reshape(rgb.shape[:2]), squares.reshape(rgb.shape[:2])


def read_decoded(image: ImageRef, label_set: LabelSet) -> NDArray[np.uint8]:
    """Read an image of label colours as label ids, uint8 ``(H, W)``.

    Raises:
        InputError: As :func:`p2p_eval.results.images.read_rgb`, or more than 55 % of the
            pixels are far from every colour of the label set.
    """
    decoded = decode_colors(read_rgb(image), label_set)
    if decoded.far_share > MAX_FAR_SHARE_OF_ONE:
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
