"""What of FCN-8s' maps depends on the image, and what is known without it.

``conv1_1`` pads the image by 100 pixels, so that a wide border of every map is the same for
every image: away from the outer edge it is one constant vector a layer. Only a window around
the image has to be computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fcn.network import BLOCKS, PAD

__all__ = ["Border", "Layers", "Window", "frame_length", "stretch", "windows"]

Layers = Mapping[str, tuple[Tensor, Tensor]]
"""Weight and bias of each layer."""

STRIDE = 16  # of pool4, the last map of which only a window is computed


@dataclass(frozen=True)
class Window:
    """The indices ``start`` to ``stop`` of an axis of length ``size`` that an image reaches.

    They lie ``grown`` indices further out than those that it reaches in the block's input.
    """

    start: int
    stop: int
    size: int
    grown: tuple[int, int] = (0, 0)

    @property
    def length(self) -> int:
        """Number of indices."""
        return self.stop - self.start

    @property
    def pooled(self) -> Window:
        """The window after 2x2 pooling."""
        return Window(self.start // 2, self.stop // 2, -(-self.size // 2))


def windows(length: int) -> list[Window]:
    """Windows of the convolutions of blocks 1 to 4 along an axis of ``length`` pixels.

    One window serves every layer of its block; its ends are even, to be pooled. Around it all
    maps of the block are constant: outer edges reach 6 pixels into block 4, and the window
    ends at least 6 pixels away from them.

    Example:
        >>> windows(1024)[3]
        Window(start=6, stop=146, size=153, grown=(4, 3))
    """
    result: list[Window] = []
    window = Window(PAD - 2, length + PAD, length + 2 * PAD - 2)
    for block in BLOCKS[:4]:
        layers = len(block) - (not result)
        start, stop = window.start - layers, window.stop + layers
        start, stop = start - start % 2, stop + stop % 2
        grown = window.start - start, stop - window.stop
        result.append(Window(start, stop, window.size, grown))
        window = result[-1].pooled
    return result


@dataclass(frozen=True)
class Border:
    """The network without an image: constants a layer, and the maps of a small empty frame.

    Args:
        constants: Output of each layer of blocks 1 to 4 far from image and edge, ``(K,)``.
        pool3: ``pool3`` of an empty frame.
        pool4: ``pool4`` of an empty frame.
    """

    constants: dict[str, Tensor]
    pool3: Tensor
    pool4: Tensor

    @classmethod
    def of(cls, layers: Layers, height: int, width: int) -> Border:
        """Run blocks 1 to 4 on an empty frame of the given size."""
        x = layers["conv1_1"][0].new_zeros(1, 3, height, width)
        constants, pools = {}, []
        for block in BLOCKS[:4]:
            for name in block:
                weight, bias = layers[name]
                x = F.conv2d(x, weight, bias, padding=PAD if name == "conv1_1" else 1)
                x = F.relu(x, inplace=True)
                constants[name] = x[0, :, x.shape[2] // 2, x.shape[3] // 2].clone()
            x = F.max_pool2d(x, 2, 2, ceil_mode=True)
            pools.append(x)
        return cls(constants, pools[2], pools[3])


def frame_length(length: int) -> int:
    """Length of the smallest empty frame with a constant middle and the same ends."""
    return min(length, STRIDE + length % STRIDE)


def stretch(border: Tensor, height: int, width: int) -> Tensor:
    """Repeat the middle row and column of a map ``(…, h, w)`` until it has the given size."""
    for axis, length in ((-2, height), (-1, width)):
        size = border.shape[axis]
        middle = size // 2
        index = torch.arange(length)
        index = torch.where(index < middle, index, (index + size - length).clamp_min(middle))
        border = border.index_select(axis, index)
    return border
