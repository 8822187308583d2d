"""Layers: convolutions of small maps against PyTorch's own, values and gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from p2p_eval.models import layers
from p2p_eval.models.layers import DoublingConv, HalvingConv


def results(conv: nn.Module, x: Tensor) -> list[Tensor]:
    y = conv(x)
    weight = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)
    return [y, *torch.autograd.grad((y * weight).sum(), [x, *conv.parameters()])]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 5, 2, 2), (1, 5, 4, 8), (3, 5, 4, 4), (1, 5, 6, 2)])
@pytest.mark.parametrize("kind", [HalvingConv, DoublingConv])
def test_a_small_map_is_convolved_as_a_large_one(
    kind: type[HalvingConv | DoublingConv],
    shape: tuple[int, ...],
    bias: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    conv = kind(5, 7, bias=bias).double()
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    torch.manual_seed(0)
    small = results(conv, x)
    monkeypatch.setattr(layers, "SMALL", 0)
    large = results(conv, x)
    for mine, theirs in zip(small, large, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-13)


def test_a_large_map_is_left_to_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a large map was unfolded")

    monkeypatch.setattr(layers.F, "unfold", refuse)
    monkeypatch.setattr(layers.F, "fold", refuse)
    assert HalvingConv(1, 1)(torch.zeros(1, 1, 32, 32)).shape == (1, 1, 16, 16)
    assert DoublingConv(1, 1)(torch.zeros(1, 1, 16, 16)).shape == (1, 1, 32, 32)
    with pytest.raises(AssertionError, match="large map"):
        HalvingConv(1, 1)(torch.zeros(1, 1, 16, 16))


def test_small_maps_take_bfloat16() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert DoublingConv(4, 4)(HalvingConv(4, 4)(torch.ones(1, 4, 4, 4))).isfinite().all()
