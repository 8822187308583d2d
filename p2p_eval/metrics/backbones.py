"""The three networks under LPIPS, up to the layers whose activations it compares.

AlexNet (Krizhevsky, *One weird trick for parallelizing convolutional networks*, 2014), VGG-16
(Simonyan and Zisserman, ICLR 2015) and SqueezeNet 1.1 (Iandola et al., 2016), with the layers'
names and sizes of torchvision's ``features``, and the taps of
https://github.com/richzhang/PerceptualSimilarity (``lpips/pretrained_networks.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Literal, NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from p2p_eval.metrics.tiles import FEW_3, FEW_5, MANY_3, TiledConv, Transform

__all__ = ["BACKBONES", "Backbone", "BackboneName", "Conv", "Fire", "Network", "Pool"]

BackboneName = Literal["alex", "vgg", "squeeze"]

T = TypeVar("T")

Maps = Iterable[Tensor]
"""Maps of one size, ``(1, C, H, W)`` each; none depends on another."""

WIDE = 64  # input channels from which Winograd's products outweigh its transforms


class Conv(NamedTuple):
    """A convolution with bias, followed by ReLU."""

    name: str
    inputs: int
    outputs: int
    kernel: int
    stride: int = 1
    padding: int = 0


class Pool(NamedTuple):
    """A maximum over ``size`` × ``size`` pixels, every second pixel."""

    size: int
    ceil: bool = False


class Fire(NamedTuple):
    """SqueezeNet's module: a 1×1 convolution, then a 1×1 and a 3×3 side by side."""

    squeeze: Conv
    narrow: Conv
    wide: Conv


def _fire(name: str, inputs: int, squeezed: int, expanded: int) -> Fire:
    return Fire(
        Conv(f"{name}.squeeze", inputs, squeezed, 1),
        Conv(f"{name}.expand1x1", squeezed, expanded, 1),
        Conv(f"{name}.expand3x3", squeezed, expanded, 3, padding=1),
    )


Layer = Conv | Pool | Fire


class Backbone(NamedTuple):
    """A network's layers; LPIPS takes what each stage ends with.

    Attributes:
        weights: Name of the class of torchvision's weights.
        smallest: Fewest pixels of a side, below which a layer is left without input.
        transforms: For convolutions of many channels on a CPU, one a width of kernel.
        stages: The layers, tap by tap.
    """

    weights: str
    smallest: int
    transforms: tuple[Transform, ...]
    stages: tuple[tuple[Layer, ...], ...]

    def convolutions(self) -> Iterator[Conv]:
        """All convolutions, in order."""
        for stage in self.stages:
            for layer in stage:
                if isinstance(layer, Conv):
                    yield layer
                elif isinstance(layer, Fire):
                    yield from layer

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor of weights, by torchvision's names."""
        shapes: dict[str, tuple[int, ...]] = {}
        for conv in self.convolutions():
            kernel = (conv.outputs, conv.inputs, conv.kernel, conv.kernel)
            shapes[f"features.{conv.name}.weight"] = kernel
            shapes[f"features.{conv.name}.bias"] = (conv.outputs,)
        return shapes

    def channels(self) -> tuple[int, ...]:
        """Number of channels of each tap.

        Example:
            >>> BACKBONES["alex"].channels()
            (64, 192, 384, 256, 256)
        """
        last = [stage[-1] for stage in self.stages]
        return tuple(
            2 * layer.wide.outputs if isinstance(layer, Fire) else layer.outputs
            for layer in last
            if not isinstance(layer, Pool)
        )


BACKBONES: dict[BackboneName, Backbone] = {
    "alex": Backbone(
        "AlexNet_Weights",
        31,
        (FEW_3, FEW_5),
        (
            (Conv("0", 3, 64, 11, stride=4, padding=2),),
            (Pool(3), Conv("3", 64, 192, 5, padding=2)),
            (Pool(3), Conv("6", 192, 384, 3, padding=1)),
            (Conv("8", 384, 256, 3, padding=1),),
            (Conv("10", 256, 256, 3, padding=1),),
        ),
    ),
    "vgg": Backbone(
        "VGG16_Weights",
        16,
        (MANY_3,),
        tuple(
            (
                *([Pool(2)] if stage else []),
                *(
                    Conv(str(name), inputs, outputs, 3, padding=1)
                    for name, inputs, outputs in convolutions
                ),
            )
            for stage, convolutions in enumerate(
                (
                    ((0, 3, 64), (2, 64, 64)),
                    ((5, 64, 128), (7, 128, 128)),
                    ((10, 128, 256), (12, 256, 256), (14, 256, 256)),
                    ((17, 256, 512), (19, 512, 512), (21, 512, 512)),
                    ((24, 512, 512), (26, 512, 512), (28, 512, 512)),
                )
            )
        ),
    ),
    "squeeze": Backbone(
        "SqueezeNet1_1_Weights",
        17,
        (FEW_3,),
        (
            (Conv("0", 3, 64, 3, stride=2),),
            (Pool(3, ceil=True), _fire("3", 64, 16, 64), _fire("4", 128, 16, 64)),
            (Pool(3, ceil=True), _fire("6", 128, 32, 128), _fire("7", 256, 32, 128)),
            (Pool(3, ceil=True), _fire("9", 256, 48, 192)),
            (_fire("10", 384, 48, 192),),
            (_fire("11", 384, 64, 256),),
            (_fire("12", 512, 64, 256),),
        ),
    ),
}


class Network:
    """A backbone with its weights: images in, what is wanted of the activations of each tap out.

    Args:
        backbone: Its layers.
        weights: Its tensors by torchvision's names, float32, on one device.

    Example:
        >>> alex = BACKBONES["alex"]
        >>> network = Network(alex, {key: torch.zeros(size) for key, size in alex.shapes().items()})
        >>> network([torch.zeros(1, 3, 31, 47)], lambda stage, tap: tuple(tap.shape[1:]))
        [((64, 7, 11), (192, 3, 5), (384, 1, 2), (256, 1, 2), (256, 1, 2))]
    """

    def __init__(self, backbone: Backbone, weights: Mapping[str, Tensor]) -> None:
        """Order the weights as the convolutions read them."""
        self.backbone = backbone
        self._convolutions: dict[str, Callable[[Maps], Maps]] = {}
        transforms = {transform.taps: transform for transform in backbone.transforms}
        for conv in backbone.convolutions():
            weight, bias = (weights[f"features.{conv.name}.{part}"] for part in ("weight", "bias"))
            tiled = weight.device.type == "cpu" and conv.stride == 1 and conv.inputs >= WIDE
            if tiled and conv.kernel in transforms:
                transform = transforms[conv.kernel]
                self._convolutions[conv.name] = TiledConv(weight, bias, transform)
            else:
                self._convolutions[conv.name] = partial(map, _direct(conv, weight, bias))

    def __call__(self, images: Maps, tap: Callable[[int, Tensor], T]) -> list[tuple[T, ...]]:
        """Run the network.

        As far as a layer takes one image after the other, the next one gets each at once, while it
        is in the cache.

        Args:
            images: Of one size, ``(1, 3, H, W)`` each.
            tap: Of the number of a stage and its activations of one image, ``(1, C, h, w)`` after
                ReLU, to what is kept of them.

        Returns:
            For each image what was kept of each stage. None depends on another image.
        """
        kept: list[list[T]] = []
        maps = images
        for number, stage in enumerate(self.backbone.stages):
            for layer in stage:
                maps = self._layer(layer, maps)
            kept.append([])
            maps = _tapped(maps, partial(tap, number), kept[-1])
        for _ in maps:
            pass
        return list(zip(*kept, strict=True))

    def _layer(self, layer: Layer, maps: Maps) -> Maps:
        if isinstance(layer, Pool):
            pool = partial(F.max_pool2d, kernel_size=layer.size, stride=2, ceil_mode=layer.ceil)
            return map(pool, maps)
        if isinstance(layer, Conv):
            return self._convolutions[layer.name](maps)
        squeezed = list(self._convolutions[layer.squeeze.name](maps))
        sides = (self._convolutions[side.name](squeezed) for side in (layer.narrow, layer.wide))
        return (torch.cat(both, 1) for both in zip(*sides, strict=True))


def _tapped(maps: Maps, tap: Callable[[Tensor], T], kept: list[T]) -> Maps:
    for activations in maps:
        kept.append(tap(activations))
        yield activations


def _direct(conv: Conv, weight: Tensor, bias: Tensor) -> Callable[[Tensor], Tensor]:
    weight = weight.contiguous(memory_format=torch.channels_last)
    onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    padding, stride, dilation = [conv.padding] * 2, [conv.stride] * 2, [1, 1]

    def convolve(x: Tensor) -> Tensor:
        if x.device.type != "cpu" or not onednn:
            return F.conv2d(x, weight, bias, conv.stride, conv.padding).relu_()
        # F.conv2d sends small maps to other code, whose rounding depends on the number of threads.
        return torch.mkldnn_convolution(x, weight, bias, padding, stride, dilation, 1).relu_()

    return convolve
