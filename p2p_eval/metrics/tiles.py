"""A padded convolution of a small map, by Winograd's method, each step one matrix product.

:mod:`fcn.winograd` transforms large maps row by row, additions only. Here a map has a few dozen
tiles, and what counts is the number of calls: both transforms of a tile are one product with the
Kronecker square of their matrix.

Source: Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks*, CVPR 2016.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from fcn.winograd import GroupedProduct, ToomCook

__all__ = ["TRANSFORMS", "TiledConv"]

TRANSFORMS = {
    3: ToomCook(4, 3, (1.0, 0.625)),
    5: ToomCook(4, 5, (1.0, 2.0, 0.5)),
}
"""The transform for each width of kernel."""

TILES = 63  # at a time: few stay in the cache, and from 64 oneDNN wants weights in another order


class TiledConv:
    """A convolution with stride 1 and as much padding as keeps the size, then ReLU.

    On the CPU in float32. It differs from the direct one's by rounding, 1e-5 of the largest value.

    Args:
        weight: Shape ``(K, C, r, r)``, with r a key of :data:`TRANSFORMS`.
        bias: Shape ``(K,)``.

    Example:
        >>> weight, bias, x = torch.randn(8, 4, 3, 3), torch.randn(8), torch.randn(1, 4, 9, 7)
        >>> direct = torch.conv2d(x, weight, bias, padding=1).relu()
        >>> bool(torch.allclose(TiledConv(weight, bias)(x), direct, atol=1e-3))
        True
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        """Transform the weights."""
        self.outputs, self.inputs, self.taps, _ = weight.shape
        transform = TRANSFORMS[self.taps]
        self.size, self.step = transform.size, transform.outputs
        before, after = _matrices(transform)
        self._before, self._after = (torch.kron(m, m).float() for m in (before, after))
        # What the points (1, 1) give goes to each output with factor 1: so can the bias.
        spread = bias.new_zeros(self.size, self.size, self.outputs)
        spread[1, 1] = bias
        self._product = GroupedProduct(
            lambda: transform.weight(weight).flatten(0, 1).float(),
            spread.flatten(0, 1),
            self.inputs,
            repack=False,
        )

    def __call__(self, x: Tensor) -> Tensor:
        """Convolve one map, ``(1, C, H, W)`` to ``(1, K, H, W)``, channels last."""
        rows, (high, wide) = x[0].permute(1, 2, 0), x.shape[2:]
        step, size, margin = self.step, self.size, self.taps // 2
        down, across = -(-high // step), -(-wide // step)
        padded = x.new_zeros(step * down + size - step, step * across + size - step, self.inputs)
        padded[margin : margin + high, margin : margin + wide] = rows
        tiles = padded.unfold(0, size, step).unfold(1, size, step).permute(0, 1, 3, 4, 2)
        result = x.new_empty(down, step, across, step, self.outputs)
        broad = -(-across // -(-across // TILES))
        tall = max(1, TILES // broad)
        for top, left in product(range(0, down, tall), range(0, across, broad)):
            block = slice(top, top + tall), slice(left, left + broad)
            inputs = tiles[block].reshape(-1, size * size, self.inputs)
            outputs = torch.matmul(self._after, self._product(torch.matmul(self._before, inputs)))
            part = result.transpose(1, 2)[block]
            torch.clamp_min(outputs.view(part.shape), 0, out=part)
        whole = result.view(1, down * step, across * step, self.outputs)
        return whole[:, :high, :wide].permute(0, 3, 1, 2)


def _matrices(transform: ToomCook) -> tuple[Tensor, Tensor]:
    """Return the transforms of inputs and of outputs as matrices, in float64."""
    size, points = transform.size, len(transform.points)
    unit = torch.eye(size, dtype=torch.float64)
    before, after = torch.empty_like(unit), torch.empty_like(unit[: transform.outputs])
    work = torch.empty_like(unit[: max(2, points)])
    transform.input(list(unit), list(before), work[0], work[1])
    transform.output(list(unit), list(after), list(work[:points]))
    return before, after
