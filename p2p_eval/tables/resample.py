"""How sure is a mean over seeds of training? Seeds are drawn, then items within them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from p2p_eval.scores.bootstrap import DRAWS, bootstrap_interval

__all__ = ["seed_interval"]

Floats = NDArray[np.float64]


def seed_interval(
    items: NDArray[np.number],
    statistic: Callable[[Floats], Floats],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Floats:
    """Estimate 95 % intervals of the mean over seeds of a statistic of the items' sum.

    Each draw takes as many seeds as there are, with replacement, and as many items, the same for
    all seeds, since all of them have translated the same images. With one seed it is
    :func:`p2p_eval.scores.bootstrap.bootstrap_interval` over items, to the last digit.

    Args:
        items: One array of counts an item and seed, ``(items, seeds, ...)``.
        statistic: Takes sums over drawn items, ``(n, seeds, ...)``; gives ``(n, seeds, figures)``.
        draws: Number of draws.
        seed: Of the draws.

    Returns:
        Lower and upper ends, ``(2, figures)``; NaN as of ``bootstrap_interval``.

    Raises:
        ValueError: There are no items or no draws.

    Example:
        >>> counts = np.array([[[9, 10], [6, 10]], [[5, 10], [4, 10]]])  # hits, trials; two seeds
        >>> seed_interval(counts, lambda s: s[..., :1] / s[..., 1:]).round(2).ravel()
        array([0.4, 0.9])
    """
    seeds = items.shape[1]
    # A generator of its own, so that frames are drawn as they would be for one seed.
    rng = np.random.default_rng([seed, seeds])

    def mean_of_drawn(sums: Floats) -> Floats:
        values = statistic(sums)
        if seeds > 1:
            drawn = rng.integers(seeds, size=(len(values), seeds))
            values = np.take_along_axis(values, drawn[..., None], axis=1)
        mean: Floats = values.mean(1)
        return mean

    return bootstrap_interval(items, mean_of_drawn, draws=draws, seed=seed)
