"""Our times in units of a peer's, which pytest-benchmark compares with those that are committed.

    tox run -e bench
    pytest benchmarks/test_ratios.py --benchmark-storage=file://benchmarks/stored \
        --benchmark-compare --benchmark-compare-fail=median:30%

The peer runs before each of our rounds, so that a change in the machine's mood meets both, and the
clock counts in the least time that it took. A new state is kept with ``--benchmark-save=ratios``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from metrics_pairs import pairs
from metrics_peers import peer
from metrics_speed import FAST, ours
from pytest_benchmark.fixture import BenchmarkFixture
from test_fcn_speed import frame, networks
from test_gate_speed import METRICS, metrics
from test_metrics_speed import AT_LEAST
from test_metrics_speed import weights as weights

from p2p_eval.gate.check import check
from p2p_eval.scores.statistics import compare

ROUNDS = 15
SETTLING = 5
PAIRS = 8
COMPARED = [metric for metric in AT_LEAST if metric != "psnr"]
"""PSNR takes less than what threads take to meet, and its ratio jumps."""


class PeerClock:
    """A clock whose unit is the least time that a peer took."""

    seconds = math.inf

    def __call__(self) -> float:
        return time.perf_counter() / (1.0 if math.isinf(self.seconds) else self.seconds)

    def run_peer(self, call: Callable[[], object]) -> None:
        start = time.perf_counter()
        call()
        self.seconds = min(self.seconds, time.perf_counter() - start)


CLOCK = PeerClock()
pytestmark = [pytest.mark.benchmark(timer=CLOCK), pytest.mark.filterwarnings("ignore")]


def measure(
    benchmark: BenchmarkFixture, ours: Callable[[], object], theirs: Callable[[], object]
) -> None:
    CLOCK.seconds = math.inf
    with torch.inference_mode():
        for _ in range(SETTLING):
            CLOCK.run_peer(theirs)
        benchmark.pedantic(
            ours, setup=partial(CLOCK.run_peer, theirs), rounds=ROUNDS, warmup_rounds=1
        )


@pytest.mark.parametrize("metric", COMPARED)
def test_metric(benchmark: BenchmarkFixture, metric: str) -> None:
    x, y = map(torch.from_numpy, pairs(PAIRS))
    mine, theirs = ours(metric)[FAST], peer(metric, AT_LEAST[metric][0]).make()
    measure(benchmark, partial(mine, x, y), partial(theirs, x, y))


@pytest.mark.parametrize("kind", ["slim", "half"])
def test_fcn(benchmark: BenchmarkFixture, kind: str) -> None:
    found, x = networks(kind), frame(kind)
    measure(benchmark, partial(found["fast"], x), partial(found["channels last"], x))


def test_gate(benchmark: BenchmarkFixture) -> None:
    """Beside as many comparisons of two experiments, one a metric."""
    rng = np.random.default_rng(0)
    old = rng.normal(20, 2, (500, len(METRICS)))
    new = old + rng.normal(0, 0.5, old.shape)
    measure(
        benchmark,
        lambda: check([metrics(old)], [metrics(new)]),
        lambda: [compare(a, b) for a, b in zip(old.T, new.T, strict=True)],
    )
