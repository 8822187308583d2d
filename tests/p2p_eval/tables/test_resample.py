"""Laws of the interval over seeds, then frames."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from table_files import counts_of

from p2p_eval.metrics.confusion import histogram, scores
from p2p_eval.scores import bootstrap
from p2p_eval.scores.bootstrap import bootstrap_interval
from p2p_eval.tables.resample import seed_interval

Floats = NDArray[np.float64]


def figures(sums: Floats) -> Floats:
    return scores(sums, "paper").figures


def seeds_of(*accuracies: float, frames: int = 20) -> NDArray[np.int64]:
    counts = [counts_of(a, seed=k, frames=frames) for k, a in enumerate(accuracies)]
    return histogram(np.stack(counts, axis=1), "paper")[0]


def test_one_seed_is_the_bootstrap_over_frames() -> None:
    items = seeds_of(0.6)
    expected = bootstrap_interval(items[:, 0], figures, draws=500, seed=3)
    np.testing.assert_array_equal(seed_interval(items, figures, draws=500, seed=3), expected)


@pytest.mark.parametrize("seeds", [2, 3, 7])
def test_identical_seeds_add_nothing(seeds: int) -> None:
    items = seeds_of(0.6)
    alone = seed_interval(items, figures, draws=500)
    repeated = seed_interval(np.repeat(items, seeds, axis=1), figures, draws=500)
    np.testing.assert_allclose(repeated, alone, rtol=1e-14)


def test_different_seeds_widen_it() -> None:
    low, high = seed_interval(seeds_of(0.4, 0.6, 0.8), figures, draws=500)
    one_low, one_high = seed_interval(seeds_of(0.6), figures, draws=500)
    assert (high - low > 2 * (one_high - one_low)).all()


def test_identical_frames_leave_the_seeds() -> None:
    """With equal frames the draws are the means of drawn seeds, which are few and known."""
    items = np.repeat(seeds_of(0.4, 0.8, frames=1), 9, axis=0)
    a, b = figures(items.sum(0))
    low, high = seed_interval(items, figures, draws=2000)
    np.testing.assert_allclose(low, np.minimum(a, b), rtol=1e-12)
    np.testing.assert_allclose(high, np.maximum(a, b), rtol=1e-12)


def test_it_depends_on_its_arguments_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    items = seeds_of(0.4, 0.8)
    first = seed_interval(items, figures, draws=300, seed=1)
    np.testing.assert_array_equal(seed_interval(items, figures, draws=300, seed=1), first)
    assert (seed_interval(items, figures, draws=300, seed=2) != first).any()
    monkeypatch.setattr(bootstrap, "CHUNK_CELLS", 700)  # 35 draws at once, where it was one chunk
    np.testing.assert_array_equal(seed_interval(items, figures, draws=300, seed=1), first)


def test_frames_are_drawn_together_for_all_seeds() -> None:
    """Two seeds whose frames err in opposite ways: their mean hardly varies."""
    share = np.linspace(0.1, 0.9, 20)
    items = np.stack([np.stack([s * 1000, 1000 + 0 * s], -1) for s in (share, 1 - share)], axis=1)

    def mean_only(sums: Floats) -> Floats:
        ratio = sums[..., :1] / sums[..., 1:]
        return np.repeat(ratio.mean(1, keepdims=True), 2, axis=1)

    low, high = seed_interval(items, mean_only, draws=500)
    np.testing.assert_allclose([low, high], 0.5, atol=1e-12)


def test_no_items_are_refused() -> None:
    with pytest.raises(ValueError, match="got 0 items"):
        seed_interval(np.zeros((0, 2, 3)), figures)
