"""Did a few images break, while most stayed as they were?

A mean over images hardly moves when three of fifty turn black, and a bootstrap calls that chance:
many draws are without them. But where most images are what they were, the model is the same, and a
few that all lost are no noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["broken_images"]

UNCHANGED = 0.5
"""Share of images, all of whose figures moved by no more than the tolerance, that is most."""

Floats = NDArray[np.float64]


def broken_images(
    losses: Floats, tolerance: Floats, detect: Floats, *, at_least: int
) -> tuple[int, ...]:
    """Find images that lost more than tolerance and ``detect`` together.

    An image lost if it did so in more figures than it gained as much in. There are none where not
    most images are unchanged, or any gained: images then break now here, now there. If as many
    break in baseline and candidate, by chance, then three or more do so in the one and none in the
    other in at most 4.5 % of the cases, however often they break: a Poisson distribution with mean
    1.8 gives the most.

    Args:
        losses: Of each image, ``(images, figures)``; NaN says nothing.
        tolerance: Of each figure.
        detect: Of each figure.
        at_least: Fewer are none; 0 means never.

    Returns:
        Their places, in order.

    Example:
        >>> losses = np.zeros((50, 1))
        >>> losses[[7, 9, 30], 0] = 6, 8, 7
        >>> broken_images(losses, np.array([0.1]), np.array([1.0]), at_least=3)
        (7, 9, 30)
    """
    known = np.nan_to_num(losses, nan=0.0, posinf=np.inf, neginf=-np.inf)
    unchanged = (np.abs(known) <= tolerance).all(1)
    limit = tolerance + detect
    balance = (known > limit).sum(1) - (known < -limit).sum(1)
    lost = np.flatnonzero(balance > 0).tolist()
    if not 0 < at_least <= len(lost) or (balance < 0).any() or unchanged.mean() <= UNCHANGED:
        return ()
    return tuple(lost)
