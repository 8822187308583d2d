"""What is said of one value an image: mean, spread, intervals, and how two experiments differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from p2p_eval.scores.bootstrap import DRAWS, bootstrap_interval, whole_numbers

__all__ = ["Comparison", "Summary", "compare", "summaries", "summary"]

Floats = NDArray[np.float64]
Interval = tuple[float, float]

UNKNOWN: Interval = (math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Summary:
    """One metric over the images of an experiment, in the metric's unit.

    Attributes:
        mean: Of the finite values; NaN where there are none.
        std: Of the finite values as a sample, with N − 1; NaN where there are fewer than two.
        ci95: Lower and upper end of the mean's 95 % interval; NaN where there are fewer than two.
        infinite: Values that are infinite, which nothing above includes.
        count: Finite values.
    """

    mean: float
    std: float
    ci95: Interval
    infinite: int
    count: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of two experiments, over the images that both have.

    Attributes:
        difference: Mean of ``a - b``; NaN where there are no pairs.
        ci95: Its 95 % interval; NaN where there are fewer than two pairs.
        p: Of the Wilcoxon signed-rank test, two-sided, that the differences lie evenly about 0;
            NaN where there are fewer than two pairs.
        mean_a: Mean over the same pairs.
        mean_b: Mean over the same pairs.
        infinite: Pairs left out because one of their values, or both, are infinite.
        count: Pairs compared.
    """

    difference: float
    ci95: Interval
    p: float
    mean_a: float
    mean_b: float
    infinite: int
    count: int


def summary(values: Floats, *, draws: int = DRAWS, seed: int = 0) -> Summary:
    """Summarise one value an image.

    Infinite values (the PSNR of identical images) are counted and left out. The interval is the
    percentile interval of the mean over draws of images with replacement; it depends on the
    values, their order and the arguments alone, bit for bit.

    Args:
        values: One an image, shape ``(images,)``.
        draws: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        ValueError: The values are not one-dimensional, or one of them is NaN.

    Example:
        >>> result = summary(np.array([20.0, 22.0, 24.0, np.inf]))
        >>> result.mean, result.std, result.infinite, result.count
        (22.0, 2.0, 1, 3)
    """
    return summaries([values], draws=draws, seed=seed)[0]


def summaries(columns: Sequence[Floats], *, draws: int = DRAWS, seed: int = 0) -> list[Summary]:
    """Summarise several metrics of the same images as :func:`summary` does each, in less time.

    Images are drawn once for all columns that have as many finite values.

    Args:
        columns: One value an image each.
        draws: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        ValueError: As :func:`summary`.
    """
    columns = [_checked(column) for column in columns]
    finite = [column[np.isfinite(column)] for column in columns]
    intervals = _intervals_of_means(finite, draws, seed)
    return [
        Summary(
            mean=_mean(known),
            std=_std(known),
            ci95=interval,
            infinite=len(column) - len(known),
            count=len(known),
        )
        for column, known, interval in zip(columns, finite, intervals, strict=True)
    ]


def compare(a: Floats, b: Floats, *, draws: int = DRAWS, seed: int = 0) -> Comparison:
    """Compare two experiments, image by image.

    The interval is the bootstrap's over images, each with its difference. The test is
    :func:`scipy.stats.wilcoxon` as it stands: differences of 0 are dropped (Wilcoxon's own way),
    without continuity correction; exact for up to 50 images without ties and up to 13 with them,
    the normal approximation otherwise. Where all differences are 0, p is 1.

    Args:
        a: One value an image, shape ``(images,)``.
        b: The other experiment's values of the same images, in the same order.
        draws: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        ValueError: The shapes differ or are not one-dimensional, or a value is NaN.

    Source: Wilcoxon, *Individual Comparisons by Ranking Methods*, Biometrics Bulletin 1945.

    Example:
        >>> a = np.array([20.0, 22.0, 24.0, 23.0, 21.0])
        >>> result = compare(a, a - np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
        >>> result.difference, result.p
        (3.0, 0.0625)
    """
    a, b = _checked(a), _checked(b)
    if a.shape != b.shape:
        raise ValueError(f"got {len(a)} and {len(b)} values, expected one of each an image")
    known = np.isfinite(a) & np.isfinite(b)
    differences = a[known] - b[known]
    return Comparison(
        difference=_mean(differences),
        ci95=_intervals_of_means([differences], draws, seed)[0],
        p=_wilcoxon(differences),
        mean_a=_mean(a[known]),
        mean_b=_mean(b[known]),
        infinite=int(len(a) - known.sum()),
        count=int(known.sum()),
    )


def _checked(values: Floats) -> Floats:
    values = np.asarray(values, np.float64)
    if values.ndim != 1:
        raise ValueError(f"got values of shape {values.shape}, expected one value an image")
    if np.isnan(values).any():
        raise ValueError(f"got NaN as value {int(np.isnan(values).argmax())}, expected numbers")
    return values


def _mean(values: Floats) -> float:
    return math.fsum(values) / len(values) if len(values) else math.nan


def _std(values: Floats) -> float:
    if len(values) < 2:
        return math.nan
    mean = _mean(values)
    return math.sqrt(math.fsum((values - mean) ** 2) / (len(values) - 1))


def _intervals_of_means(columns: Sequence[Floats], draws: int, seed: int) -> list[Interval]:
    intervals = [UNKNOWN] * len(columns)
    for count in {len(column) for column in columns} - {0, 1}:
        places = [n for n, column in enumerate(columns) if len(column) == count]
        centres, units, whole = zip(*(whole_numbers(columns[n]) for n in places), strict=True)
        ends = bootstrap_interval(
            np.stack(whole, axis=1), partial(_divided, count), draws=draws, seed=seed
        )
        for n, centre, unit, (low, high) in zip(places, centres, units, ends.T, strict=True):
            intervals[n] = float(centre + low * unit), float(centre + high * unit)
    return intervals


def _divided(count: int, sums: Floats) -> Floats:
    return sums / count


def _wilcoxon(differences: Floats) -> float:
    from scipy.stats import wilcoxon

    if len(differences) < 2:
        return math.nan
    changed = differences[differences != 0]
    return float(wilcoxon(changed).pvalue) if len(changed) else 1.0
