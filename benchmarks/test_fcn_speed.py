"""The fast FCN-8s stays ahead of the plain one; the side by side with peers is fcn_speed.py.

python -m pytest benchmarks/test_fcn_speed.py
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import torch
from fcn_onnx import random_network
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from fcn.fast import FastFCN8s
from fcn.network import FULL_WIDTHS

WIDTHS = {
    "slim": {name: max(4, width // 16) for name, width in FULL_WIDTHS.items()},
    "half": {name: width // 2 for name, width in FULL_WIDTHS.items()},
}
SIZES = {"slim": (256, 256), "half": (256, 512)}
AT_MOST = 0.87
"""Greatest time of the fast network, as a ratio to the better of the two plain ones."""

Network = Callable[[Tensor], Tensor]


def networks(kind: str) -> dict[str, Network]:
    model = random_network(WIDTHS[kind])
    last = random_network(WIDTHS[kind]).to(memory_format=torch.channels_last)
    return {
        "fast": FastFCN8s(model),
        "plain": model,
        "channels last": lambda x: last(x.contiguous(memory_format=torch.channels_last)),
    }


def frame(kind: str) -> Tensor:
    return 60 * torch.randn(1, 3, *SIZES[kind], generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["fast", "plain", "channels last"])
@pytest.mark.parametrize("kind", ["slim", "half"])
def test_frame(benchmark: BenchmarkFixture, kind: str, name: str) -> None:
    benchmark.group = f"FCN-8s, {kind}, {SIZES[kind][0]}×{SIZES[kind][1]}"
    network, x = networks(kind)[name], frame(kind)
    with torch.inference_mode():
        scores = benchmark.pedantic(network, (x,), warmup_rounds=1, rounds=5)
    assert scores.shape == (1, 20, *SIZES[kind])


@pytest.mark.parametrize("kind", ["slim", "half"])
def test_fast_is_faster_and_the_same(kind: str) -> None:
    """Interleaved, the least of seven each: others on the machine only ever add time."""
    candidates, x = networks(kind), frame(kind)
    least = dict.fromkeys(candidates, float("inf"))
    with torch.inference_mode():
        scores = {name: network(x) for name, network in candidates.items()}
        for _ in range(7):
            for name, network in candidates.items():
                start = time.perf_counter()
                network(x)
                least[name] = min(least[name], time.perf_counter() - start)
    difference = (scores["fast"] - scores["plain"]).abs().max() / scores["plain"].abs().max()
    assert difference < 1e-4
    ratio = least.pop("fast") / min(least.values())
    print(f"{kind}: {ratio:.2f} of the best plain network's time")
    assert ratio <= AT_MOST
