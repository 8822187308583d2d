"""The residual generator: shapes, sizes, parameters, dropout, what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from p2p_eval.models.layers import Dropout, Norm
from p2p_eval.models.resnet import ResnetGenerator


@pytest.mark.parametrize(
    ("norm", "blocks", "count"),
    [
        # By hand, for 9 blocks and batch norm: 3·64·49 + 64·128·9 + 128·256·9 in the first three
        # convolutions and the same less 3·64·49 on the way up, 18·256·256·9 in the blocks,
        # 64·3·49 + 3 in the last, and 2 for each of 64 + 128 + 256 + 18·256 + 128 + 64 channels.
        ("batch", 9, 11_383_427),
        ("instance", 9, 11_378_179),  # a bias for each channel instead
        ("none", 9, 11_378_179),
        ("instance", 6, 7_837_699),
    ],
)
def test_parameters(norm: Norm, blocks: int, count: int) -> None:
    with torch.device("meta"):
        network = ResnetGenerator(norm=norm, blocks=blocks)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_biases(norm: Norm) -> None:
    network = ResnetGenerator(width=2, blocks=2, norm=norm)
    convs = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(convs) == 3 + 4 + 2 + 1
    assert network.last.bias is not None
    assert all((conv.bias is None) == (norm == "batch" and conv is not network.last)
               for conv in convs)  # fmt: skip


@pytest.mark.parametrize("shape", [(8, 8), (12, 20), (64, 32)])
@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_shapes_and_range(shape: tuple[int, int], norm: Norm) -> None:
    network = ResnetGenerator(1, 2, width=3, blocks=1, norm=norm)
    out = network(torch.randn(2, 1, *shape))
    assert out.shape == (2, 2, *shape)
    assert out.abs().max() <= 1
    assert (network.size, network.inputs, network.outputs) == (4, 1, 2)


@pytest.mark.parametrize(
    "shape", [(1, 3, 10, 8), (1, 3, 8, 9), (1, 3, 4, 8), (1, 2, 8, 8), (3, 8, 8), (1, 3, 8, 8, 8)]
)
def test_refused_images(shape: tuple[int, ...]) -> None:
    network = ResnetGenerator(width=1, blocks=1)
    with pytest.raises(ValueError, match=r"got images of shape .* multiples of 4, 8 or more"):
        network(torch.zeros(shape))


def test_unknown_norm() -> None:
    with pytest.raises(ValueError, match="got norm 'layer'"):
        ResnetGenerator(norm="layer")  # type: ignore[arg-type]


def test_dropout() -> None:
    x = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    network = ResnetGenerator(width=2, blocks=2)
    found = [module for module in network.modules() if isinstance(module, Dropout)]
    assert len(found) == 2
    for training, same in ((False, True), (True, False)):
        network.train(training)
        assert torch.equal(network(x), network(x)) == same
    outputs = []
    for _ in range(2):
        for module in found:
            module.generator = torch.Generator().manual_seed(1)
        outputs.append(network(x))
    assert torch.equal(*outputs)
    without = ResnetGenerator(width=2, blocks=2, dropout=False)
    assert not any(isinstance(module, Dropout) for module in without.modules())
    assert torch.equal(without(x), without(x))


def test_initial_weights() -> None:
    torch.manual_seed(0)
    network = ResnetGenerator(width=16, blocks=2)
    weight = network.blocks[0].first.conv.weight
    assert abs(weight.std().item() - 0.02) < 0.001
    assert not network.last.bias.any()
    assert abs(network.blocks[1].second.norm.weight.mean().item() - 1) < 0.02


def test_border_is_reflected() -> None:
    # A constant image stays constant, as it would not beside zeros.
    network = ResnetGenerator(width=2, blocks=2, norm="none", dropout=False)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.3, generator=torch.Generator().manual_seed(parameter.numel()))
    inner = network.down[0](torch.full((1, 3, 8, 8), 0.7))
    torch.testing.assert_close(inner, inner[:, :, :1, :1].expand_as(inner))


def test_every_parameter_has_a_gradient() -> None:
    network = ResnetGenerator(width=2, blocks=2)
    network(torch.randn(2, 3, 16, 16)).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())
