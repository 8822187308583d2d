"""The generators of junyanz/pytorch-CycleGAN-and-pix2pix, built anew from their published layout.

Only the nesting of the modules, which gives the names in the files, and their arithmetic are that
repository's: in-place activations inside nested blocks, the skip being what an in-place LeakyReLU
has left of the block's input.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Norm = Callable[[int], nn.Module]


class Same(nn.Module):
    """What stands where a norm would."""

    def forward(self, x: Tensor) -> Tensor:
        return x


NORMS: dict[str, Norm] = {
    "batch": lambda channels: nn.BatchNorm2d(channels, affine=True, track_running_stats=True),
    "instance": lambda channels: nn.InstanceNorm2d(
        channels, affine=False, track_running_stats=False
    ),
    "none": lambda channels: Same(),
}


class SkipBlock(nn.Module):
    """Convolution down, the inner block, convolution up; its input is put before the result."""

    def __init__(
        self,
        around: int,
        inside: int,
        norm: str,
        inner: SkipBlock | None = None,
        ends: tuple[int, int] | None = None,
        dropout: bool = False,
    ) -> None:
        super().__init__()
        bias = norm == "instance"
        self.outermost = ends is not None
        inputs, outputs = ends or (around, around)
        down = nn.Conv2d(inputs, inside, 4, 2, 1, bias=bias)
        leaky, relu = nn.LeakyReLU(0.2, inplace=True), nn.ReLU(inplace=True)
        seen = inside if inner is None else 2 * inside
        up = nn.ConvTranspose2d(seen, outputs, 4, 2, 1, bias=bias or self.outermost)
        parts: list[nn.Module]
        if ends is not None and inner is not None:
            parts = [down, inner, relu, up, nn.Tanh()]
        elif inner is None:
            parts = [leaky, down, relu, up, NORMS[norm](around)]
        else:
            parts = [leaky, down, NORMS[norm](inside), inner, relu, up, NORMS[norm](around)]
            if dropout:
                parts.append(nn.Dropout(0.5))
        self.model = nn.Sequential(*parts)

    def forward(self, x: Tensor) -> Tensor:
        if self.outermost:
            return self.model(x)
        return torch.cat([x, self.model(x)], 1)


class UNet(nn.Module):
    """``unet_128`` has 7 levels, ``unet_256`` has 8."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        levels: int,
        width: int = 64,
        norm: str = "batch",
        dropout: bool = False,
    ) -> None:
        super().__init__()
        wide = 8 * width
        block = SkipBlock(wide, wide, norm)
        for _ in range(levels - 5):
            block = SkipBlock(wide, wide, norm, block, dropout=dropout)
        for factor in (4, 2, 1):
            block = SkipBlock(factor * width, 2 * factor * width, norm, block)
        self.model = SkipBlock(outputs, width, norm, block, ends=(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class ResnetBlock(nn.Module):
    """Two padded convolutions, added to what they were given."""

    def __init__(self, channels: int, norm: str, dropout: bool) -> None:
        super().__init__()
        bias = norm == "instance"
        parts: list[nn.Module] = [
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=bias),
            NORMS[norm](channels),
            nn.ReLU(True),
        ]
        if dropout:
            parts.append(nn.Dropout(0.5))
        parts += [
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=bias),
            NORMS[norm](channels),
        ]
        self.conv_block = nn.Sequential(*parts)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class Resnet(nn.Module):
    """``resnet_9blocks`` and ``resnet_6blocks``."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        blocks: int,
        width: int = 64,
        norm: str = "batch",
        dropout: bool = False,
    ) -> None:
        super().__init__()
        bias = norm == "instance"
        make = NORMS[norm]
        parts: list[nn.Module] = [
            nn.ReflectionPad2d(3),
            nn.Conv2d(inputs, width, 7, bias=bias),
            make(width),
            nn.ReLU(True),
        ]
        for n in (width, 2 * width):
            parts += [nn.Conv2d(n, 2 * n, 3, 2, 1, bias=bias), make(2 * n), nn.ReLU(True)]
        parts += [ResnetBlock(4 * width, norm, dropout) for _ in range(blocks)]
        for n in (4 * width, 2 * width):
            parts += [
                nn.ConvTranspose2d(n, n // 2, 3, 2, 1, output_padding=1, bias=bias),
                make(n // 2),
                nn.ReLU(True),
            ]
        parts += [nn.ReflectionPad2d(3), nn.Conv2d(width, outputs, 7), nn.Tanh()]
        self.model = nn.Sequential(*parts)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


@torch.no_grad()
def randomize(network: nn.Module, seed: int = 0) -> None:
    """Draw weights and running statistics that let every tensor matter, in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            fan = module.weight[0].numel() if isinstance(module, nn.Conv2d) else 4
            module.weight.normal_(0, fan**-0.5, generator=generator)
            if module.bias is not None:
                module.bias.normal_(0, 0.3, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.uniform_(0.5, 1.5, generator=generator)
            module.bias.normal_(0, 0.3, generator=generator)
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            module.num_batches_tracked.fill_(12345)
    network.eval()
