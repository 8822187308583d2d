"""What do the draws of a bootstrap say of a figure: how likely is what lies beyond, and how far?

Percentiles of a bootstrap are too narrow for few images, as draws spread by ``√((n-1)/n)`` too
little and their tails are those of a normal distribution, not of Student's t. The *expanded*
percentile interval corrects both: it takes the percentile ``Φ(√(n/(n-1)) · t(α, n-1))`` for ``α``.
It is still too narrow on the side of fewer outliers, which some draws are without; so an end is
never nearer than Student's t with the draws' standard deviation has it.

Beyond the last :data:`TAIL` draws on a side the tail goes on as that of a normal distribution
through them and the median; else a figure among many could not be told from chance however much it
differs.

Source: Hesterberg, *What Teachers Should Know About the Bootstrap*, The American Statistician 2015;
Holm, *A Simple Sequentially Rejective Multiple Test Procedure*, Scandinavian Journal of Statistics
1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

__all__ = ["LowerTail", "holm", "holm_levels"]

TAIL = 10
"""Draws beyond which the tail goes on as a normal one."""

Floats = NDArray[np.float64]


class LowerTail:
    """The lower tail of one figure's draws.

    Example:
        >>> draws = np.random.default_rng(0).normal(3, 1, 10_000)
        >>> tail = LowerTail(draws, 50)
        >>> round(tail.p(1.0), 2), round(tail.bound(0.025), 1)
        (0.03, 1.0)
    """

    def __init__(self, draws: Floats, images: int) -> None:
        """Take one figure's draws.

        Args:
            draws: One a draw, shape ``(draws,)``; NaN, a draw in which nothing is known of the
                figure, counts as below everything.
            images: From how many images each was drawn, two or more.
        """
        self._draws = np.sort(np.where(np.isnan(draws), -np.inf, draws))
        self._whole, self._tail = _normals(self._draws)
        self._images = images

    def p(self, threshold: float) -> float:
        """How likely such draws are if the figure is no larger than a threshold, one-sided."""
        count = int(np.searchsorted(self._draws, threshold, "right"))
        draws, n = len(self._draws), self._images
        if count == draws:
            return 1.0
        z = float(ndtri((count + 1) / (draws + 1)))
        if count < TAIL and self._tail is not None:
            z = self._tail.z(threshold)
        if self._whole is not None:
            z = max(z, self._whole.z(threshold))
        return float(stdtr(n - 1, z * math.sqrt((n - 1) / n)))

    def bound(self, alpha: float) -> float:
        """The end of the one-sided interval: what is below has a :meth:`p` less than alpha."""
        draws, n = len(self._draws), self._images
        z = math.sqrt(n / (n - 1)) * float(stdtrit(n - 1, alpha))
        count = math.ceil(float(ndtr(z)) * (draws + 1) - 1)
        bound = float(self._draws[min(max(count, 1), draws) - 1])
        if count < TAIL and self._tail is not None:
            bound = min(self._tail.at(z), float(self._draws[min(TAIL, draws) - 1]))
        return bound if self._whole is None else min(bound, self._whole.at(z))


class _Normal(NamedTuple):
    """A normal distribution; one without spread is a step."""

    centre: float
    spread: float

    def z(self, value: float) -> float:
        if self.spread:
            return (value - self.centre) / self.spread
        return math.inf if value >= self.centre else -math.inf

    def at(self, z: float) -> float:
        return self.centre + z * self.spread


def _normals(draws: Floats) -> tuple[_Normal | None, _Normal | None]:
    """The normal distribution of sorted draws, and the one that goes on below the last of them.

    None where infinite draws give none.
    """
    last = min(TAIL, len(draws))
    anchor, centre = float(draws[last - 1]), float(np.median(draws))
    z = float(ndtri(last / (len(draws) + 1)))
    tail = None
    if math.isfinite(anchor) and math.isfinite(centre) and z < 0:
        tail = _Normal(centre, (centre - anchor) / -z)
    if not np.isfinite(draws[[0, -1]]).all():
        return None, tail
    return _Normal(float(draws.mean()), float(draws.std())), tail


def holm(p: Sequence[float]) -> list[float]:
    """Correct the p of several tests, so that the chance of any false alarm stays below alpha.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p)
    largest = 0.0
    for step, place in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        largest = max(largest, min(1.0, (len(p) - step) * p[place]))
        corrected[place] = largest
    return corrected


def holm_levels(p: Sequence[float], alpha: float) -> list[float]:
    """The level that each test is held to, so that it is significant just where p is below.

    Tests that are not significant are all held to the level of the first of them.

    Example:
        >>> [round(level, 4) for level in holm_levels([0.01, 0.04, 0.03], 0.05)]
        [0.0167, 0.025, 0.025]
    """
    levels = [0.0] * len(p)
    level, failed = alpha, False
    for step, place in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        if not failed:
            level = alpha / (len(p) - step)
            failed = p[place] >= level
        levels[place] = level
    return levels
