"""The streaming class equals the functions, however its updates are split and merged."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor

from p2p_eval.metrics import ImageMetric
from p2p_eval.metrics.catalogue import METRICS
from p2p_eval.metrics.metric import Metric


def pairs() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    x, y = torch.randint(0, 256, (2, 6, 3, 16, 18), dtype=torch.uint8, generator=generator)
    x[4] = y[4]  # of infinite PSNR
    return x, y


@pytest.mark.parametrize("name", ["psnr", "ssim", "gmsd"])
@pytest.mark.parametrize("batch", [1, 4, 6])
def test_any_batching_equals_the_function(name: str, batch: int) -> None:
    x, y = pairs()
    metric = ImageMetric(name)
    for generated, real in zip(x.split(batch), y.split(batch), strict=True):
        metric.update(generated, real)
    values = METRICS[name].measure(x, y)
    finite = values[values.isfinite()]
    result = metric.compute()
    assert result.dtype == torch.float64
    torch.testing.assert_close(result, finite.mean())
    assert int(metric.finite) == len(finite) == (5 if name == "psnr" else 6)
    assert int(metric.infinite) == 6 - len(finite)


def test_ranks_sum_to_one_pass() -> None:
    """What torch.distributed does: gather each state of all ranks, then reduce it."""
    whole, ranks = ImageMetric("psnr"), [ImageMetric("psnr") for _ in range(3)]
    whole.update(*pairs())
    for rank, generated, real in zip(ranks, *(x.split(2) for x in pairs()), strict=True):
        rank.update(generated, real)
    merged = ImageMetric("psnr")
    merged.update(*(x[:1] for x in pairs()))  # so that it does not warn; replaced below
    for state, reduce in merged._reductions.items():
        gathered = torch.stack([getattr(rank, state) for rank in ranks])
        assert reduce is not None
        setattr(merged, state, reduce(gathered))
    torch.testing.assert_close(merged.compute(), whole.compute())
    assert int(merged.infinite) == 1


def test_a_metric_that_is_in_no_catalogue() -> None:
    def brighter(x: Tensor, y: Tensor) -> Tensor:
        return (x.double() - y.double()).mean((1, 2, 3))

    metric = ImageMetric(Metric("brighter", "zero", "", {}, brighter))
    metric.update(*pairs())
    torch.testing.assert_close(metric.compute(), brighter(*pairs()).mean())


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r"^metric: got 'ssmi', expected one of psnr, ssim, "):
        ImageMetric("ssmi")


def test_only_infinite_values_have_no_mean() -> None:
    x, _ = pairs()
    metric = ImageMetric("psnr")
    metric.update(x, x)
    assert metric.compute().isnan()
    assert (int(metric.finite), int(metric.infinite)) == (0, 6)


def test_reset_copy_and_pickle() -> None:
    metric = ImageMetric("ssim[no-downsample]")
    metric.update(*pairs())
    expected = metric.compute()
    for other in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        assert torch.equal(other.compute(), expected)
    metric.reset()
    assert int(metric.finite) == 0
    metric.update(*pairs())
    assert torch.equal(metric.compute(), expected)


def test_bad_images_change_nothing() -> None:
    x, y = pairs()
    metric = ImageMetric("ssim")
    metric.update(x, y)
    expected = metric.compute()
    with pytest.raises(ValueError, match="expected at least 11×11"):
        metric.update(x[..., :5], y[..., :5])
    assert torch.equal(metric.compute(), expected)
