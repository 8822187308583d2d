"""The torchmetrics class equals the functions, however its updates are split and merged."""

from __future__ import annotations

import copy
from typing import get_args

import numpy as np
import pytest
import torch

from p2p_eval.metrics.confusion import FIGURES, Protocol, histogram, joint_counts, scores
from p2p_eval.metrics.segmentation_score import SegmentationScore

K, OUTPUTS = 5, 6


def random_frames(count: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(3)
    target = rng.choice([0, 1, 2, 3, 4, 255], (count, 7, 9))
    prediction = rng.integers(0, K, (count, 7, 9))
    prediction[2, 0, :] = K  # the extra output, on whatever lies there
    target[2, 0, 0] = K - 1  # so that the paper's protocol drops this frame
    prediction[5, 3, 4], target[5, 3, 4] = K, 0
    return torch.from_numpy(prediction).to(torch.uint8), torch.from_numpy(target)


def expected(protocol: Protocol) -> np.ndarray:
    prediction, target = random_frames()
    joint = np.stack(
        [
            joint_counts(t, p, K, OUTPUTS)
            for p, t in zip(prediction.numpy(), target.numpy(), strict=True)
        ]
    )
    hist, _ = histogram(joint, protocol)
    return scores(hist.sum(0), protocol).figures


def figures(metric: SegmentationScore) -> np.ndarray:
    return np.array([metric.compute()[name].item() for name in FIGURES])


@pytest.mark.parametrize("protocol", get_args(Protocol))
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_any_batching_equals_the_functions(protocol: Protocol, batch: int) -> None:
    metric = SegmentationScore(K, OUTPUTS, protocol)
    for prediction, target in zip(*(x.split(batch) for x in random_frames()), strict=True):
        metric.update(prediction, target)
    np.testing.assert_array_equal(figures(metric), expected(protocol))
    assert int(metric.frames) == 8
    assert int(metric.dropped_frames) == (1 if protocol == "paper" else 0)


@pytest.mark.parametrize("protocol", get_args(Protocol))
def test_ranks_sum_to_one_pass(protocol: Protocol) -> None:
    """What torch.distributed does: gather each state of all ranks, then reduce it."""
    ranks = []
    for prediction, target in zip(*(x.split(4) for x in random_frames()), strict=True):
        metric = SegmentationScore(K, OUTPUTS, protocol)
        metric.update(prediction, target)
        ranks.append(metric)
    gathered = {
        name: [getattr(rank, name) for rank in ranks]
        for name in ("histogram", "frames", "dropped_frames")
    }
    merged = SegmentationScore(
        K,
        OUTPUTS,
        protocol,
    )
    merged.update(*(x[:0] for x in random_frames()))
    for name, states in gathered.items():
        setattr(merged, name, merged._reductions[name](torch.stack(states)))
    np.testing.assert_array_equal(figures(merged), expected(protocol))


def test_merged_states_and_reset() -> None:
    first, second = (SegmentationScore(K, OUTPUTS) for _ in range(2))
    halves = list(zip(*(x.split(4) for x in random_frames()), strict=True))
    first.update(*halves[0])
    second.update(*halves[1])
    merged = copy.deepcopy(first)
    merged.merge_state(second)
    np.testing.assert_array_equal(figures(merged), expected("paper"))
    merged.reset()
    assert int(merged.frames) == int(merged.histogram.sum()) == 0


def test_refusals() -> None:
    with pytest.raises(ValueError, match="or one more"):
        SegmentationScore(3, 5)
    with pytest.raises(ValueError, match="'both'"):
        SegmentationScore(3, 3, "both")  # type: ignore[arg-type]
    metric = SegmentationScore(3)
    one = torch.zeros(1, 2, 2, dtype=torch.long)
    with pytest.raises(ValueError, match=r"\(N, H, W\)"):
        metric.update(one[0], one[0])
    with pytest.raises(ValueError, match="expected integers"):
        metric.update(one.float(), one)
    with pytest.raises(ValueError, match="expected 0 to 2"):
        metric.update(one + 3, one)
    metric.update(one + 3, one + 255)  # where no label counts, a prediction is not looked at
