"""Mean pairwise distance over samples of one input."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from p2p_eval.metrics import mean_pairwise
from p2p_eval.metrics.metric import Features, ImageFeatures

calls: list[int] = []


def of(images: Tensor) -> list[ImageFeatures]:
    calls.append(len(images))
    return [(image.double(),) for image in images]


def distance(x: ImageFeatures, y: ImageFeatures) -> Tensor:
    return (x[0] - y[0]).abs().mean()


def distances(images: Tensor, others: Sequence[ImageFeatures]) -> Tensor:
    return torch.stack([*map(distance, of(images), others)])


FEATURES = Features(of, distance, distances)


def samples(count: int) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.randint(0, 256, (count, 3, 8, 6), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_mean_over_all_pairs(count: int) -> None:
    x = samples(count).double()
    pairs = [float((a - b).abs().mean()) for a in x for b in x if a is not b]
    others = sum(pairs) / (count * (count - 1))  # each pair twice, and each sample with itself: 0
    assert mean_pairwise(samples(count), FEATURES) == pytest.approx(others, rel=1e-12)


def test_each_sample_once() -> None:
    calls.clear()
    mean_pairwise(samples(5), FEATURES)
    assert calls == [5]


def test_equal_samples_have_none() -> None:
    assert mean_pairwise(samples(2)[:1].expand(4, -1, -1, -1), FEATURES) == 0


def test_order_does_not_matter() -> None:
    x = samples(4)
    assert mean_pairwise(x, FEATURES) == pytest.approx(mean_pairwise(x.flip(0), FEATURES))


def test_too_few() -> None:
    with pytest.raises(ValueError, match="got 1 samples of one input, expected at least two"):
        mean_pairwise(samples(1), FEATURES)
