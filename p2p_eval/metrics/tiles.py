"""Padded convolutions of small maps, by Winograd's method, each step one matrix product.

:mod:`fcn.winograd` transforms large maps row by row, additions only. Here most maps have a few
dozen tiles, and what counts is the number of calls and of ways through the memory: one product
transforms many tiles along both axes, and maps of several images share them.

Source: Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks*, CVPR 2016; the
transforms for any points after Toom and Cook.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import product

import torch
from torch import Tensor

from fcn.winograd import GroupedProduct

__all__ = ["FEW_3", "FEW_5", "MANY_3", "TiledConv", "Transform"]


class Transform:
    """The transforms of F(``outputs`` × ``outputs``, ``taps`` × ``taps``), each one matrix.

    Along one axis, a kernel and what is to become of a tile's outputs are coefficients of
    polynomials, known as well by their values at ``outputs + taps - 1`` points. Kronecker's product
    makes a transform along both axes of that along one.

    Args:
        outputs: Outputs a tile along each axis, ``m``.
        taps: Width of the kernel, ``r``.
        points: ``m + r - 1`` numbers, of which one is 1; or one fewer, and ∞ is the last point.
        tiles: As below.

    Attributes:
        outputs: As above.
        taps: As above.
        tiles: Tiles that are multiplied at a time; fewer are filled up with zeros. With too few,
            reading the weights would take as long as the products. It is always the same number:
            no map's result depends on what else is computed, and weights are kept in one order.
        size: Inputs a tile along each axis, ``m + r - 1``.
        kernel: Transforms kernels, ``(size², r²)``, in float32 as all three.
        before: Transforms inputs, ``(size², size²)``.
        after: Gives the outputs of products, ``(m², size²)``.
        one: Place of the products that go to each output with factor 1.
    """

    def __init__(self, outputs: int, taps: int, points: Sequence[float], tiles: int) -> None:
        """Derive the matrices from the points."""
        self.outputs, self.taps, self.tiles = outputs, taps, tiles
        self.size = outputs + taps - 1
        before = torch.linalg.inv(_values(points, self.size, self.size)).T
        # With factors up to 1 inputs keep their magnitude, and float32 loses few digits.
        largest = before.abs().amax(1, keepdim=True)
        kernel = _values(points, taps, self.size) * largest
        after = _values(points, outputs, self.size).T.contiguous()
        self.before, self.kernel, self.after = (
            torch.kron(matrix, matrix).float() for matrix in (before / largest, kernel, after)
        )
        self.one = points.index(1) * (self.size + 1)


def _values(points: Sequence[float], count: int, size: int) -> Tensor:
    """Return the matrix from ``count`` coefficients to the values at ``size`` points."""
    finite = torch.linalg.vander(torch.tensor(points, dtype=torch.float64), N=count)
    infinite = torch.eye(count, dtype=torch.float64)[-1:]  # the last coefficient outgrows all
    return torch.cat([finite, infinite])[:size]


FEW_3 = Transform(5, 3, (0, 1, -1, 0.625, -0.625, 2.5, -2.5), tiles=72)
"""For 3×3 kernels on maps of 15×15, 9 tiles, AlexNet's of 256×256 pixels."""

MANY_3 = Transform(4, 3, (0, 1, -1, 0.625, -0.625), tiles=64)
"""For 3×3 kernels on maps whose sides 4 divides, as VGG's."""

FEW_5 = Transform(4, 5, (0, 1, -1, 2, -2, 0.5, -0.5), tiles=64)
"""For 5×5 kernels on maps of 31×31, AlexNet's. Of the points tried, these three's round least."""

BLOCKS = 4
"""How many times as many tiles are cut out and put back at a time, of as many maps as it takes."""


class TiledConv:
    """A convolution with stride 1 and as much padding as keeps the size, then ReLU.

    On the CPU in float32. It differs from the direct one's by rounding, 1e-5 of the largest value.

    Args:
        weight: Shape ``(K, C, r, r)``.
        bias: Shape ``(K,)``.
        transform: One for that ``r``.

    Example:
        >>> weight, bias, x = torch.randn(8, 4, 3, 3), torch.randn(8), torch.randn(1, 4, 9, 7)
        >>> direct = torch.conv2d(x, weight, bias, padding=1).relu()
        >>> (convolved,) = TiledConv(weight, bias, FEW_3)([x])
        >>> bool(torch.allclose(convolved, direct, atol=1e-3))
        True
    """

    def __init__(self, weight: Tensor, bias: Tensor, transform: Transform) -> None:
        """Remember the weights, which the first call transforms."""
        self.outputs, self.inputs, self.taps, _ = weight.shape
        self.size, self.step, self.at_once = transform.size, transform.outputs, transform.tiles
        self._before, self._after = transform.before, transform.after
        spread = bias.new_zeros(self.size**2, self.outputs)
        spread[transform.one] = bias
        self._product = GroupedProduct(
            lambda: _transformed(transform.kernel, weight), spread, self.inputs
        )

    def __call__(self, maps: Iterable[Tensor]) -> list[Tensor]:
        """Convolve maps of one size, each ``(1, C, H, W)`` to ``(1, K, H, W)``, channels last."""
        maps = list(maps)
        count, (high, wide) = len(maps), maps[0].shape[2:]
        step, size, margin = self.step, self.size, self.taps // 2
        down, across = -(-high // step), -(-wide // step)
        sides = step * down + size - step, step * across + size - step
        padded = maps[0].new_zeros(count, *sides, self.inputs)
        for place, of_one in zip(padded, maps, strict=True):
            place[margin : margin + high, margin : margin + wide] = of_one[0].permute(1, 2, 0)
        tiles = padded.unfold(1, size, step).unfold(2, size, step).permute(0, 1, 2, 4, 5, 3)
        result = padded.new_empty(count, down, step, across, step, self.outputs)
        most = BLOCKS * self.at_once
        tall, many = max(1, most // across), max(1, most // (down * across))
        for first, top in product(range(0, count, many), range(0, down, tall)):
            block = slice(first, first + many), slice(top, top + tall)
            part = result.transpose(2, 3)[block]
            torch.clamp_min(self._convolve(tiles[block]).view(part.shape), 0, out=part)
        whole = result.view(count, down * step, across * step, self.outputs)
        return list(torch.split(whole[:, :high, :wide].permute(0, 3, 1, 2), 1))

    def _convolve(self, tiles: Tensor) -> Tensor:
        """Convolve tiles ``(…, size, size, C)`` to ``(T, step², K)``, before ReLU."""
        count = math.prod(tiles.shape[:-3])
        full = -(-count // self.at_once) * self.at_once
        inputs = tiles.new_empty(full, self.size**2, self.inputs)
        inputs[:count].view(tiles.shape).copy_(tiles)
        inputs[count:].zero_()
        outputs = inputs.new_empty(full, self.step**2, self.outputs)
        blocks = (torch.split(tensor, self.at_once) for tensor in (inputs, outputs))
        for some, place in zip(*blocks, strict=True):
            torch.matmul(self._after, self._product(torch.matmul(self._before, some)), out=place)
        return outputs[:count]


def _transformed(matrix: Tensor, weight: Tensor) -> Tensor:
    """Transform kernels ``(K, C, r, r)`` to ``(size², K, C)``."""
    kernels = weight.permute(2, 3, 0, 1).flatten(0, 1)
    return torch.matmul(matrix, kernels.flatten(1)).view(-1, *weight.shape[:2])
