"""The gate is quick: 500 images and 10,000 draws.

python -m pytest benchmarks/test_gate_speed.py
"""

from __future__ import annotations

import math

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from p2p_eval.gate.check import check
from p2p_eval.gate.scored import Figure, Scored
from p2p_eval.metrics.confusion import FIGURES, paper_histogram, paper_scores

IMAGES = 500
NAMES = tuple(f"image{number}" for number in range(IMAGES))
KEYS = ("0" * 64,) * IMAGES
METRICS = ("psnr", "ssim", "ms-ssim", "gmsd", "lpips", "ciede2000")
METRICS_SECONDS = 2.0
COUNTS_SECONDS = 1.0


def metrics(rows: np.ndarray) -> Scored:
    figures = tuple(
        Figure(name, math.fsum(column) / len(column), "higher", "", f"{name}|version:1")
        for name, column in zip(METRICS, rows.T, strict=True)
    )
    return Scored("L1", "metrics", figures, NAMES, KEYS, rows)


def frames(counts: np.ndarray) -> Scored:
    result = paper_scores(paper_histogram(counts)[0].sum(0))
    values = {name: float(getattr(result, name)) for name in FIGURES}
    for part in ("acc", "iou"):
        values |= {f"{part}[{i}]": value for i, value in enumerate(getattr(result, part).tolist())}
    signature = "fcn-score|protocol:paper|version:1"
    figures = tuple(Figure(name, value, "higher", "", signature) for name, value in values.items())
    return Scored("L1", "fcn-score", figures, NAMES, KEYS, counts)


def test_metrics(benchmark: BenchmarkFixture) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(20, 2, (IMAGES, len(METRICS)))
    pair = [metrics(rows)], [metrics(rows + rng.normal(0, 0.5, rows.shape))]
    checked = benchmark(check, *pair)
    assert len(checked.figures) == len(METRICS)
    assert benchmark.stats.stats.median < METRICS_SECONDS


def test_counts(benchmark: BenchmarkFixture) -> None:
    rng = np.random.default_rng(0)
    pair = [rng.integers(0, 9, (IMAGES, 19, 20)) for _ in range(2)]
    for counts in pair:
        counts[:, 18, 19] = 0  # or the frame would be dropped
    checked = benchmark(check, *([frames(counts)] for counts in pair))
    assert len(checked.figures) == 41
    assert benchmark.stats.stats.median < COUNTS_SECONDS
