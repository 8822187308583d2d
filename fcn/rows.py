"""Blocks of 3x3 convolutions over a few rows at a time: no large map lies in memory whole.

A stream is an iterator of tensors ``(rows, columns, channels)`` that make up a part of a map
from top to bottom, before its ReLU: whoever reads a stream applies it while copying. Rows are
counted from the first one that the block computes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from fcn.workers import Workers, Workspace

__all__ = ["DirectConv", "Layer", "Margins", "run_block"]

Margins = tuple[int, int, int, int]
Rows = tuple[int, int]

STEP = 4  # rows and columns of a tile
TILES = 200  # a call: enough to use each weight often, few enough for the caches
SLICE = 8  # rows of the first layer at a time


class RowConv(Protocol):
    """An unpadded 3x3 convolution to ``outputs`` channels, without ReLU."""

    outputs: int

    def __call__(self, rows: Tensor, workspace: Workspace) -> Tensor:
        """Convolve rows ``(4 n + 2, 4 t + 2, C)`` to ``(4 n, 4 t, K)``."""


class DirectConv:
    """PyTorch's convolution as a :class:`RowConv`."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        """Keep weight ``(K, C, r, r)`` and bias ``(K,)``."""
        self.weight, self.bias = weight, bias
        self.outputs = weight.shape[0]

    def __call__(self, rows: Tensor, workspace: Workspace) -> Tensor:
        """Convolve rows ``(h + 2, w + 2, C)`` to ``(h, w, K)``."""
        return F.conv2d(rows.permute(2, 0, 1)[None], self.weight, self.bias)[0].permute(1, 2, 0)


@dataclass(frozen=True)
class Layer:
    """A convolution and what surrounds its input, after ReLU; ``None``: has its padding."""

    conv: RowConv
    around: Tensor | None


def run_block(
    x: Tensor,
    layers: Sequence[Layer],
    size: tuple[int, int],
    margins: Margins,
    workers: Workers,
) -> Tensor:
    """Run the layers of a block, and its pooling if the size is even.

    Args:
        x: Shape ``(h, w, C)``.
        layers: Its layers.
        size: Rows and columns to compute.
        margins: By how much that exceeds the size of ``x``: left, right, top, bottom.
        workers: Each computes some of the rows.

    Returns:
        The map after ReLU, ``(rows, columns, K)``.
    """
    pool = 1 if size[0] % 2 or size[1] % 2 else 2
    height, width = size
    whole = x.new_empty(height // pool, width // pool, layers[-1].conv.outputs)
    longest = pool * max(stop - start for start, stop in workers.split(len(whole)))

    def job(start: int, stop: int, workspace: Workspace) -> None:
        stream = _part(x, layers, size, margins, (start * pool, stop * pool), longest, workspace)
        filled = start
        for rows in stream if pool == 1 else _pooled(stream):
            torch.clamp_min(rows, 0, out=whole[filled : filled + len(rows)])
            filled += len(rows)

    workers.run(job, len(whole))
    return whole


def _part(
    x: Tensor,
    layers: Sequence[Layer],
    size: tuple[int, int],
    margins: Margins,
    rows: Rows,
    longest: int,
    workspace: Workspace,
) -> Iterator[Tensor]:
    """Stream the given rows, no more than ``longest``, of the last layer's output."""
    height, width = size
    left, right, top, bottom = margins
    spans = [rows]
    for _ in layers[1:]:
        spans.insert(0, (max(0, spans[0][0] - 1), min(height, spans[0][1] + 1)))
    stream: Iterator[Tensor] = iter(())
    given, columns = (top, height - bottom), (left, width - right)
    for i, (layer, span) in enumerate(zip(layers, spans, strict=True)):
        if layer.around is None:
            stream = _sliced(layer.conv, x, span, workspace)
        else:
            if i == 0:
                given = max(given[0], span[0] - 1), min(given[1], span[1] + 1)
                stream = iter([x[given[0] - top : given[1] - top]])
            # The same in every part: the order of the weights in memory depends on it.
            high = _tile_rows(longest + 2 * (len(layers) - 1 - i), -(-width // STEP))
            stream = _convolved(layer, stream, span, given, columns, (high, width), workspace)
        given, columns = span, (0, width)
    return stream


def _sliced(conv: RowConv, x: Tensor, span: Rows, workspace: Workspace) -> Iterator[Tensor]:
    """Stream the convolution of a map that lies in memory and has its padding."""
    for start in range(*span, SLICE):
        yield conv(x[start : min(start + SLICE, span[1]) + 2], workspace)


def _convolved(
    layer: Layer,
    stream: Iterable[Tensor],
    span: Rows,
    given: Rows,
    columns: tuple[int, int],
    chunk: tuple[int, int],
    workspace: Workspace,
) -> Iterator[Tensor]:
    """Stream the rows ``span`` of the convolution of a stream of the rows ``given``.

    A ``chunk`` is the rows of tiles and the columns that are computed at a time.
    """
    around = layer.around
    if around is None:
        raise ValueError("a layer that reads a stream must know what surrounds it")
    high, width = chunk
    buffer = around.repeat(STEP * high + 2, STEP * -(-width // STEP) + 2, 1)
    inner = buffer[:, 1 + columns[0] : 1 + columns[1]]
    above, below = max(0, given[0] - span[0] + 1), max(0, span[1] + 1 - given[1])
    edges = [around.expand(n, columns[1] - columns[0], -1) for n in (above, below)]
    filled = 0
    for part in chain(edges[:1], stream, edges[1:]):
        rest = part
        while len(rest):
            taken = min(len(rest), len(buffer) - filled)
            torch.clamp_min(rest[:taken], 0, out=inner[filled : filled + taken])
            rest, filled = rest[taken:], filled + taken
            if filled == len(buffer):
                yield layer.conv(buffer, workspace)[:, :width]
                buffer[:2] = buffer[-2:]
                filled = 2
    if filled > 2:  # the rows below are old ones, and so are their results
        yield layer.conv(buffer, workspace)[: filled - 2, :width]


def _tile_rows(rows: int, wide: int) -> int:
    """Choose how many rows of ``wide`` tiles go into one call, such that few are wasted."""
    tall = -(-rows // STEP)
    calls = -(-tall // max(1, TILES // wide))
    return -(-tall // calls)


def _pooled(stream: Iterable[Tensor]) -> Iterator[Tensor]:
    """Stream the 2x2 maxima of a stream of even rows and columns."""
    for part in stream:
        rows = torch.maximum(part[0::2], part[1::2])
        yield torch.maximum(rows[:, 0::2], rows[:, 1::2])
