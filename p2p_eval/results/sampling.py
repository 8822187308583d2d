"""Pick a few of many: places in a list, pixels of a label map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["nearest", "spread"]


def spread(count: int, most: int) -> list[int]:
    """At most ``most`` places spread evenly over ``count``, the first and the last among them.

    Example:
        >>> spread(100, 4)
        [0, 33, 66, 99]
    """
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]


def nearest(ids: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """A label map, ``(H, W)``, at another size: of each new pixel, the id below its centre.

    Example:
        >>> nearest(np.array([[1, 2, 3, 4, 5, 6]], np.uint8), 1, 2)
        array([[2, 5]], dtype=uint8)
    """
    rows = (np.arange(height) * 2 + 1) * ids.shape[0] // (2 * height)
    columns = (np.arange(width) * 2 + 1) * ids.shape[1] // (2 * width)
    small: NDArray[np.uint8] = ids[rows[:, None], columns]
    return small
