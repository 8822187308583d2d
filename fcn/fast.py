"""FCN-8s on the CPU with a fraction of the arithmetic, and the same scores.

Three things save work, none of them an approximation: the border that does not depend on the
image is computed once (:mod:`fcn.border`), wide convolutions are Winograd's
(:mod:`fcn.winograd`), and each block runs over a few rows at a time, so that its large maps
never leave the processor's caches.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcn.border import Border, Window, frame_length, stretch, windows
from fcn.network import BLOCKS, CROP_POOL3, CROP_POOL4, CROP_SCORE, PAD, FCN8s, crop
from fcn.rows import DirectConv, Layer, Margins, run_block
from fcn.winograd import GroupedProduct, ToomCook, WinogradConv
from fcn.workers import Workers

__all__ = ["FastFCN8s"]

F43 = ToomCook(4, 3, (1.0, 0.625))  # of the second points tried, the least rounding
F27 = ToomCook(2, 7, (1.0, 2.0, 0.5))
WIDE = 64  # channels from which Winograd's products outweigh its transforms …
WIDE_NETWORK = 256  # … in networks whose widest 3x3 convolution has so many: others are short
FC6_TILES = 600  # a call of fc6, whose transformed weights are 537 MB to read
NO_MARGINS = (0, 0, 0, 0)
BORDERS = 8  # kept, one for each way in which a frame's size falls on the poolings


class FastFCN8s:
    """The scores of an :class:`~fcn.network.FCN8s`, faster, on the CPU in float32.

    Rounding differs from the plain network's, by less than 1e-4 of the largest score. One call
    runs at a time.

    Args:
        model: The network, on the CPU, in float32. The model may be freed afterwards; changes
            of its weights are not followed.
        winograd: Whether layers of 64 or more channels are Winograd's, and frames run one by
            one. By default where that is faster: from 256 channels in the widest 3x3 layer.

    Raises:
        ValueError: The model is not in float32 on the CPU.

    Example:
        >>> from fcn.network import FULL_WIDTHS
        >>> slim = FCN8s(widths=dict.fromkeys(FULL_WIDTHS, 4)).eval()
        >>> images = torch.rand(2, 3, 40, 56) * 255 - 128
        >>> bool(torch.allclose(FastFCN8s(slim)(images), slim(images), atol=1e-4))
        True
    """

    @torch.inference_mode()
    def __init__(self, model: FCN8s, winograd: bool | None = None) -> None:
        """Keep the weights; those of wide layers are transformed by the first call."""
        self._lock = threading.Lock()
        self._workers = Workers()
        self._borders: dict[tuple[int, int], Border] = {}
        self._layers: dict[str, tuple[Tensor, Tensor]] = {}
        self._wide: dict[str, WinogradConv] = {}
        self._wide_fc7: GroupedProduct | None = None
        self._ups = {
            name: layer.weight.detach().clone(memory_format=torch.channels_last)
            for name, layer in model.named_children()
            if isinstance(layer, nn.ConvTranspose2d)
        }
        if winograd is None:
            layers = [name for block in BLOCKS for name in block]
            winograd = max(model.widths[name] for name in layers) >= WIDE_NETWORK
        for name, layer in model.named_children():
            if not isinstance(layer, nn.Conv2d):
                continue
            weight, bias = layer.weight.detach(), layer.bias
            if bias is None or weight.dtype != torch.float32 or weight.device.type != "cpu":
                raise ValueError(
                    f"layer {name} is {weight.dtype} on {weight.device}, "
                    "expected float32 on cpu: call .float().cpu() on the model first"
                )
            self._add(name, weight, bias.detach(), winograd)

    def _add(self, name: str, weight: Tensor, bias: Tensor, winograd: bool) -> None:
        winograd = winograd and min(weight.shape[:2]) >= WIDE
        if name == "fc7_cs" and winograd:
            self._wide_fc7 = GroupedProduct(
                lambda: weight[None, :, :, 0, 0], bias[None], weight.shape[1]
            )
        elif name == "fc6_cs" and winograd:
            self._wide[name] = WinogradConv(weight, bias, F27, block=64)
        else:
            if weight.shape[2] == 3 and winograd:
                self._wide[name] = WinogradConv(weight, bias, F43)
            self._layers[name] = weight.clone(memory_format=torch.channels_last), bias.clone()

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Score every pixel of every class.

        Args:
            images: What :func:`~fcn.network.preprocess` returns, float32, ``(N, 3, H, W)``.

        Returns:
            Scores before any softmax, shape ``(N, outputs, H, W)``.

        Raises:
            ValueError: Another type or shape.
        """
        if images.dtype != torch.float32 or images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(
                f"got {images.dtype} images of shape {tuple(images.shape)}, "
                "expected float32 of shape (N, 3, H, W)"
            )
        with self._lock:
            if self._wide:
                return torch.cat([self._scores(image[None]) for image in images])
            return self._scores(images)

    def _scores(self, images: Tensor) -> Tensor:
        high, wide = images.shape[-2:]
        rows, columns = windows(high), windows(wide)
        border = self._border(frame_length(high), frame_length(wide))
        x = _padded(images, rows[0], columns[0])
        around: Tensor | None = None  # conv1_1 has its padding
        margins = NO_MARGINS
        skips = []
        # No pooled map is kept for longer than it takes: pool1 alone has 135 MB.
        for block, row, column in zip(BLOCKS[:4], rows, columns, strict=True):
            outside: list[Tensor | None] = [around, *(border.constants[name] for name in block)]
            if block is not BLOCKS[0]:
                margins = (*column.grown, *row.grown)
            x = self._block(x, block, (row.length, column.length), outside, margins)
            around = outside[-1]
            if block is BLOCKS[2]:
                score3 = self._conv("score_pool3", border.pool3)
                score3 = stretch(score3, row.pooled.size, column.pooled.size)
                skips.append(_pasted(score3, self._conv("score_pool3", x), row, column))
        x = _pasted(stretch(border.pool4, row.pooled.size, column.pooled.size), x, row, column)
        skips.append(self._conv("score_pool4", x))

        nothing = [x.new_zeros(self._layers[name][0].shape[1]) for name in BLOCKS[4]]
        x = self._block(x, BLOCKS[4], (x.shape[2], x.shape[3]), nothing, NO_MARGINS)
        x = self._fc6(x)
        x = self._conv("score_fr", self._fc7(x))
        return self._decode(x, skips[1], skips[0], (high, wide))

    def _border(self, height: int, width: int) -> Border:
        key = height, width
        if key not in self._borders:
            while len(self._borders) >= BORDERS:
                del self._borders[next(iter(self._borders))]
            self._borders[key] = Border.of(self._layers, height, width)
        return self._borders[key]

    def _conv(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self._layers[name]
        return F.conv2d(x, weight, bias)

    def _block(
        self,
        x: Tensor,
        names: tuple[str, ...],
        size: tuple[int, int],
        around: Sequence[Tensor | None],
        margins: Margins,
    ) -> Tensor:
        """Run a block; ``around`` is what surrounds the input of each layer.

        ``margins`` is by how much the computed size exceeds that of ``x``.
        """
        if not self._wide:
            for name, constant in zip(names, around, strict=False):
                x = F.relu(self._conv(name, _framed(x, constant, margins)), inplace=True)
                margins = NO_MARGINS
            return F.max_pool2d(x, 2, 2, ceil_mode=True)
        layers = [
            Layer(self._wide.get(name) or DirectConv(*self._layers[name]), constant)
            for name, constant in zip(names, around, strict=False)
        ]
        whole = run_block(x[0].permute(1, 2, 0), layers, size, margins, self._workers)
        x = whole.permute(2, 0, 1)[None]
        return F.max_pool2d(x, 2, 2, ceil_mode=True) if size[0] % 2 or size[1] % 2 else x

    def _fc6(self, x: Tensor) -> Tensor:
        conv = self._wide.get("fc6_cs")
        if conv is None:
            return F.relu(self._conv("fc6_cs", x), inplace=True)
        high, wide = x.shape[2] - 6, x.shape[3] - 6
        tall, broad = -(-high // 2), -(-wide // 2)
        step = -(-tall // -(-tall * broad // FC6_TILES))
        calls = -(-tall // step)
        rows = x.new_zeros(2 * calls * step + 6, 2 * broad + 6, x.shape[1])
        rows[: high + 6, : wide + 6] = x[0].permute(1, 2, 0)
        result = x.new_empty(2 * calls * step, wide, conv.outputs)
        for start in range(0, len(result), 2 * step):
            part = conv.shared(rows[start : start + 2 * step + 6], self._workers)[:, :wide]
            torch.clamp_min(part, 0, out=result[start : start + 2 * step])
        return result[:high].permute(2, 0, 1)[None]

    def _fc7(self, x: Tensor) -> Tensor:
        if self._wide_fc7 is None:
            return F.relu(self._conv("fc7_cs", x), inplace=True)
        pixels = x[0].permute(1, 2, 0).reshape(-1, 1, x.shape[1])
        result = F.relu(self._wide_fc7(pixels), inplace=True)
        return result.view(x.shape[2], x.shape[3], -1).permute(2, 0, 1)[None]

    def _decode(self, x: Tensor, score4: Tensor, score3: Tensor, size: tuple[int, int]) -> Tensor:
        x = F.conv_transpose2d(x, self._ups["upscore2"], stride=2)
        x = x + crop(score4, CROP_POOL4, x.shape[-2:])
        x = F.conv_transpose2d(x, self._ups["upscore_pool4"], stride=2)
        x = x + crop(score3, CROP_POOL3, x.shape[-2:])
        x = F.conv_transpose2d(x, self._ups["upscore8"], stride=8)
        return crop(x, CROP_SCORE, size)


def _padded(images: Tensor, row: Window, column: Window) -> Tensor:
    """Cut or zero-pad images to what ``conv1_1`` needs for its window, channels last."""
    high, wide = images.shape[-2:]
    left, right = PAD - column.start, column.stop - (PAD - 2) - wide
    top, bottom = PAD - row.start, row.stop - (PAD - 2) - high
    padded = F.pad(images, (left, right, top, bottom))
    return padded.contiguous(memory_format=torch.channels_last)


def _framed(x: Tensor, around: Tensor | None, margins: Margins) -> Tensor:
    """Add margins of ``around`` and one pixel more; nothing where there is none."""
    if around is None:
        return x
    left, right, top, bottom = margins
    count, channels, high, wide = x.shape
    framed = around.view(-1, 1, 1).expand(
        count, channels, top + high + bottom + 2, left + wide + right + 2
    )
    framed = framed.contiguous(memory_format=torch.channels_last)
    framed[..., top + 1 : top + 1 + high, left + 1 : left + 1 + wide] = x
    return framed


def _pasted(border: Tensor, x: Tensor, row: Window, column: Window) -> Tensor:
    """Put ``x``, the pooled window of each image, into the border ``(1, C, h, w)``."""
    rows, columns = row.pooled, column.pooled
    whole = border.expand(len(x), -1, -1, -1).contiguous(memory_format=torch.channels_last)
    whole[..., rows.start : rows.stop, columns.start : columns.stop] = x
    return whole
