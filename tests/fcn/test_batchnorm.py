"""Batch norm: folding is exact, at the padded border too; initial weights are what they should."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fcn.batchnorm import NormalizedFCN8s
from fcn.initial import bilinear, initialize
from fcn.network import FULL_WIDTHS, FCN8s

WIDTHS = {name: 3 + index % 3 for index, name in enumerate(FULL_WIDTHS)}


def trained_like(seed: int) -> NormalizedFCN8s:
    torch.manual_seed(seed)
    model = NormalizedFCN8s(5, WIDTHS).double()
    for norm in model.norms.values():
        assert isinstance(norm, nn.BatchNorm2d)
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    return model.eval()


@pytest.mark.parametrize("seed", range(3))
def test_folding_is_exact(seed: int) -> None:
    model = trained_like(seed)
    x = 60 * torch.randn(2, 3, 40, 72, dtype=torch.float64)
    plain = FCN8s.from_state(model.folded())
    assert set(plain.state_dict()) == set(FCN8s(5, WIDTHS).state_dict())
    with torch.no_grad():
        got, expected = plain(x), model(x)
    atol = 1e-10 * expected.abs().max().item()
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=atol)


def test_folding_leaves_the_model_alone() -> None:
    model = trained_like(0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for tensor in model.folded().values():
        tensor.zero_()
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


def test_bilinear_deconvolution_reproduces_a_plane() -> None:
    deconvolution = nn.ConvTranspose2d(2, 2, 4, stride=2, bias=False)
    with torch.no_grad():
        deconvolution.weight.copy_(bilinear(2, 4))
    ramp = torch.arange(8.0).expand(1, 2, 8, 8)
    line = deconvolution(ramp)[0, 1, 8, 3:15]
    torch.testing.assert_close(line, 0.75 + 0.5 * torch.arange(12.0))


def test_initial_weights() -> None:
    torch.manual_seed(0)
    model = NormalizedFCN8s(5, WIDTHS)
    initialize(model)
    assert not model.score_pool3.weight.any()
    torch.testing.assert_close(model.upscore8.weight.detach(), bilinear(5, 16))
    weight = model.fc6_cs.weight
    assert weight.std().item() == pytest.approx((2 / weight[0].numel()) ** 0.5, rel=0.1)
