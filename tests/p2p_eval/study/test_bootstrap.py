"""The fast bootstrap is the naive one, and intervals hold the truth as often as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from p2p_eval.study.bootstrap import people_interval, people_then_trials
from p2p_eval.study.power import half_width


def naive(answers: list[np.ndarray], draws: int, rng: np.random.Generator) -> np.ndarray:
    """Draw people one by one, then each one's trials one by one."""
    rates = []
    for _ in range(draws):
        drawn = []
        for person in rng.integers(len(answers), size=len(answers)):
            own = answers[person]
            drawn.append(own[rng.integers(len(own), size=len(own))])
        rates.append(np.concatenate(drawn).mean())
    return np.array(rates)


@pytest.mark.parametrize(
    ("fooled", "trials"),
    [([0, 3, 3, 9, 20], [20, 20, 20, 20, 20]), ([1, 4, 2], [5, 40, 10]), ([2], [9])],
)
def test_as_the_naive_double_loop(fooled: list[int], trials: list[int]) -> None:
    answers = [np.arange(n) < k for k, n in zip(fooled, trials, strict=True)]
    slow = naive(answers, 20_000, np.random.default_rng(1))
    fast = people_then_trials(
        np.array(fooled)[:, None], np.array(trials)[:, None], 20_000, np.random.default_rng(2)
    )[:, 0]
    error = slow.std() / math.sqrt(20_000)
    assert abs(slow.mean() - fast.mean()) < 6 * error
    assert abs(slow.std() - fast.std()) < 6 * error
    points = np.linspace(0.05, 0.95, 19)
    shares = [(np.quantile(slow, point) >= fast).mean() for point in points]
    later = [(np.quantile(slow, point) > fast).mean() for point in points]
    # Rates are steps, so the share up to a quantile lies between those with and without its step.
    assert all(low < p + 0.02 for low, p in zip(later, points, strict=True))
    assert all(high > p - 0.02 for high, p in zip(shares, points, strict=True))


def test_variance_is_the_theory_s() -> None:
    """That of people, and once more that of trials within them."""
    rng = np.random.default_rng(0)
    fooled = rng.binomial(40, rng.beta(2, 6, 60))
    trials = np.full(60, 40)
    drawn = people_then_trials(fooled[:, None], trials[:, None], 40_000, np.random.default_rng(1))
    rates = fooled / 40
    expected = (rates.var() + (rates * (1 - rates)).mean() / 40) / 60
    assert drawn.var() == pytest.approx(expected, rel=0.04)


def test_groups_are_drawn_with_the_same_people() -> None:
    fooled = np.array([[0, 0], [40, 40]])
    drawn = people_then_trials(fooled, np.full((2, 2), 40), 1000, np.random.default_rng(0))
    assert np.array_equal(drawn[:, 0], drawn[:, 1])
    assert set(drawn[:, 0]) == {0, 0.5, 1}


def test_a_group_that_is_not_drawn_has_no_rate() -> None:
    fooled, trials = np.array([[1, 0], [1, 1]]), np.array([[2, 0], [2, 2]])
    drawn = people_then_trials(fooled, trials, 1000, np.random.default_rng(0))
    assert 0.2 < np.isnan(drawn[:, 1]).mean() < 0.3
    assert not np.isnan(drawn[:, 0]).any()


@pytest.mark.parametrize(
    ("rate", "spread", "people"), [(0.06, 0.06, 50), (0.19, 0.12, 50), (0.25, 0.0, 20)]
)
def test_coverage(rate: float, spread: float, people: int) -> None:
    """Of 1,000 simulated studies, 93-97 % have the true rate in their interval."""
    rng = np.random.default_rng(5)
    rates = np.full((1000, people), rate)
    if spread:
        total = rate * (1 - rate) / spread**2 - 1
        rates = rng.beta(rate * total, (1 - rate) * total, rates.shape)
    fooled = rng.binomial(40, rates)
    ends = np.array([people_interval(row, np.full(people, 40)) for row in fooled])
    covered = ((ends[:, 0] <= rate) & (rate <= ends[:, 1])).mean()
    assert 0.93 <= covered <= 0.97
    width = (ends[:, 1] - ends[:, 0]).mean() / 2
    assert width == pytest.approx(half_width(people, rate=rate, trials=40, spread=spread), rel=0.05)


def test_interval_by_hand() -> None:
    """Of equal numbers of trials, the standard error is that of the mean of people's rates."""
    fooled = np.array([2, 5, 9, 4])
    error = (fooled / 20).std(ddof=1) / 2
    rate, t = 0.25, 3.182446305284263
    half = t * error / (rate * (1 - rate))
    expected = [1 / (1 + math.exp(-(math.log(1 / 3) + sign * half))) for sign in (-1, 1)]
    assert people_interval(fooled, np.full(4, 20)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("fooled", "trials"), [([3], [40]), ([0, 0], [40, 40]), ([9, 9], [9, 9]), ([1, 3], [3, 9])]
)
def test_no_interval(fooled: list[int], trials: list[int]) -> None:
    assert np.isnan(people_interval(np.array(fooled), np.array(trials))).all()


def test_interval_stays_within_bounds() -> None:
    low, high = people_interval(np.array([0, 1]), np.array([1000, 10]))
    assert 0 < low < 1 / 1010 < high < 1
