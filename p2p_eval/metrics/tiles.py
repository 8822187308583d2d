"""Padded convolutions of small maps, by Winograd's method, each step one matrix product.

:mod:`fcn.winograd` transforms large maps row by row, additions only. Here a map has a few dozen
tiles, and what counts is the number of calls: a transform of all tiles is two products with its
matrix, and maps of several images share them.

Source: Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks*, CVPR 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
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

TILES = 64
"""Tiles that are multiplied at a time, of as many maps as it takes; fewer are filled up with zeros.

With fewer, reading the weights would take as long as the products. It is always the same number, so
that no map's result depends on what else is computed, and the weights are kept in one order.
"""


class TiledConv:
    """A convolution with stride 1 and as much padding as keeps the size, then ReLU.

    On the CPU in float32. It differs from the direct one's by rounding, 1e-5 of the largest value.

    Args:
        weight: Shape ``(K, C, r, r)``, with r a key of :data:`TRANSFORMS`.
        bias: Shape ``(K,)``.

    Example:
        >>> weight, bias, x = torch.randn(8, 4, 3, 3), torch.randn(8), torch.randn(1, 4, 9, 7)
        >>> direct = torch.conv2d(x, weight, bias, padding=1).relu()
        >>> (convolved,) = TiledConv(weight, bias)([x])
        >>> bool(torch.allclose(convolved, direct, atol=1e-3))
        True
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        """Transform the weights."""
        self.outputs, self.inputs, self.taps, _ = weight.shape
        transform = TRANSFORMS[self.taps]
        self.size, self.step = transform.size, transform.outputs
        self._before, self._after = (matrix.float() for matrix in _matrices(transform))
        # What the points (1, 1) give goes to each output with factor 1: so can the bias.
        spread = bias.new_zeros(self.size, self.size, self.outputs)
        spread[1, 1] = bias
        self._product = GroupedProduct(
            lambda: transform.weight(weight).flatten(0, 1).float(),
            spread.flatten(0, 1),
            self.inputs,
        )

    def __call__(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Convolve maps of one size, each ``(1, C, H, W)`` to ``(1, K, H, W)``, channels last."""
        count, (high, wide) = len(maps), maps[0].shape[2:]
        step, size, margin = self.step, self.size, self.taps // 2
        down, across = -(-high // step), -(-wide // step)
        sides = step * down + size - step, step * across + size - step
        padded = maps[0].new_zeros(count, *sides, self.inputs)
        for place, of_one in zip(padded, maps, strict=True):
            place[margin : margin + high, margin : margin + wide] = of_one[0].permute(1, 2, 0)
        tiles = padded.unfold(1, size, step).unfold(2, size, step).permute(0, 1, 2, 4, 5, 3)
        result = padded.new_empty(count, down, step, across, step, self.outputs)
        broad = -(-across // -(-across // TILES))
        tall = max(1, TILES // broad)
        many = max(1, TILES // (down * across))
        for first, top, left in product(
            range(0, count, many), range(0, down, tall), range(0, across, broad)
        ):
            block = (
                slice(first, first + many),
                slice(top, top + tall),
                slice(left, left + broad),
            )
            part = result.transpose(2, 3)[block]
            torch.clamp_min(self._block(tiles[block]).view(part.shape), 0, out=part)
        whole = result.view(count, down * step, across * step, self.outputs)
        return list(torch.split(whole[:, :high, :wide].permute(0, 3, 1, 2), 1))

    def _block(self, tiles: Tensor) -> Tensor:
        """Convolve :data:`TILES` tiles or fewer, ``(…, size, size, C)``, before ReLU."""
        inputs = tiles.reshape(-1, self.size, self.size, self.inputs)
        count = len(inputs)
        if count < TILES:
            inputs = torch.cat([inputs, inputs.new_zeros(TILES - count, *inputs.shape[1:])])
        products = self._product(_both_axes(self._before, inputs).flatten(1, 2))
        products = products.reshape(TILES, self.size, self.size, self.outputs)
        return _both_axes(self._after, products)[:count]


def _both_axes(matrix: Tensor, tiles: Tensor) -> Tensor:
    """Multiply tiles ``(T, S, S, C)`` by a matrix from above and from the left."""
    count, size, _, channels = tiles.shape
    rows = torch.matmul(matrix, tiles.view(count, size, size * channels))
    both = torch.matmul(matrix, rows.view(-1, size, channels))
    return both.view(count, len(matrix), len(matrix), channels)


def _matrices(transform: ToomCook) -> tuple[Tensor, Tensor]:
    """Return the transforms of inputs and of outputs as matrices, in float64."""
    size, points = transform.size, len(transform.points)
    unit = torch.eye(size, dtype=torch.float64)
    before, after = torch.empty_like(unit), torch.empty_like(unit[: transform.outputs])
    work = torch.empty_like(unit[: max(2, points)])
    transform.input(list(unit), list(before), work[0], work[1])
    transform.output(list(unit), list(after), list(work[:points]))
    return before, after
