"""The paper's generators: the U-Net, and the encoder-decoder, which is the same without skips.

An encoder halves the image until one pixel is left, a decoder doubles it back. In the U-Net each
decoder block also sees what the encoder had at its size.

Source: Isola et al. 2017, section 6.1.1; https://github.com/phillipi/pix2pix (``models.lua``) and
https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix (``models/networks.py``), which differ in
where dropout stands.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from p2p_eval.models.layers import (
    DoublingConv,
    Dropout,
    HalvingConv,
    Norm,
    initialize,
    normalization,
    power_of_two,
)

__all__ = ["DROPOUTS", "DropoutPlace", "Generator"]

DropoutPlace = Literal["paper", "pytorch", "none"]

DROPOUTS = ("paper", "pytorch", "none")
"""Where dropout stands: in the decoder's first three blocks, as in the paper and the Torch code; in
those of its second to fourth block that have the most channels, as in the PyTorch code; nowhere."""

SLOPE = 0.2  # of LeakyReLU
LIMIT = 8  # the widest layers have so many times the channels of the first


class Generator(nn.Module):
    """U-Net or encoder-decoder: ``(N, inputs, H, W)`` in [-1, 1] to ``(N, outputs, H, W)``.

    H and W may be any multiples of ``size``: the network is fully convolutional. The paper trains
    at 256 and runs maps at 512.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        size: Side of the image that the encoder brings down to one pixel; a power of two, 64 or
            more. 256 gives the paper's eight layers.
        width: Channels of the first layer; the widest have eight times as many.
        skips: U-Net; False gives the encoder-decoder.
        norm: ``batch``, ``instance`` or ``none``.
        dropout: One of :data:`DROPOUTS`.
        bottleneck_norm: Whether the innermost layer has a norm, as the paper's text has it. With
            batches of one image it makes that layer zero (the paper's errata), so later code left
            it out, and so does the default.

    Raises:
        ValueError: size is no power of two from 64 up, or norm or dropout is unknown.

    Example:
        >>> unet = Generator()
        >>> sum(parameter.numel() for parameter in unet.parameters())
        54413955
        >>> Generator(size=64, width=4).eval()(torch.zeros(1, 3, 128, 64)).shape
        torch.Size([1, 3, 128, 64])
    """

    def __init__(
        self,
        inputs: int = 3,
        outputs: int = 3,
        *,
        size: int = 256,
        width: int = 64,
        skips: bool = True,
        norm: Norm = "batch",
        dropout: DropoutPlace = "paper",
        bottleneck_norm: bool = False,
    ) -> None:
        """Draw the initial weights from PyTorch's own generator."""
        super().__init__()
        depth = power_of_two(size)
        dropped = _dropped(dropout, depth)
        self.size, self.inputs, self.outputs, self.skips = size, inputs, outputs, skips
        channels = [width * min(1 << level, LIMIT) for level in range(depth)]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, out in enumerate(channels):
            # The first layer has no norm: nothing says what colours are to be normal.
            normed = level > 0 and (bottleneck_norm or level < depth - 1)
            below = channels[level - 1] if level else inputs
            self.down.append(_Down(below, out, norm if normed else None, norm != "batch"))
        for block, level in enumerate(reversed(range(depth))):
            into = channels[level] * (2 if skips and block else 1)
            if level:
                out = channels[level - 1]
                self.up.append(_Up(into, out, norm, norm != "batch", block in dropped))
            else:
                self.up.append(_Up(into, outputs, None, True, False))
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        """Translate images.

        Raises:
            ValueError: They have other channels, or a side that is no multiple of ``size``.
        """
        if x.ndim != 4 or x.shape[1] != self.inputs or any(s % self.size for s in x.shape[2:]):
            raise ValueError(
                f"got images of shape {tuple(x.shape)}, expected (N, {self.inputs}, H, W) with H "
                f"and W multiples of {self.size}"
            )
        skipped: list[Tensor] = []
        for down in self.down:
            # In place: what is skipped is activated too, and relu of leaky_relu is relu.
            x = down(F.leaky_relu(x, SLOPE, inplace=True) if skipped else x)
            skipped.append(x)
        for block, up in enumerate(self.up):
            skip = skipped.pop()
            x = torch.cat([skip, x], 1) if self.skips and block else x
            x = up(F.relu(x, inplace=True))
        return torch.tanh(x)


class _Down(nn.Module):
    """A convolution that halves the size."""

    def __init__(self, inputs: int, outputs: int, norm: Norm | None, bias: bool) -> None:
        super().__init__()
        self.conv = HalvingConv(inputs, outputs, bias=bias)
        self.norm = nn.Identity() if norm is None else normalization(norm, outputs)

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.norm(self.conv(x))
        return normed


class _Up(nn.Module):
    """A transposed convolution that doubles the size."""

    def __init__(
        self, inputs: int, outputs: int, norm: Norm | None, bias: bool, dropped: bool
    ) -> None:
        super().__init__()
        self.conv = DoublingConv(inputs, outputs, bias=bias)
        self.norm = nn.Identity() if norm is None else normalization(norm, outputs)
        self.dropout = Dropout() if dropped else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(self.norm(self.conv(x)))
        return dropped


def _dropped(place: DropoutPlace, depth: int) -> range:
    """Return the decoder's blocks with dropout, counted from the innermost."""
    if place == "paper":
        return range(3)
    if place == "pytorch":
        return range(1, depth - 4)
    if place == "none":
        return range(0)
    raise ValueError(f"got dropout {place!r}, expected one of {', '.join(DROPOUTS)}")
