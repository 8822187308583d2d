"""The generators: what the paper says of their layers, and what test time asks of them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from p2p_eval.models import Generator, initialize, test_mode
from p2p_eval.models.layers import Dropout

PAPER_ENCODER = [64, 128, 256, 512, 512, 512, 512, 512]
PAPER_DECODER = [512, 512, 512, 512, 256, 128, 64]
PAPER_DECODER_INPUTS = [512, 1024, 1024, 1024, 1024, 512, 256, 128]


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(2, 3, 64, 64, dtype=torch.float64, generator=seeded(1)) * 2 - 1


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_unet_256_has_the_known_number_of_parameters() -> None:
    assert count(Generator()) == 54_413_955  # as unet_256 of the PyTorch code prints: 54.414 M
    assert count(Generator(bottleneck_norm=True)) == 54_413_955 + 2 * 512


def test_layers_are_those_of_the_paper() -> None:
    unet = Generator()
    assert [down.conv.out_channels for down in unet.down] == PAPER_ENCODER
    assert [up.conv.out_channels for up in unet.up] == [*PAPER_DECODER, 3]
    assert [up.conv.in_channels for up in unet.up] == PAPER_DECODER_INPUTS
    plain = Generator(skips=False)
    assert [up.conv.in_channels for up in plain.up] == [512, *PAPER_DECODER]
    for network in (unet, plain):
        assert isinstance(network.down[0].norm, nn.Identity)
        assert isinstance(network.down[7].norm, nn.Identity)
        assert all(isinstance(down.norm, nn.BatchNorm2d) for down in network.down[1:7])
        assert all(isinstance(up.norm, nn.BatchNorm2d) for up in network.up[:7])
        assert isinstance(network.up[7].norm, nn.Identity)


@pytest.mark.parametrize(
    ("place", "size", "blocks"),
    [
        ("paper", 256, [0, 1, 2]),
        ("paper", 64, [0, 1, 2]),
        ("pytorch", 256, [1, 2, 3]),
        ("pytorch", 128, [1, 2]),
        ("pytorch", 64, [1]),
        ("none", 256, []),
    ],
)
def test_dropout_stands_where_it_should(place: str, size: int, blocks: list[int]) -> None:
    network = Generator(size=size, width=2, dropout=place)  # type: ignore[arg-type]
    dropped = [n for n, up in enumerate(network.up) if isinstance(up.dropout, Dropout)]
    assert dropped == blocks


@pytest.mark.parametrize("size", [64, 128, 512])
@pytest.mark.parametrize("skips", [True, False])
def test_other_powers_of_two(size: int, skips: bool) -> None:
    network = Generator(1, 2, size=size, width=2, skips=skips).eval()
    assert network(torch.zeros(1, 1, size, size)).shape == (1, 2, size, size)
    assert len(network.down) == size.bit_length() - 1


@pytest.mark.parametrize("size", [0, 32, 96, 255])
def test_a_size_that_is_no_power_of_two_from_64(size: int) -> None:
    with pytest.raises(ValueError, match=f"got size {size}"):
        Generator(size=size)


def test_trained_at_one_size_run_at_twice_that(images: torch.Tensor) -> None:
    network = Generator(size=64, width=4, norm="none").double().eval()
    whole = network(torch.nn.functional.pad(images, (0, 64, 0, 64)))
    assert whole.shape == (2, 3, 128, 128)
    with pytest.raises(ValueError, match="multiples of 64"):
        network(torch.zeros(1, 3, 96, 64))


def test_an_image_in_a_batch_is_what_it_is_alone(images: torch.Tensor) -> None:
    network = Generator(size=64, width=4).double().eval()
    alone = torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(network(images), alone, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("skips", [True, False])
def test_only_skips_pass_by_the_bottleneck(images: torch.Tensor, skips: bool) -> None:
    network = Generator(size=64, width=4, skips=skips).double().eval()
    nn.init.zeros_(network.down[-1].conv.weight)
    assert torch.equal(network(images), network(-images)) is not skips


def test_paper_mode_drops_and_uses_the_batch_and_leaves_no_trace(images: torch.Tensor) -> None:
    network = Generator(size=64, width=4).double()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with test_mode(network, "paper"):
        torch.manual_seed(0)
        first = network(images)
        torch.manual_seed(0)
        again = network(images)
        other = network(images)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)  # dropout is the noise
    with test_mode(network, "eval"):
        assert torch.equal(network(images), network(images))
    assert network.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_unknown_mode_norm_and_dropout() -> None:
    network = Generator(size=64, width=2)
    with pytest.raises(ValueError, match="got test mode 'train'"), test_mode(network, "train"):  # type: ignore[arg-type]
        pass
    with pytest.raises(ValueError, match="got norm 'layer'"):
        Generator(norm="layer")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="got dropout 'all'"):
        Generator(dropout="all")  # type: ignore[arg-type]


def test_initial_weights_are_the_papers() -> None:
    network = Generator(size=64, width=32)
    initialize(network, seeded(0))
    weights = torch.cat([up.conv.weight.detach().flatten() for up in network.up])
    assert abs(float(weights.mean())) < 1e-4
    assert float(weights.std()) == pytest.approx(0.02, rel=0.01)
    factors = torch.cat([up.norm.weight.detach() for up in network.up[:-1]])
    assert float(factors.mean()) == pytest.approx(1, abs=0.005)
    assert float(factors.std()) == pytest.approx(0.02, rel=0.15)
    assert float(network.up[-1].conv.bias.detach().abs().sum()) == 0


def test_seeded_dropout_keeps_half_and_doubles_it() -> None:
    drop = Dropout()
    drop.generator = seeded(3)
    x = torch.ones(1, 1, 200, 200, dtype=torch.float64)
    dropped = drop(x)
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert float(dropped.mean()) == pytest.approx(1, abs=0.03)
    drop.generator.manual_seed(3)
    assert torch.equal(drop(x), dropped)
    assert torch.equal(drop.eval()(x), x)
