"""What is asked of training and generating, as ratios in one run."""

from __future__ import annotations

import training_speed


def test_faster_than_the_plain_loops() -> None:
    results, cost = training_speed.measure(rounds=5)
    slow = [(r.what, r.ratios) for r in results if r.median < training_speed.LEAST]
    assert not slow
    assert cost <= training_speed.MOST_OVERHEAD
