"""Winograd convolution: several outputs a tile, with fewer multiplications.

F(4, 3) takes a quarter of the direct convolution's, F(2, 7) a third.

Source: Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks*, CVPR 2016; the
transforms for any size after Toom and Cook, with symmetric points 0, ±p, ±q, …, ∞.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cache, partial

import torch
from torch import Tensor

from fcn.workers import Workers, Workspace

__all__ = ["GroupedProduct", "ToomCook", "WinogradConv"]


class ToomCook:
    """The one-dimensional transforms of F(``outputs``, ``taps``).

    ``output(weight(g) * input(d))`` is the correlation of ``d`` (``size`` values) with ``g``.

    Args:
        outputs: Outputs a tile, ``m``.
        taps: Width of the kernel, ``r``; ``m + r - 1`` must be even.
        points: ``1, p, q, …``, of which each is used with both signs: ``(m + r - 3) / 2`` of
            them, two or more.

    Raises:
        ValueError: The number of points does not fit, or the first one is not 1.

    Example:
        >>> ToomCook(4, 3, (1.0, 2.0)).size
        6
    """

    def __init__(self, outputs: int, taps: int, points: Sequence[float]) -> None:
        """Derive the transforms from the points."""
        self.outputs, self.taps, self.size = outputs, taps, outputs + taps - 1
        if len(points) < 2 or self.size != 2 * len(points) + 2 or points[0] != 1:
            raise ValueError(
                f"got points {tuple(points)} for F({outputs}, {taps}), expected "
                f"{(self.size - 2) / 2:g} of them, at least two, of which the first is 1"
            )
        self.points = tuple(points)
        finite = [0.0] + [sign * p for p in points for sign in (1, -1)]
        rows = []
        for point in finite:
            scale = 1.0
            for other in finite:
                scale *= point - other if other != point else 1.0
            rows.append([point**power / scale for power in range(taps)])
        rows.append([0.0] * (taps - 1) + [1.0])
        self.weight_matrix = torch.tensor(rows, dtype=torch.float64)
        self._all = _product_of_squares(points)
        self._without = [
            _product_of_squares([q for q in self.points if q != p]) for p in self.points
        ]

    def weight(self, kernel: Tensor) -> Tensor:
        """Transform kernels ``(K, C, r, r)`` to ``(size, size, K, C)``, in float64."""
        outputs, inputs, taps, _ = kernel.shape
        kernels = kernel.double().permute(2, 3, 0, 1).reshape(taps, -1)
        rows = torch.matmul(self.weight_matrix, kernels).view(self.size, taps, -1)
        both = torch.matmul(self.weight_matrix, rows)
        return both.view(self.size, self.size, outputs, inputs)

    def input(self, d: Sequence[Tensor], t: Sequence[Tensor], even: Tensor, odd: Tensor) -> None:
        """Write the transform of ``d`` to ``t``; ``even`` and ``odd`` are scratch."""
        last = self.size - 2
        for i, (point, without) in enumerate(zip(self.points, self._without, strict=True)):
            _combine(without, d[last:0:-2], even)
            _combine(without, d[last - 1 :: -2], odd)
            torch.add(even, odd, alpha=point, out=t[2 * i + 1])
            torch.sub(even, odd, alpha=point, out=t[2 * i + 2])
        _combine(self._all, d[last::-2], t[0])
        _combine(self._all, d[last + 1 :: -2], t[-1])

    def output(self, m: Sequence[Tensor], y: Sequence[Tensor], work: Sequence[Tensor]) -> None:
        """Write the outputs of the products ``m`` to ``y``; ``work`` is a scratch a point."""
        pairs = list(zip(m[1::2], m[2::2], work, strict=False))
        for odd in (0, 1):
            for plus, minus, pair in pairs:
                (torch.sub if odd else torch.add)(plus, minus, out=pair)
            for power in range(odd, self.outputs, 2):
                torch.add(work[0], work[1], alpha=self.points[1] ** power, out=y[power])
                for point, pair in zip(self.points[2:], work[2:], strict=False):
                    y[power].add_(pair, alpha=point**power)
        y[0].add_(m[0])
        y[-1].add_(m[-1])


def _product_of_squares(points: Sequence[float]) -> list[float]:
    """Coefficients of the product of ``(z - p²)``, the highest first."""
    coefficients = [1.0]
    for point in points:
        shifted = [0.0, *(-point * point * c for c in coefficients)]
        coefficients = [a + b for a, b in zip([*coefficients, 0.0], shifted, strict=True)]
    return coefficients


def _combine(coefficients: Sequence[float], terms: Sequence[Tensor], out: Tensor) -> None:
    """Write the sum of the terms, of which the first has coefficient 1, to ``out``."""
    torch.add(terms[0], terms[1], alpha=coefficients[1], out=out)
    for coefficient, term in zip(coefficients[2:], terms[2:], strict=False):
        out.add_(term, alpha=coefficient)


class WinogradConv:
    """A convolution over rows in ``(rows, columns, channels)`` order, unpadded, before ReLU.

    Args:
        weight: Shape ``(K, C, r, r)``.
        bias: Shape ``(K,)``.
        transform: The transform for that ``r``.
        block: Output channels that are computed at a time, to bound the memory.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        transform: ToomCook,
        block: int = 512,
    ) -> None:
        """Keep what the first call needs."""
        self.transform = transform
        self.outputs, self.inputs = weight.shape[:2]
        size = transform.size
        self._products = []
        for start in range(0, self.outputs, block):
            kernel, part = weight[start : start + block], bias[start : start + block]
            # What the points (1, 1) give goes to each output with factor 1: so can the bias.
            spread = part.new_zeros(size, size, len(part))
            spread[1, 1] = part
            weights = partial(_transformed, transform, kernel)
            self._products.append(GroupedProduct(weights, spread.flatten(0, 1), kernel.shape[1]))

    def __call__(self, rows: Tensor, workspace: Workspace) -> Tensor:
        """Convolve rows ``(m n + r - 1, m t + r - 1, C)`` to ``(m n, m t, K)``."""
        tiles = workspace.get("tiles", rows, *self._tiles_shape(rows))
        result = self._new_result(rows)
        self._input(rows, tiles, workspace)
        self._blocks(tiles, result, (0, len(self._products)), workspace)
        return result.flatten(2, 3).flatten(0, 1)

    def shared(self, rows: Tensor, workers: Workers) -> Tensor:
        """Do the same with many workers, each for some of the outputs."""
        tiles = rows.new_empty(self._tiles_shape(rows))
        result = self._new_result(rows)
        m, overlap = self.transform.outputs, self.transform.taps - 1

        def transform(start: int, stop: int, workspace: Workspace) -> None:
            self._input(rows[m * start : m * stop + overlap], tiles[start:stop], workspace)

        def multiply(start: int, stop: int, workspace: Workspace) -> None:
            self._blocks(tiles, result, (start, stop), workspace)

        workers.run(transform, len(tiles))
        workers.run(multiply, len(self._products))
        return result.flatten(2, 3).flatten(0, 1)

    def _tiles(self, rows: Tensor) -> tuple[int, int]:
        m, overlap = self.transform.outputs, self.transform.taps - 1
        return (rows.shape[0] - overlap) // m, (rows.shape[1] - overlap) // m

    def _tiles_shape(self, rows: Tensor) -> tuple[int, ...]:
        size = self.transform.size
        return *self._tiles(rows), size, size, self.inputs

    def _new_result(self, rows: Tensor) -> Tensor:
        m = self.transform.outputs
        high, wide = self._tiles(rows)
        return rows.new_empty(high, m, wide, m, self.outputs)

    def _blocks(
        self, tiles: Tensor, result: Tensor, blocks: tuple[int, int], workspace: Workspace
    ) -> None:
        """Compute some blocks of output channels from transformed tiles."""
        high, wide = tiles.shape[:2]
        done = sum(product.outputs for product in self._products[: blocks[0]])
        for product in self._products[slice(*blocks)]:
            part = result[..., done : done + product.outputs]
            products = product(tiles.flatten(2, 3).flatten(0, 1))
            self._output(products.reshape(high, wide, *products.shape[1:]), part, workspace)
            done += product.outputs

    def _input(self, rows: Tensor, tiles: Tensor, workspace: Workspace) -> None:
        """Transform ``rows`` to tiles of shape ``(high, wide, size, size, C)``."""
        m, size, channels = self.transform.outputs, self.transform.size, self.inputs
        high, wide, width = *tiles.shape[:2], rows.shape[1]
        down = workspace.get("down", rows, size, width, channels)
        even = workspace.get("even", rows, size * wide, channels)
        odd = workspace.get("odd", rows, size * wide, channels)
        columns = [down[:, j : j + m * (wide - 1) + 1 : m] for j in range(size)]
        for i in range(high):  # one row of tiles at a time stays in the second-level cache
            self.transform.input(
                list(rows[m * i : m * i + size].unbind()),
                list(down.unbind()),
                even[:width],
                odd[:width],
            )
            self.transform.input(
                columns,
                list(tiles[i].permute(2, 1, 0, 3).unbind()),
                even.view(size, wide, channels),
                odd.view(size, wide, channels),
            )

    def _output(self, products: Tensor, result: Tensor, workspace: Workspace) -> None:
        """Transform products ``(high, wide, size², K)`` to ``(high, m, wide, m, K)``."""
        m, size = self.transform.outputs, self.transform.size
        high, wide, _, channels = products.shape
        down = workspace.get("down", products, m, wide, size, channels)
        points = (size - 2) // 2
        work = workspace.get("even", products, points * wide * size * channels)
        for i in range(high):
            self.transform.output(
                list(products[i].view(wide, size, size, channels).unbind(1)),
                list(down.unbind()),
                list(work.view(points, wide, size, channels).unbind()),
            )
            short = work[: points * m * wide * channels].view(points, m, wide, channels)
            self.transform.output(
                list(down.unbind(2)), list(result[i].unbind(2)), list(short.unbind())
            )


class GroupedProduct:
    """Products of one matrix a group: ``(T, groups, C)`` to ``(T, groups, K)``, plus bias.

    Args:
        weight: Returns the matrices, ``(groups, K, C)``; called at the first use, and only once,
            because two copies of large weights are one too many.
        bias: Shape ``(groups, K)``.
        inputs: ``C``.
    """

    def __init__(self, weight: Callable[[], Tensor], bias: Tensor, inputs: int) -> None:
        """Keep what the first use needs."""
        self.inputs = inputs
        self.groups, self.outputs = bias.shape
        self._make: Callable[[], Tensor] | None = weight
        self._weight, self._bias = torch.empty(0), bias.flatten().clone()
        self._packed_for = 0
        self._packing = threading.Lock()

    def __call__(self, tiles: Tensor) -> Tensor:
        """Multiply."""
        count = tiles.shape[0]
        if tiles.dtype != torch.float32 or not _has_grouped_1x1():
            products = torch.bmm(tiles.transpose(0, 1), self._plain().transpose(1, 2))
            return products.transpose(0, 1) + self._bias.view(self.groups, self.outputs)
        # A grouped 1x1 convolution is the only batched product that PyTorch hands to oneDNN,
        # which is up to twice as fast as torch.bmm on processors with AVX-512.
        image = tiles.view(1, count, 1, -1).permute(0, 3, 1, 2)
        product = _grouped_1x1(image, self._packed(image), self._bias, self.groups)
        return product.permute(0, 2, 3, 1).reshape(count, self.groups, self.outputs)

    def _plain(self) -> Tensor:
        with self._packing:
            if self._make is not None:
                self._weight, self._make = self._make(), None
            return self._weight

    def _packed(self, image: Tensor) -> Tensor:
        """Return the weights in oneDNN's order, which depends on the number of tiles."""
        with self._packing:
            if self._packed_for != image.shape[2]:
                weight = self._weight.to_dense() if self._make is None else self._make()
                weight = weight.view(self.groups * self.outputs, self.inputs, 1, 1)
                self._weight = _reordered(weight, self.groups, image)
                self._packed_for, self._make = image.shape[2], None
            return self._weight


def _transformed(transform: ToomCook, kernel: Tensor) -> Tensor:
    outputs, inputs = kernel.shape[:2]
    weights = kernel.new_empty(transform.size**2, outputs, inputs)
    for start in range(0, outputs, 32):  # float64 copies of a part at a time
        part = slice(start, start + 32)
        weights[:, part] = transform.weight(kernel[part]).flatten(0, 1)
    return weights


def _grouped_1x1(image: Tensor, weight: Tensor, bias: Tensor, groups: int) -> Tensor:
    product: Tensor = torch.ops.mkldnn._convolution_pointwise(
        image, weight, bias, [0, 0], [1, 1], [1, 1], groups, "none", [], ""
    )
    return product


def _reordered(weight: Tensor, groups: int, image: Tensor) -> Tensor:
    reordered: Tensor = torch.ops.aten.mkldnn_reorder_conv2d_weight(
        weight.to_mkldnn(), [0, 0], [1, 1], [1, 1], groups, list(image.shape)
    )
    return reordered


@cache
def _has_grouped_1x1() -> bool:
    """Try the operators: they are PyTorch's own, and may be missing or change with a version."""
    image, weight, bias = torch.ones(1, 4, 3, 1), torch.ones(2, 2, 1, 1), torch.ones(2)
    try:
        product = _grouped_1x1(image, _reordered(weight, 2, image), bias, 2)
    except (AttributeError, RuntimeError, TypeError):
        return False
    return torch.equal(product, torch.full((1, 2, 3, 1), 3.0))
