"""Summaries and paired comparisons: against scipy and by hand, laws, infinite values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from p2p_eval.scores.statistics import compare, summaries, summary

Floats = NDArray[np.float64]

# Heights of cross-fertilised less self-fertilised plants in eighths of an inch: Darwin's Zea mays,
# in Fisher, The Design of Experiments, 1935.
MAIZE = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], np.float64)

some_values = st.lists(st.floats(-100, 100), min_size=2, max_size=12).map(np.array)


def scores(count: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(25, 3, count)


def signed_rank_p(differences: Floats) -> float:
    """Two-sided p by going through all signs of the ranks."""
    ranks = stats.rankdata(np.abs(differences))
    signs = np.array(list(itertools.product((0, 1), repeat=len(ranks))))
    below = (signs @ ranks <= ranks[differences < 0].sum()).mean()
    above = (signs @ ranks >= ranks[differences < 0].sum()).mean()
    return float(min(1, 2 * min(below, above)))


def test_a_summary_by_hand() -> None:
    result = summary(np.array([2.0, 4, 4, 4, 5, 5, 7, 9]))
    assert (result.mean, result.count, result.infinite) == (5, 8, 0)
    assert result.std == math.sqrt(32 / 7)


def test_the_interval_is_that_of_a_loop_over_draws() -> None:
    values = scores(30)
    rng = np.random.default_rng(7)
    means = [values[rng.integers(30, size=30)].mean() for _ in range(500)]
    low, high = summary(values, draws=500, seed=7).ci95
    np.testing.assert_allclose([low, high], np.quantile(means, [0.025, 0.975]), rtol=1e-14)


@pytest.mark.parametrize("seed", range(20))
def test_an_end_that_is_zero_is_zero(seed: int) -> None:
    """One image of 59 differs: more than 2.5 % of the draws are without it."""
    rng = np.random.default_rng(seed)
    b = rng.uniform(0, 1, 59)
    a = b.copy()
    a[33] -= rng.uniform(0.01, 0.3)
    low, high = compare(a, b, draws=2000).ci95
    assert low < 0
    assert high == 0
    assert compare(b, a, draws=2000).ci95 == (0, -low)


def test_several_at_once_are_as_each_alone() -> None:
    columns = [scores(30), scores(30, 1) * 1e-3, np.append(scores(28, 2), [np.inf, np.inf]),
               np.full(30, np.inf), scores(30, 3) - 1e6]  # fmt: skip
    together = summaries(columns, draws=700, seed=5)
    for column, one in zip(columns, together, strict=True):
        np.testing.assert_equal(one, summary(column, draws=700, seed=5))


def test_the_interval_is_near_scipys() -> None:
    values = scores(400)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=10_000, method="percentile", random_state=1
    ).confidence_interval
    np.testing.assert_allclose(summary(values).ci95, expected, atol=0.02)


def test_every_bit_of_the_interval_is_reproducible(monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever order the values are added up, which threads and machines differ in."""
    values = np.concatenate([scores(999), [1e6]])
    ends = summary(values, draws=999, seed=3).ci95

    def backwards(items: Floats, statistic: Callable[[Floats], Floats], **how: int) -> Floats:
        rng = np.random.default_rng(how["seed"])
        drawn = items[rng.integers(len(items), size=(how["draws"], len(items)))]
        figures = statistic(np.cumsum(drawn[:, ::-1], axis=1)[:, -1])
        return np.quantile(figures, [0.025, 0.975], axis=0)

    monkeypatch.setattr("p2p_eval.scores.statistics.bootstrap_interval", backwards)
    assert summary(values, draws=999, seed=3).ci95 == ends


def test_infinite_values_are_counted_and_left_out() -> None:
    values = scores(10)
    result = summary(np.insert(values, 4, [np.inf, np.inf]))
    assert result.infinite == 2
    assert (result.mean, result.std, result.ci95, result.count) == (
        (alone := summary(values)).mean, alone.std, alone.ci95, 10,
    )  # fmt: skip


@pytest.mark.parametrize("values", [[], [math.inf], [3.0], [3.0, math.inf]])
def test_too_few_values_have_no_spread(values: list[float]) -> None:
    result = summary(np.array(values))
    assert math.isnan(result.std)
    assert np.isnan(result.ci95).all()
    assert result.mean == 3 if 3 in values else math.isnan(result.mean)


@pytest.mark.parametrize("value", [0.1, 0.0, 1e-310, -12.5])
def test_equal_values_have_an_interval_of_no_width(value: float) -> None:
    result = summary(np.full(7, value))
    assert result.ci95 == (value, value) == (result.mean, result.mean)
    assert result.std == 0


def test_the_smallest_differences_do_not_break_the_interval() -> None:
    low, high = summary(np.array([0.0, 5e-324, 5e-324])).ci95
    assert 0 <= low <= high <= 5e-324


@given(some_values)
@settings(max_examples=50, deadline=None)
def test_the_interval_lies_among_the_values(values: Floats) -> None:
    low, high = summary(values, draws=200).ci95
    assert values.min() - 1e-12 <= low <= high <= values.max() + 1e-12


def test_darwins_maize() -> None:
    result = compare(MAIZE, np.zeros(15))
    assert result.difference == pytest.approx(314 / 15)
    assert result.p == 0.041259765625 == signed_rank_p(MAIZE)


@pytest.mark.parametrize("count", [2, 5, 50, 51, 400])
def test_p_is_scipys(count: int) -> None:
    a, b = scores(count), scores(count, seed=1)
    assert compare(a, b).p == stats.wilcoxon(a, b).pvalue


def test_p_with_ties_and_zeros_in_few_images_is_that_of_all_signs() -> None:
    differences = np.array([1.0, 1, -1, 2, 2, 3, 0, 0, 4])
    assert compare(differences, np.zeros(9)).p == pytest.approx(
        signed_rank_p(differences[differences != 0]), abs=1e-15
    )


def test_p_of_many_images_with_ties_is_the_normal_approximation() -> None:
    differences = np.random.default_rng(0).integers(-3, 6, 100).astype(np.float64)
    expected = stats.wilcoxon(differences, zero_method="wilcox", correction=False)
    ranks = stats.rankdata(np.abs(differences[differences != 0]))
    n, ties = len(ranks), np.unique(ranks, return_counts=True)[1]
    variance = n * (n + 1) * (2 * n + 1) / 24 - (ties**3 - ties).sum() / 48
    z = (ranks[differences[differences != 0] > 0].sum() - n * (n + 1) / 4) / np.sqrt(variance)
    p = compare(differences, np.zeros(100)).p
    assert p == expected.pvalue
    assert p == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-12)


def test_identical_inputs_do_not_differ() -> None:
    a = scores(20)
    result = compare(a, a)
    assert (result.difference, result.ci95, result.p) == (0, (0, 0), 1)
    assert result.mean_a == result.mean_b == summary(a).mean


def test_a_constant_shift_is_found_whole() -> None:
    a = np.arange(12.0)
    result = compare(a + 0.25, a)
    assert (result.difference, result.ci95) == (0.25, (0.25, 0.25))
    assert result.p == pytest.approx(2 / 2**12)


@given(some_values, st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_swapping_the_experiments_turns_the_sign(a: Floats, seed: int) -> None:
    b = np.random.default_rng(seed).permutation(a)
    there, back = compare(a, b, draws=100), compare(b, a, draws=100)
    assert there.difference == -back.difference
    assert (there.mean_a, there.mean_b, there.p) == (back.mean_b, back.mean_a, back.p)
    np.testing.assert_allclose(there.ci95, [-back.ci95[1], -back.ci95[0]], atol=1e-11)


def test_the_interval_is_that_of_the_differences() -> None:
    a, b = scores(40), scores(40, seed=1)
    assert compare(a, b, draws=300, seed=2).ci95 == summary(a - b, draws=300, seed=2).ci95


def test_pairs_with_an_infinite_value_are_left_out() -> None:
    a = np.array([20.0, np.inf, 24.0, np.inf, 21.0])
    b = np.array([19.0, 30.0, np.inf, np.inf, 18.0])
    result = compare(a, b)
    assert (result.difference, result.mean_a, result.mean_b) == (2, 20.5, 18.5)
    assert (result.infinite, result.count) == (3, 2)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_pairs_tell_nothing(count: int) -> None:
    result = compare(np.full(count, 3.0), np.full(count, 1.0))
    assert np.isnan([result.p, *result.ci95]).all()
    assert result.difference == 2 if count else math.isnan(result.difference)


def test_what_is_no_list_of_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN as value 1"):
        summary(np.array([1.0, np.nan]))
    with pytest.raises(ValueError, match="NaN as value 0"):
        compare(np.ones(2), np.array([np.nan, 1.0]))
    with pytest.raises(ValueError, match=r"shape \(2, 2\)"):
        summary(np.ones((2, 2)))
    with pytest.raises(ValueError, match="2 and 3 values"):
        compare(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="0 draws"):
        summary(np.ones(2), draws=0)
