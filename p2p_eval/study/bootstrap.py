"""How sure is a rate that some people gave in some trials each?

Two answers. The paper's: a bootstrap that draws people, then trials within each person; its
standard deviation stands behind ±, and differences rest on it. As a person's rate already varies by
chance from trial to trial, drawing trials again counts that chance twice: its spread is too large,
the more so the less people differ. The interval is therefore another: people alone are the units,
as they are what the study drew from many.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["people_interval", "people_then_trials"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def people_then_trials(
    fooled: Integers, trials: Integers, draws: int, rng: np.random.Generator
) -> Floats:
    """Draw people with replacement, then as many trials of each as there were, with replacement.

    Nothing is drawn one by one, and yet exactly: of ``n`` trials with ``k`` times "real", ``n``
    drawn ones hold Binomial(n, k/n), and people with the same ``k`` and ``n`` are the same.

    Args:
        fooled: How often each person took a generated image for real, ``(people, groups)``.
        trials: In how many trials, ``(people, groups)``.
        draws: Of the bootstrap.
        rng: What is drawn from.

    Returns:
        Rates of each draw, ``(draws, groups)``, in 0-1; NaN where no trial was drawn.

    Example:
        >>> fooled, trials = np.array([[1], [9]]), np.array([[10], [10]])
        >>> rates = people_then_trials(fooled, trials, 10_000, np.random.default_rng(0))
        >>> rates.mean().round(2), rates.std().round(2)
        (np.float64(0.5), np.float64(0.29))
    """
    groups = trials.shape[1]
    kinds, people = np.unique(np.hstack([fooled, trials]), axis=0, return_counts=True)
    drawn = rng.multinomial(people.sum(), people / people.sum(), size=draws)
    rates = np.empty((draws, groups))
    for group in range(groups):
        k, n = kinds[:, group], kinds[:, groups + group]
        shown = drawn * n
        found = rng.binomial(shown, k / np.maximum(n, 1)).sum(1)
        total = shown.sum(1)
        rates[:, group] = np.where(total > 0, found / np.maximum(total, 1), np.nan)
    return rates


def people_interval(fooled: Integers, trials: Integers) -> tuple[float, float]:
    """Estimate the 95 % interval of a rate, people being the units.

    On the scale of log-odds, where it can leave 0-1 on neither side: Student's t with the standard
    error of the ratio ``Σ fooled / Σ trials`` over people (Cochran, *Sampling Techniques*, 1977,
    section 6.5). Of 1,000 simulated studies with rates of 3-45 % (``benchmarks/study_coverage.py``)
    it held the true rate in 93-96 % with 50 or 100 people and in 92-97 % with 10 or 20; percentiles
    of a bootstrap over people in 92-95 % and 83-94 %, those over people, then trials, in 96-99 %
    and 90-100 %.

    Args:
        fooled: How often each person took a generated image for real, ``(people,)``.
        trials: In how many trials, ``(people,)``.

    Returns:
        Its ends, in 0-1; NaN where there is one person only, or all have the same rate: then
        nothing is known of how people differ.

    Example:
        >>> low, high = people_interval(np.array([3, 9, 5, 12]), np.array([40, 40, 40, 40]))
        >>> round(low, 3), round(high, 3)
        (0.07, 0.395)
    """
    from scipy.stats import t as student

    people, total = len(trials), int(trials.sum())
    rate = fooled.sum() / total
    residuals = fooled - rate * trials
    # All the same but for the rounding of their rate.
    if people < 2 or np.abs(residuals).max() < 1e-9 or not 0 < rate < 1:
        return math.nan, math.nan
    error = math.sqrt(people / (people - 1) * float(residuals @ residuals)) / total
    odds = math.log(rate / (1 - rate))
    half = float(student.ppf(0.975, people - 1)) * error / (rate * (1 - rate))
    low, high = (1 / (1 + math.exp(-end)) for end in (odds - half, odds + half))
    return low, high
