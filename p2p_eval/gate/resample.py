"""How much worse is a candidate on the same images, and by how much would others differ?

A *loss* is how far a figure moved in its worse direction; of a figure that is better near zero, how
far it moved away from zero. Images are drawn with replacement, the same ones for baseline,
candidate and all figures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from p2p_eval.gate.derive import Derived, derive
from p2p_eval.gate.scored import Better, Scored
from p2p_eval.scores.bootstrap import BLOCK, bootstrap_draws, whole_numbers

__all__ = ["Losses", "Pair", "direction", "losses", "mean_losses"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two scores of the same images in the same order.

    Attributes:
        baseline: One of them.
        current: The other.
        names: Of the figures that are compared; both scores have them.
        better: Which direction of each is better.
    """

    baseline: Scored
    current: Scored
    names: tuple[str, ...]
    better: tuple[Better, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """What is known of the losses of some figures.

    Attributes:
        value: Loss of each figure over all images, ``(figures,)``; infinite where an image lost
            or gained an infinite value, NaN where both happened.
        draws: The same of each draw, ``(draws, figures)``.
        images: Loss of each image, ``(images, figures)``; NaN where it says nothing, as where both
            values are infinite.
        baseline: Value of each image, ``(images, figures)``.
        current: Value of each image, ``(images, figures)``.
        count: Images that say something of each figure, ``(figures,)``.
        figures: What the figures are by the rows, of baseline and current, ``(2, figures)``.
    """

    value: Floats
    draws: Floats
    images: Floats
    baseline: Floats
    current: Floats
    count: NDArray[np.int64]
    figures: Floats


def direction(baseline: Floats, current: Floats, better: Better) -> Floats:
    """Losses of values of one figure.

    Example:
        >>> direction(np.array([3.0]), np.array([2.0]), "higher").tolist()
        [1.0]
        >>> direction(np.array([-3.0]), np.array([2.0]), "zero").tolist()
        [-1.0]
    """
    with np.errstate(invalid="ignore"):  # infinite values on both sides
        if better == "zero":
            return np.abs(current) - np.abs(baseline)
        return baseline - current if better == "higher" else current - baseline


def losses(pair: Pair, *, draws: int, seed: int) -> Losses:
    """Draw images of a pair that has rows.

    Args:
        pair: Two scores of the same images; their kind is not ``study``.
        draws: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        InputError: A figure does not follow from such rows.
    """
    a, b = pair.baseline, pair.current
    if a.kind != "metrics":
        return _of_counts(pair, draws, seed)
    rows = _columns(a, pair.names), _columns(b, pair.names)
    images = _by_figure(*rows, pair.better)
    value, drawn = mean_losses(images, draws=draws, seed=seed)
    count = np.count_nonzero(~np.isnan(images), axis=0).astype(np.int64)
    figures = np.array([[_finite_mean(column) for column in side.T] for side in rows])
    return Losses(value, drawn, images, *rows, count, figures)


def _columns(scored: Scored, names: Sequence[str]) -> Floats:
    places = {figure.name: place for place, figure in enumerate(scored.figures)}
    return scored.rows[:, [places[name] for name in names]].astype(np.float64)


def mean_losses(images: Floats, *, draws: int, seed: int) -> tuple[Floats, Floats]:
    """Average the losses of images, and those of each draw.

    Args:
        images: Shape ``(images, figures)``; NaN is left out, infinity is more than any number.
        draws: Of the bootstrap.
        seed: Of the bootstrap.

    Returns:
        The means, ``(figures,)``, and those of the draws, ``(draws, figures)``; NaN where an image
        lost infinitely much and another gained as much, or none says anything.

    Example:
        >>> mean_losses(np.array([[1.0], [3.0], [np.nan]]), draws=10, seed=0)[0]
        array([2.])
    """
    known, lost, gained = np.isfinite(images), np.isposinf(images), np.isneginf(images)
    filled = np.where(known, images, 0.0)
    columns = [
        whole_numbers(column[there]) if there.any() else (0.0, 0.0, column[there])
        for column, there in zip(filled.T, known.T, strict=True)
    ]
    units = np.zeros_like(filled)
    for place, (_, _, whole) in enumerate(columns):
        units[known[:, place], place] = whole
    centre, unit = np.array([(c, u) for c, u, _ in columns]).reshape(-1, 2).T
    odd = np.flatnonzero(~known.all(0))
    figures = len(columns)
    items = np.hstack([units, *(part[:, odd] for part in (known, lost, gained))])

    def mean(sums: Floats) -> Floats:
        count = np.full((len(sums), figures), float(len(images)))
        there, plus, minus = np.split(sums[:, figures:], 3, axis=1)
        count[:, odd] = there
        with np.errstate(invalid="ignore", divide="ignore"):
            values: Floats = centre + sums[:, :figures] / count * unit
            infinite = np.where(plus > 0, np.inf, 0.0) - np.where(minus > 0, np.inf, 0.0)
        values[:, odd] = np.where((plus > 0) | (minus > 0), infinite, values[:, odd])
        return values

    value = np.array([_mean(column) for column in images.T])
    drawn = bootstrap_draws(
        lambda: (items[first : first + BLOCK] for first in range(0, len(items), BLOCK)),
        len(items),
        mean,
        draws=draws,
        seed=seed,
    )
    return value, drawn


def _mean(column: Floats) -> float:
    """Exactly rounded mean of what is known."""
    known = column[~np.isnan(column)]
    if not np.isfinite(known).all():
        return math.nan if {math.inf, -math.inf} <= set(known.tolist()) else float(known.sum())
    return math.fsum(known) / len(known) if len(known) else math.nan


def _finite_mean(column: Floats) -> float:
    """The figure of a metric: infinite values are left out."""
    return _mean(np.where(np.isfinite(column), column, np.nan))


def _of_counts(pair: Pair, draws: int, seed: int) -> Losses:
    """Losses of figures that follow from sums of counts."""
    shape = len(pair.baseline.images), len(pair.better)
    value = np.zeros(shape[1])
    figures = np.zeros((2, shape[1]))
    images, baseline, current = np.full((3, *shape), np.nan)
    drawn = np.zeros((draws, shape[1]))
    count = np.zeros(shape[1], np.int64)
    both = zip(derive(pair.baseline, pair.names), derive(pair.current, pair.names), strict=True)
    for (places, a), (_, b) in both:
        better = [pair.better[place] for place in places]
        items = np.stack([a.items, b.items], axis=1)
        total = items.sum(0).astype(np.float64)
        totals = a.statistic(total[:1]), b.statistic(total[1:])
        figures[:, places] = np.concatenate(totals)
        value[places] = _by_figure(*totals, better)[0]
        baseline[:, places] = np.where(
            a.dropped[:, None], np.nan, a.statistic(a.items.astype(np.float64))
        )
        current[:, places] = np.where(
            b.dropped[:, None], np.nan, b.statistic(b.items.astype(np.float64))
        )
        images[:, places] = _by_figure(baseline[:, places], current[:, places], better)
        images[:, places] = np.where(a.known | b.known, images[:, places], np.nan)
        count[places] = np.count_nonzero(a.known | b.known, axis=0)
        if not np.array_equal(a.items, b.items):
            drawn[:, places] = _drawn(items, a, b, better, draws, seed)
    return Losses(value, drawn, images, baseline, current, count, figures)


def _drawn(
    items: NDArray[np.int64],
    a: Derived,
    b: Derived,
    better: Sequence[Better],
    draws: int,
    seed: int,
) -> Floats:
    def loss(sums: Floats) -> Floats:
        return _by_figure(a.statistic(sums[:, 0]), b.statistic(sums[:, 1]), better)

    def blocks() -> Iterator[NDArray[np.int64]]:
        return (items[first : first + BLOCK] for first in range(0, len(items), BLOCK))

    return bootstrap_draws(blocks, len(items), loss, draws=draws, seed=seed)


def _by_figure(baseline: Floats, current: Floats, better: Sequence[Better]) -> Floats:
    columns = zip(baseline.T, current.T, better, strict=True)
    return np.stack([direction(*column) for column in columns], axis=1)
