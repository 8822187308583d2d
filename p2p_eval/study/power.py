"""How many people does a study need?"""

from __future__ import annotations

import math

from p2p_eval.errors import InputError

__all__ = ["half_width", "people_needed"]

MOST = 1_000_000


def half_width(people: int, *, rate: float, trials: int, spread: float) -> float:
    """Expected half-width of the 95 % interval of a rate.

    A person's share in ``trials`` trials varies by ``spread`` between people and, within a person,
    as the mean of so many throws: its variance is ``s² + (p (1 - p) - s²) / n``, a beta-binomial's.

    Args:
        people: How many take part, 2 or more.
        rate: How often an image is taken for real, between 0 and 1.
        trials: That count, of each person.
        spread: Standard deviation of the rate between people, from 0.

    Returns:
        In 0-1, as the rate.

    Raises:
        InputError: A value is out of range.

    Source: the variance as in Skellam, *A probability distribution derived from the binomial
    distribution*, 1948.

    Example:
        >>> round(half_width(50, rate=0.19, trials=40, spread=0.12), 3)
        0.038
    """
    from scipy.stats import t as student

    _check(rate, trials, spread)
    if people < 2:
        raise InputError(f"got {people} people, expected 2 or more: one has no interval")
    variance = spread**2 + (rate * (1 - rate) - spread**2) / trials
    return float(student.ppf(0.975, people - 1)) * math.sqrt(variance / people)


def people_needed(width: float, *, rate: float, trials: int, spread: float) -> int:
    """Fewest people whose 95 % interval is expected to reach ``width`` to each side at most.

    Args:
        width: In 0-1, as the rate.
        rate: As of :func:`half_width`, which has the formula.
        trials: As of :func:`half_width`.
        spread: As of :func:`half_width`.

    Raises:
        InputError: A value is out of range, or over a million people were needed.

    Example:
        >>> people_needed(0.05, rate=0.19, trials=40, spread=0.12)
        30
    """
    _check(rate, trials, spread)
    if not 0 < width < 1:
        raise InputError(f"got half-width {width}, expected more than 0 and less than 1")
    low, high = 1, 2
    while half_width(high, rate=rate, trials=trials, spread=spread) > width:
        low, high = high, 2 * high
        if high > MOST:
            raise InputError(f"got half-width {width}, for which over {MOST} people were needed")
    while high - low > 1:
        middle = (low + high) // 2
        enough = half_width(middle, rate=rate, trials=trials, spread=spread) <= width
        low, high = (low, middle) if enough else (middle, high)
    return high


def _check(rate: float, trials: int, spread: float) -> None:
    if not 0 < rate < 1:
        raise InputError(f"got rate {rate}, expected more than 0 and less than 1")
    if trials < 1:
        raise InputError(f"got {trials} trials, expected 1 or more")
    if not 0 <= spread**2 < rate * (1 - rate):
        raise InputError(
            f"got spread {spread}, expected 0 or more and, for rate {rate}, less than "
            f"{math.sqrt(rate * (1 - rate)):.3g}"
        )
