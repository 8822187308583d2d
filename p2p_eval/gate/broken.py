"""Did a few images break, while the others stayed as they were?

A mean over images hardly moves when three of fifty turn black, and a bootstrap calls that chance:
many draws are without them. But losses far beyond all that images differ by, on one side only, are
no noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["broken_images"]

BETWEEN = 3.0
"""Standard deviations of the baseline's values that a broken image loses more than."""

WITHIN = 8.0
"""And of the losses of most images, estimated by their median."""

NORMAL_MAD = 1.4826

Floats = NDArray[np.float64]


def broken_images(baseline: Floats, losses: Floats, *, at_least: int) -> list[int]:
    """Find images that lost far more than images differ by; none, if one gained as much.

    That some gained as much tells that images break now here, now there. If as many break in
    baseline and candidate, by chance, then three or more do in the one and none in the other in
    at most 4.5 % of the cases, however often they break.

    Args:
        baseline: Value of each image, ``(images,)``; what is infinite is left out.
        losses: Loss of each image, ``(images,)``; what is not finite is left out.
        at_least: Fewer are none.

    Returns:
        Their places, the largest loss first.

    Example:
        >>> baseline, losses = np.arange(50.0), np.zeros(50)
        >>> losses[[7, 9, 30]] = 60, 80, 70
        >>> broken_images(baseline, losses, at_least=3)
        [9, 30, 7]
    """
    finite = np.isfinite(losses)
    values, known = baseline[np.isfinite(baseline)], losses[finite]
    if len(values) < 2 or not len(known):
        return []
    within = NORMAL_MAD * float(np.median(np.abs(known - np.median(known))))
    limit = max(BETWEEN * float(values.std(ddof=1)), WITHIN * within)
    lost = np.flatnonzero(finite & (losses > limit))
    if len(lost) < at_least or (known < -limit).any():
        return []
    order = lost[np.argsort(-losses[lost], kind="stable")]
    return [int(place) for place in order]
