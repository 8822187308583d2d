"""Bootstrap intervals: exact against a plain loop, deterministic, honest in coverage, fast."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from p2p_eval.metrics.confusion import paper_histogram, paper_scores, strict_scores
from p2p_eval.scores import bootstrap
from p2p_eval.scores.bootstrap import bootstrap_blocks, bootstrap_interval

Floats = NDArray[np.float64]


def ratio(sums: Floats) -> Floats:
    return sums[:, :1] / sums[:, 1:]


def test_equals_a_loop_over_draws() -> None:
    items = np.random.default_rng(0).integers(0, 50, (7, 3, 4))
    rng = np.random.default_rng(5)
    figures = [strict_scores(items[rng.integers(7, size=7)].sum(0)).figures for _ in range(300)]
    expected = np.quantile(figures, [0.05, 0.95], axis=0)
    actual = bootstrap_interval(
        items, lambda s: strict_scores(s).figures, draws=300, seed=5, level=0.9
    )
    np.testing.assert_array_equal(actual, expected)


def test_seed_decides_and_chunks_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    items = np.random.default_rng(0).integers(1, 50, (9, 2))
    one = bootstrap_interval(items, ratio, draws=1000, seed=1)
    assert (bootstrap_interval(items, ratio, draws=1000, seed=2) != one).any()
    monkeypatch.setattr(bootstrap, "CHUNK_CELLS", 100)
    monkeypatch.setattr(bootstrap, "BLOCK", 2)
    np.testing.assert_array_equal(bootstrap_interval(items, ratio, draws=1000, seed=1), one)


def test_blocks_give_the_same_figures_however_they_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    items = np.random.default_rng(0).integers(1, 50, (50, 2))
    whole = bootstrap_interval(items, ratio, draws=500, seed=1)
    for name, cells in (("CHUNK_CELLS", 300), ("SUMS", 20), ("DRAWN", 70), ("FLOATING", 90)):
        monkeypatch.setattr(bootstrap, name, cells)
        blocks = lambda: (items[:7], items[7:8], items[8:])  # noqa: E731
        np.testing.assert_array_equal(bootstrap_blocks(blocks, 50, ratio, draws=500, seed=1), whole)


def test_coverage_is_near_the_level() -> None:
    """95 % intervals of 400 made-up sets of 60 frames hold the truth in 91-98 % of them."""
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(400):
        rates = rng.beta(6, 4, 60)  # mean 0.6
        items = np.stack([rng.binomial(1000, rates), np.full(60, 1000)], axis=1)
        low, high = bootstrap_interval(items, ratio, draws=400, seed=trial)[:, 0]
        held += low <= 0.6 <= high
    assert 0.91 <= held / 400 <= 0.98


def test_one_item_has_an_interval_of_no_width() -> None:
    np.testing.assert_array_equal(
        bootstrap_interval(np.array([[3, 4]]), ratio, draws=10), [[0.75], [0.75]]
    )


def test_draws_in_which_a_figure_is_unknown_are_left_out() -> None:
    items = np.array([[0, 0], [3, 4], [3, 4]])

    def accuracy(sums: Floats) -> Floats:
        known = sums[:, 1:] > 0
        return np.where(known, sums[:, :1] / np.where(known, sums[:, 1:], 1), np.nan)

    np.testing.assert_array_equal(bootstrap_interval(items, accuracy), [[0.75], [0.75]])
    assert np.isnan(bootstrap_interval(items[:1], accuracy)).all()


def test_speed_at_full_size() -> None:
    """500 frames, 361 counts, 10,000 draws: under a second, the best of three."""
    hist, _ = paper_histogram(np.random.default_rng(0).integers(0, 9, (500, 19, 19)))
    seconds = []
    for _ in range(3):
        started = time.process_time()
        bootstrap_interval(hist, lambda s: paper_scores(s).figures)
        seconds.append(time.process_time() - started)
    assert min(seconds) < 1.0


@pytest.mark.parametrize(
    ("items", "draws", "level"), [(0, 10, 0.9), (3, 0, 0.9), (3, 10, 0.0), (3, 10, 1.0)]
)
def test_refusals(items: int, draws: int, level: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        bootstrap_interval(np.ones((items, 2)), ratio, draws=draws, level=level)
