"""The tiled convolution against the direct one in float64."""

from __future__ import annotations

import pytest
import torch

from p2p_eval.metrics import tiles
from p2p_eval.metrics.tiles import FEW_3, FEW_5, MANY_3, TiledConv, Transform

TRANSFORMS = (FEW_3, MANY_3, FEW_5)


def error(transform: Transform, height: int, width: int) -> float:
    taps = transform.taps
    generator = torch.Generator().manual_seed(taps)
    x = torch.randn(1, 48, height, width, generator=generator).relu()
    weight = torch.randn(40, 48, taps, taps, generator=generator)
    bias = torch.randn(40, generator=generator) * 10
    direct = torch.conv2d(x.double(), weight.double(), bias.double(), padding=taps // 2).relu()
    (tiled,) = TiledConv(weight, bias, transform)([x])
    assert tiled.shape == direct.shape
    assert (tiled >= 0).all()
    return float((tiled - direct).abs().max() / direct.max())


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("size", [(1, 1), (4, 4), (15, 15), (31, 31), (5, 18), (23, 2)])
def test_equals_the_direct_convolution(transform: Transform, size: tuple[int, int]) -> None:
    assert error(transform, *size) < 1e-5


def test_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for transform in TRANSFORMS:
        monkeypatch.setattr(transform, "tiles", 10)
    monkeypatch.setattr(tiles, "BLOCKS", 2)
    assert error(FEW_3, 33, 17) < 1e-5
    assert error(FEW_3, 9, 70) < 1e-5
    assert error(MANY_3, 43, 17) < 1e-5  # the last band of tiles is lower
    assert error(FEW_5, 9, 90) < 1e-5  # a row of tiles is more than is cut out at a time


def test_channels_last_or_not() -> None:
    conv = TiledConv(torch.randn(8, 4, 3, 3), torch.randn(8), FEW_3)
    x = torch.randn(1, 4, 9, 7)
    last = x.contiguous(memory_format=torch.channels_last)
    (one,), (other,) = conv([x]), conv([last])
    assert torch.equal(one, other)
    assert one.stride(1) == 1


@pytest.mark.parametrize("size", [(3, 2), (15, 15), (31, 31), (40, 33)])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_no_map_depends_on_the_others(transform: Transform, size: tuple[int, int]) -> None:
    maps = torch.randn(9, 1, 16, *size)
    weight = torch.randn(8, 16, transform.taps, transform.taps)
    conv = TiledConv(weight, torch.randn(8), transform)
    for together, alone in zip(conv(list(maps)), maps, strict=True):
        assert torch.equal(together, conv([alone])[0])
