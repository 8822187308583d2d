"""Confidence intervals by bootstrap over items that have their statistics stored.

Items (frames) are drawn with replacement; as statistics are sums, a draw is a row of multinomial
weights and all draws are one matrix product: nothing is scored twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DRAWS",
    "LEVEL",
    "bootstrap_blocks",
    "bootstrap_draws",
    "bootstrap_interval",
    "whole_numbers",
]

DRAWS = 10_000
"""Draws unless something else is asked for."""

LEVEL = 0.95
"""Share of the draws that the interval holds."""

CHUNK_CELLS = 1 << 22
"""Weights that are held at once, so that memory does not grow with items times draws."""

SUMS = 1 << 21
"""Sums that are held at once, for the same reason."""

BLOCK = 1 << 10
"""Items in a block, where all are at hand."""

FLOATING = 1 << 19
"""Weights that are turned into floating point at once: few enough to stay in the cache."""

DRAWN = 1 << 17
"""Items that are drawn at once; more would not be faster."""

EXACT_BITS = 52

Floats = NDArray[np.float64]


def bootstrap_interval(
    items: NDArray[np.number],
    statistic: Callable[[Floats], Floats],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = LEVEL,
) -> Floats:
    """Estimate percentile intervals of a statistic of the items' sum.

    Sums of counts are exact in float64 (below 2**53), so the result depends on nothing but the
    arguments: not on the machine, the number of threads, or the size of the chunks.

    Args:
        items: One array of counts an item, shape ``(items, ...)``.
        statistic: Takes sums over drawn items, shape ``(n, ...)``; returns shape ``(n, figures)``.
        draws: Number of draws.
        seed: Of the draws.
        level: Share of the draws inside, in 0-1.

    Returns:
        Lower and upper ends, shape ``(2, figures)``. Draws in which a figure is NaN are left out
        of its interval; it is NaN where all of them are.

    Raises:
        ValueError: There are no items or no draws, or the level is not between 0 and 1.

    Source: Efron, *Bootstrap Methods: Another Look at the Jackknife*, 1979.

    Example:
        >>> counts = np.array([[9, 10], [5, 10], [7, 10], [8, 10]])  # hits, trials
        >>> bootstrap_interval(counts, lambda s: s[:, :1] / s[:, 1:]).round(2).ravel()
        array([0.57, 0.85])
    """
    return bootstrap_blocks(
        lambda: (items[first : first + BLOCK] for first in range(0, len(items), BLOCK)),
        len(items),
        statistic,
        draws=draws,
        seed=seed,
        level=level,
    )


def bootstrap_blocks(
    blocks: Callable[[], Iterable[NDArray[np.number]]],
    count: int,
    statistic: Callable[[Floats], Floats],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = LEVEL,
) -> Floats:
    """Do what :func:`bootstrap_interval` does with items that come in blocks, as from a file.

    Memory does not grow with the number of items, if blocks are of bounded size.

    Args:
        blocks: Gives all items, in order, in arrays ``(n, ...)``; called several times.
        count: Number of items.
        statistic: As of :func:`bootstrap_interval`.
        draws: Number of draws.
        seed: Of the draws.
        level: Share of the draws inside, in 0-1.

    Returns:
        As :func:`bootstrap_interval`, the same figures to the last digit.

    Raises:
        ValueError: There are no items or no draws, or the level is not between 0 and 1.

    Example:
        >>> counts = np.array([[9, 10], [5, 10], [7, 10], [8, 10]])
        >>> ratio = lambda s: s[:, :1] / s[:, 1:]
        >>> bootstrap_blocks(lambda: (counts[:3], counts[3:]), 4, ratio).round(2).ravel()
        array([0.57, 0.85])
    """
    if not 0 < level < 1:
        raise ValueError(f"got level {level}, expected more than 0 and less than 1")
    values = bootstrap_draws(blocks, count, statistic, draws=draws, seed=seed)
    tail = (1 - level) / 2
    return np.stack([_quantiles(column, tail) for column in values.T], axis=1)


def bootstrap_draws(
    blocks: Callable[[], Iterable[NDArray[np.number]]],
    count: int,
    statistic: Callable[[Floats], Floats],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Floats:
    """Give the statistic of each draw; equal counts and seeds draw the same items.

    Args:
        blocks: As of :func:`bootstrap_blocks`.
        count: Number of items.
        statistic: As of :func:`bootstrap_interval`.
        draws: Number of draws.
        seed: Of the draws.

    Returns:
        Shape ``(draws, figures)``.

    Raises:
        ValueError: There are no items or no draws.
    """
    if count < 1 or draws < 1:
        raise ValueError(f"got {count} items and {draws} draws, expected one or more of each")
    rng = np.random.default_rng(seed)
    shape = next(iter(blocks()))[0].shape
    size = math.prod(shape)
    chunk = max(1, min(CHUNK_CELLS // count, SUMS // max(1, size)))
    figures = []
    for start in range(0, draws, chunk):
        weights = _weights(rng, min(chunk, draws - start), count)
        sums = np.zeros((len(weights), size))
        first = 0
        for block in blocks():
            items = block.reshape(len(block), size).astype(np.float64)
            step = max(1, FLOATING // max(1, len(block)))
            for row in range(0, len(weights), step):
                some = weights[row : row + step, first : first + len(block)]
                sums[row : row + step] += some.astype(np.float64) @ items
            first += len(block)
        figures.append(statistic(sums.reshape(-1, *shape)))
    return np.concatenate(figures)


def whole_numbers(values: Floats) -> tuple[float, float, Floats]:
    """Return a centre, a unit, and how many units each value is above the centre.

    Sums of floating-point numbers depend on their order, and so on the number of threads. Sums of
    whole numbers below 2**53 do not: the values are taken as multiples of a power of two so small
    that their sums just stay below it, some 2**-40 of their spread for 4000 images. So is the
    centre: an end that is 0, as where most images of two experiments are equal, comes out as 0.
    """
    centre = math.fsum(values) / len(values)
    spread = float(np.abs(values - centre).max())
    _, exponent = math.frexp(len(values) * spread)
    unit = math.ldexp(1.0, exponent - EXACT_BITS)
    if not (spread and unit):
        return centre, unit, np.zeros_like(values)
    if math.isfinite(units := centre / unit):
        centre = float(np.rint(units)) * unit
    return centre, unit, np.rint((values - centre) / unit)


def _weights(rng: np.random.Generator, draws: int, count: int) -> NDArray[np.uint16]:
    """How often each item is drawn; the chance that one is drawn 2**16 times is nothing."""
    weights = np.empty((draws, count), np.uint16)
    step = max(1, DRAWN // count)
    for start in range(0, draws, step):
        n = min(step, draws - start)
        drawn = rng.integers(count, size=(n, count)) + count * np.arange(n)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=n * count)
        weights[start : start + n] = counts.reshape(n, count)
    return weights


def _quantiles(values: Floats, tail: float) -> Floats:
    known = values[~np.isnan(values)]
    if not known.size:
        return np.full(2, np.nan)
    ends: Floats = np.quantile(known, [tail, 1 - tail])
    return ends
