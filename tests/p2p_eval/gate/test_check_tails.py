"""Tails of draws against formulas, and Holm's correction against the closure that defines it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from p2p_eval.gate.tails import LowerTail, holm, holm_levels

SHARES = (np.arange(10_000) + 0.5) / 10_000
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def expanded(alpha: float, images: int) -> float:
    """Hesterberg's level, from the textbook's functions."""
    return float(stats.norm.cdf(np.sqrt(images / (images - 1)) * stats.t.ppf(alpha, images - 1)))


@pytest.mark.parametrize("images", [5, 10, 20, 50])
@pytest.mark.parametrize("alpha", [0.05, 0.025])
def test_of_normal_draws_the_interval_is_students(images: int, alpha: float) -> None:
    """What the expansion is for: draws spread by √((n-1)/n) too little, with normal tails."""
    draws = 3 + stats.norm.ppf(SHARES) * np.sqrt((images - 1) / images)
    expected = 3 + stats.t.ppf(alpha, images - 1)
    assert LowerTail(draws, images).bound(alpha) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("images", [10, 20, 50, 500])
@pytest.mark.parametrize("alpha", [0.05, 0.025, 0.01])
def test_a_long_tail_ends_at_the_expanded_percentile(images: int, alpha: float) -> None:
    draws = -stats.gamma(4).ppf(SHARES)
    expected = -stats.gamma(4).ppf(1 - expanded(alpha, images))
    assert LowerTail(draws, images).bound(alpha) == pytest.approx(expected, rel=1.5e-2)


@pytest.mark.parametrize("images", [10, 50])
def test_a_short_tail_ends_where_students_t_does(images: int) -> None:
    draws = stats.gamma(4).ppf(SHARES)
    spread = 2 * np.sqrt(images / (images - 1))
    expected = 4 + stats.t.ppf(0.05, images - 1) * spread
    assert LowerTail(draws, images).bound(0.05) == pytest.approx(expected, abs=2e-3)


def test_the_interval_of_a_mean_is_near_students() -> None:
    values = np.random.default_rng(0).normal(3, 1, 20)
    rng = np.random.default_rng(1)
    draws = values[rng.integers(20, size=(100_000, 20))].mean(1)
    low, _ = stats.t.interval(0.9, 19, values.mean(), stats.sem(values))
    assert LowerTail(draws, 20).bound(0.05) == pytest.approx(low, abs=0.03)
    p = stats.ttest_1samp(values, 2.5, alternative="greater").pvalue
    assert LowerTail(draws, 20).p(2.5) == pytest.approx(p, abs=0.01)


def test_far_beyond_the_draws_the_tail_goes_on() -> None:
    tail = LowerTail(stats.norm.ppf(SHARES), 500)
    for threshold in (-5.0, -6.0):
        expected = stats.t.cdf(threshold * np.sqrt(499 / 500), 499)
        assert tail.p(threshold) == pytest.approx(expected, rel=0.2)
    assert LowerTail(np.full(1000, 0.25), 12).p(0.2) == 0
    assert LowerTail(np.full(1000, 0.25), 12).p(0.25) == 1


@given(st.integers(0, 30), st.integers(10, 60), st.floats(1e-6, 0.3), st.floats(-3, 3))
def test_p_is_below_alpha_just_beyond_the_bound(
    seed: int, images: int, alpha: float, threshold: float
) -> None:
    rng = np.random.default_rng(seed)
    draws = rng.choice([rng.normal(size=1000), rng.gamma(2, size=1000), rng.poisson(3, 1000)])
    tail = LowerTail(draws, images)
    bound = tail.bound(alpha)
    if abs(bound - threshold) > 1e-9:
        assert (tail.p(threshold) < alpha) == (threshold < bound)


def test_draws_of_which_nothing_is_known_count_against_it() -> None:
    draws = np.append(np.full(900, 5.0), np.full(100, np.nan))
    assert LowerTail(draws, 100).p(0) == pytest.approx(101 / 1001, abs=0.01)
    assert LowerTail(draws, 100).bound(0.05) == -np.inf


def test_infinite_draws_lie_beyond_everything() -> None:
    draws = np.append(np.full(9940, np.inf), np.zeros(60))
    tail = LowerTail(draws, 100)
    assert tail.p(1e6) == pytest.approx(61 / 10_001, abs=0.002)
    assert tail.bound(0.05) == np.inf


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.02, 0.03, 0.04, 0.005]) == pytest.approx([0.04, 0.06, 0.06, 0.06, 0.025])
    assert holm([]) == []


@given(p_values)
def test_holm_is_the_closure_of_bonferroni(p: list[float]) -> None:
    """The largest p of all tests of several figures at once that a figure is part of."""
    sets = [s for n in range(1, len(p) + 1) for s in itertools.combinations(range(len(p)), n)]
    together = {s: min(1.0, len(s) * min(p[i] for i in s)) for s in sets}
    expected = [max(q for s, q in together.items() if i in s) for i in range(len(p))]
    assert holm(p) == pytest.approx(expected)


@given(p_values, st.floats(0.01, 0.3))
def test_levels_say_what_corrected_p_say(p: list[float], alpha: float) -> None:
    for value, corrected, level in zip(p, holm(p), holm_levels(p, alpha), strict=True):
        if abs(corrected - alpha) > 1e-12:
            assert (value < level) == (corrected < alpha)
