"""The PatchGANs: receptive fields by gradient, parameters by hand."""

from __future__ import annotations

import pytest
import torch

from p2p_eval.models import PatchGAN
from p2p_eval.models.discriminators import PATCHES, smallest_side
from p2p_eval.models.layers import Norm


@pytest.mark.parametrize("patch", PATCHES)
def test_a_logit_sees_exactly_its_patch(patch: int) -> None:
    network = PatchGAN(1, patch, width=1).double().eval()
    side = 2 * patch + 64
    image = torch.randn(1, 1, side, side, dtype=torch.float64).requires_grad_()
    logits = network(image)
    middle = logits.shape[-1] // 2
    logits[0, 0, middle, middle].backward()
    assert image.grad is not None
    seen = image.grad[0, 0] != 0
    for axis in (0, 1):
        places = seen.any(axis).nonzero().flatten()
        assert int(places[-1] - places[0]) + 1 == patch


@pytest.mark.parametrize(
    ("patch", "channels"),
    [
        (1, [64, 128]),
        (16, [64, 128]),
        (70, [64, 128, 256, 512]),
        (286, [64, 128, 256, 512, 512, 512]),
    ],
)
def test_layers_are_those_of_the_paper(patch: int, channels: list[int]) -> None:
    network = PatchGAN(6, patch)
    assert [conv.out_channels for conv in network.convs] == channels
    kernel = 1 if patch == 1 else 4
    assert all(conv.kernel_size == (kernel, kernel) for conv in [*network.convs, network.last])
    # The paper's text says stride 2 throughout; the last two have 1, as in its code.
    strides = [conv.stride[0] for conv in network.convs]
    assert strides == ([1, 1] if patch == 1 else [2] * (len(channels) - 1) + [1])
    assert network.last.stride == (1, 1)


@pytest.mark.parametrize(
    ("patch", "parameters"),
    [
        # Convolutions, biases of the first and the last, and two of each norm's channel.
        (1, 6 * 64 + 64 + 64 * 128 + 2 * 128 + 128),
        (16, 16 * (6 * 64 + 64 * 128 + 128) + 64 + 2 * 128 + 1),
        (70, 2_768_705),
        (
            286,
            16 * (6 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 2 * 512 * 512 + 512)
            + 64 + 2 * (128 + 256 + 3 * 512) + 1,
        ),
    ],
)  # fmt: skip
def test_parameters(patch: int, parameters: int) -> None:
    assert sum(p.numel() for p in PatchGAN(6, patch).parameters()) == parameters


@pytest.mark.parametrize("patch", PATCHES)
def test_the_smallest_side_is_enough_and_half_of_it_is_not(patch: int) -> None:
    side = smallest_side(patch)
    network = PatchGAN(3, patch, width=1)
    if patch == 1:  # the norm of a single pixel is refused by PyTorch in training
        network.eval()
    assert network(torch.zeros(1, 3, side, side)).shape[-1] >= 1
    if patch > 1:
        with pytest.raises((ValueError, RuntimeError)):
            network(torch.zeros(1, 3, side // 2, side // 2))


@pytest.mark.parametrize("patch", [1, 16, 70])
def test_other_sizes_and_batches(patch: int) -> None:
    network = PatchGAN(3, patch, width=2).double().eval()
    images = torch.randn(3, 3, 96, 160, dtype=torch.float64)
    logits = network(images)
    assert logits.shape[:2] == (3, 1)
    alone = torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(logits, alone, rtol=1e-12, atol=1e-14)


def test_a_patch_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="got patch 69, expected one of 1, 16, 34, 70"):
        PatchGAN(patch=69)


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_two_batches_at_once_are_judged_as_one_after_the_other(norm: Norm) -> None:
    torch.manual_seed(0)
    together, apart = (PatchGAN(3, 16, width=4, norm=norm).double() for _ in range(2))
    together.load_state_dict(apart.state_dict())
    first, second = torch.randn(2, 2, 3, 32, 32, dtype=torch.float64)
    second = 3 * second + 1
    torch.testing.assert_close(
        together(torch.cat([first, second]), 2), torch.cat([apart(first), apart(second)])
    )
    torch.testing.assert_close(together.state_dict(), apart.state_dict())
