"""FCN-8s with batch norm while it trains, and without it when it ships.

VGG-16 has no norm layers, so neither has the official FCN-8s; training one from random weights is
much easier with them. Batch norm at test time is a fixed scale and shift of each channel, which the
convolution before it can do by itself, at the padded border too: what ships is a plain FCN-8s.

Source: Ioffe, Szegedy, *Batch Normalization*, ICML 2015, arXiv 1502.03167.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcn.network import BLOCKS, FCN8s

__all__ = ["NormalizedFCN8s"]

INPUT_SCALE = 1 / 64
"""Brings 0-255 inputs to about unit size; a power of two, so that folding it in is exact."""


class NormalizedFCN8s(FCN8s):
    """FCN-8s with batch norm after every convolution from ``conv1_1`` to ``fc7_cs``.

    Args:
        outputs: Score maps.
        widths: Output channels of ``conv1_1`` … ``fc7_cs``.

    Example:
        >>> from fcn.network import FULL_WIDTHS
        >>> model = NormalizedFCN8s(3, {name: 2 for name in FULL_WIDTHS}).eval()
        >>> x = 100 * torch.randn(1, 3, 32, 32)
        >>> plain = FCN8s.from_state(model.folded())
        >>> torch.allclose(plain(x), model(x), rtol=1e-4, atol=1e-5)
        True
    """

    def __init__(self, outputs: int, widths: Mapping[str, int]) -> None:
        """Build the network with PyTorch's default initial weights and fresh norms."""
        super().__init__(outputs, widths)
        self.norms = nn.ModuleDict({name: nn.BatchNorm2d(width) for name, width in widths.items()})

    def forward(self, x: Tensor) -> Tensor:
        """Score every pixel, as :meth:`FCN8s.forward` does."""
        height, width = x.shape[-2:]
        x = x * INPUT_SCALE
        skips = []
        for block in BLOCKS:
            for name in block:
                x = self._layer(name, x)
            x = F.max_pool2d(x, 2, 2, ceil_mode=True)
            skips.append(x)
        x = self.dropout(self._layer("fc6_cs", x))
        x = self.dropout(self._layer("fc7_cs", x))
        return self.decode(self.score_fr(x), skips[3], skips[2], (height, width))

    def _layer(self, name: str, x: Tensor) -> Tensor:
        return F.relu(self.norms[name](self.get_submodule(name)(x)), inplace=True)

    @torch.no_grad()
    def folded(self) -> dict[str, Tensor]:
        """Return the state of the plain :class:`FCN8s` that gives the same scores.

        With running mean m and variance v, scale g and shift s, each weight becomes
        w·g/√(v+ε) and each bias (b−m)·g/√(v+ε) + s.
        """
        state = {
            name: tensor.detach().clone()
            for name, tensor in self.state_dict().items()
            if not name.startswith("norms.")
        }
        for name, norm in self.norms.items():
            mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
            scale = norm.get_parameter("weight") / torch.sqrt(variance + norm.eps)  # type: ignore[operator]
            weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
            state[f"{name}.weight"] = weight * scale.view(-1, 1, 1, 1)
            state[f"{name}.bias"] = (bias - mean) * scale + norm.get_parameter("bias")
        state["conv1_1.weight"] = state["conv1_1.weight"] * INPUT_SCALE
        return state
