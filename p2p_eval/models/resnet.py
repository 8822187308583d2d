"""The generator of CycleGAN, which the PyTorch code offers for paired images too.

Two convolutions bring the image down to a quarter of its side, residual blocks work on it there,
and two transposed convolutions bring it back. There are no skips.

Source: Johnson et al. 2016 (arXiv 1603.08155) and Zhu et al. 2017 (arXiv 1703.10593, section 7.2);
https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix (``models/networks.py``: ``resnet_9blocks``
and ``resnet_6blocks``).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from p2p_eval.models.layers import Dropout, Norm, initialize, normalization

__all__ = ["ResnetGenerator"]

HALVINGS = 2
SMALLEST = 8  # at a quarter of a side of 4 there would be nothing to reflect


class ResnetGenerator(nn.Module):
    """Residual generator: ``(N, inputs, H, W)`` in [-1, 1] to ``(N, outputs, H, W)``.

    H and W may be any multiples of ``size``, 8 or more: the network is fully convolutional.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        width: Channels of the first layer; the residual blocks have four times as many.
        blocks: Number of residual blocks: 9 in CycleGAN for images of 256 and more, 6 below.
        norm: ``batch``, ``instance`` or ``none``. Convolutions have a bias where it is not
            ``batch``; the last one always has.
        dropout: Whether there is dropout inside the residual blocks.

    Raises:
        ValueError: norm is unknown.

    Example:
        >>> resnet = ResnetGenerator(norm="instance")
        >>> sum(parameter.numel() for parameter in resnet.parameters())
        11378179
        >>> ResnetGenerator(width=4, blocks=6).eval()(torch.zeros(1, 3, 64, 20)).shape
        torch.Size([1, 3, 64, 20])
    """

    size = 1 << HALVINGS

    def __init__(
        self,
        inputs: int = 3,
        outputs: int = 3,
        *,
        width: int = 64,
        blocks: int = 9,
        norm: Norm = "batch",
        dropout: bool = True,
    ) -> None:
        """Draw the initial weights from PyTorch's own generator."""
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        bias = norm != "batch"
        channels = [width << level for level in range(HALVINGS + 1)]
        self.down = nn.ModuleList([_Normed(_reflected(inputs, width, 7, bias), norm)])
        self.up = nn.ModuleList()
        for level in range(HALVINGS):
            above, below = channels[level], channels[level + 1]
            self.down.append(_Normed(nn.Conv2d(above, below, 3, 2, 1, bias=bias), norm))
        self.blocks = nn.ModuleList(
            _Block(channels[-1], norm, bias, dropout) for _ in range(blocks)
        )
        for level in reversed(range(HALVINGS)):
            above, below = channels[level], channels[level + 1]
            conv = nn.ConvTranspose2d(below, above, 3, 2, 1, output_padding=1, bias=bias)
            self.up.append(_Normed(conv, norm))
        self.last = _reflected(width, outputs, 7, True)
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        """Translate images.

        Raises:
            ValueError: They have other channels, or a side that is no multiple of ``size`` or is
                below 8.
        """
        fits = all(s >= SMALLEST and s % self.size == 0 for s in x.shape[2:])
        if x.ndim != 4 or x.shape[1] != self.inputs or not fits:
            raise ValueError(
                f"got images of shape {tuple(x.shape)}, expected (N, {self.inputs}, H, W) with H "
                f"and W multiples of {self.size}, {SMALLEST} or more"
            )
        for down in self.down:
            x = F.relu(down(x))
        for block in self.blocks:
            x = block(x)
        for up in self.up:
            x = F.relu(up(x))
        return torch.tanh(self.last(x))


class _Normed(nn.Module):
    """A convolution and its norm."""

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d, norm: Norm) -> None:
        super().__init__()
        self.conv = conv
        self.norm = normalization(norm, conv.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.norm(self.conv(x))
        return normed


class _Block(nn.Module):
    """Two convolutions whose result is added to what they were given."""

    def __init__(self, channels: int, norm: Norm, bias: bool, dropout: bool) -> None:
        super().__init__()
        self.first = _Normed(_reflected(channels, channels, 3, bias), norm)
        self.dropout = Dropout() if dropout else nn.Identity()
        self.second = _Normed(_reflected(channels, channels, 3, bias), norm)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = x + self.second(self.dropout(F.relu(self.first(x))))
        return added


def _reflected(inputs: int, outputs: int, kernel: int, bias: bool) -> nn.Conv2d:
    """Return a convolution that keeps the size, the image being reflected at its border."""
    padding = kernel // 2
    return nn.Conv2d(inputs, outputs, kernel, padding=padding, padding_mode="reflect", bias=bias)
