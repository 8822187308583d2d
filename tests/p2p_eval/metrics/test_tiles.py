"""The tiled convolution against the direct one in float64."""

from __future__ import annotations

import pytest
import torch

from p2p_eval.metrics import tiles
from p2p_eval.metrics.tiles import TRANSFORMS, TiledConv


def error(taps: int, height: int, width: int) -> float:
    generator = torch.Generator().manual_seed(taps)
    x = torch.randn(1, 48, height, width, generator=generator).relu()
    weight = torch.randn(40, 48, taps, taps, generator=generator)
    bias = torch.randn(40, generator=generator) * 10
    direct = torch.conv2d(x.double(), weight.double(), bias.double(), padding=taps // 2).relu()
    (tiled,) = TiledConv(weight, bias)([x])
    assert tiled.shape == direct.shape
    assert (tiled >= 0).all()
    return float((tiled - direct).abs().max() / direct.max())


@pytest.mark.parametrize("taps", TRANSFORMS)
@pytest.mark.parametrize("size", [(1, 1), (4, 4), (15, 15), (31, 31), (5, 18), (23, 2)])
def test_equals_the_direct_convolution(taps: int, size: tuple[int, int]) -> None:
    assert error(taps, *size) < 1e-5


def test_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "TILES", {3: 10, 5: 10})
    monkeypatch.setattr(tiles, "BLOCKS", 2)
    assert error(3, 33, 17) < 1e-5
    assert error(3, 43, 17) < 1e-5  # the last band of tiles is lower
    assert error(5, 9, 90) < 1e-5  # a row of tiles is more than is cut out at a time


def test_channels_last_or_not() -> None:
    conv = TiledConv(torch.randn(8, 4, 3, 3), torch.randn(8))
    x = torch.randn(1, 4, 9, 7)
    last = x.contiguous(memory_format=torch.channels_last)
    (one,), (other,) = conv([x]), conv([last])
    assert torch.equal(one, other)
    assert one.stride(1) == 1


@pytest.mark.parametrize("size", [(3, 2), (15, 15), (31, 31), (40, 33)])
@pytest.mark.parametrize("taps", TRANSFORMS)
def test_no_map_depends_on_the_others(taps: int, size: tuple[int, int]) -> None:
    maps = torch.randn(9, 1, 16, *size)
    conv = TiledConv(torch.randn(8, 16, taps, taps), torch.randn(8))
    for together, alone in zip(conv(list(maps)), maps, strict=True):
        assert torch.equal(together, conv([alone])[0])
