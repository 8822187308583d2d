"""What generators and discriminators are made of.

Convolutions that halve and double, norms, dropout with a seed, initial weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "NORMS",
    "DoublingConv",
    "Dropout",
    "HalvingConv",
    "Norm",
    "TestMode",
    "fastest_layout",
    "initialize",
    "normalization",
    "power_of_two",
    "test_mode",
]

Norm = Literal["batch", "instance", "none"]
TestMode = Literal["paper", "eval"]

NORMS = ("batch", "instance", "none")
"""Names of the normalisations."""

STD = 0.02

KERNEL, STRIDE, PADDING = 4, 2, 1

SMALL = 64
"""Pixels up to which one product of matrices is faster on a CPU than a convolution."""

WIDE = 32
"""Channels of the first layer from which channels last is slower on a CPU."""


class HalvingConv(nn.Conv2d):
    """The paper's convolution, 4×4 with stride 2: ``(N, C, 2H, 2W)`` to ``(N, C', H, W)``."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        """Make one between so many channels."""
        super().__init__(inputs, outputs, KERNEL, STRIDE, PADDING, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        count, _, height, width = x.shape
        if not _small(x, self.weight, count * height * width // 4):
            return super().forward(x)
        patches = F.unfold(x, KERNEL, padding=PADDING, stride=STRIDE)
        y = patches.transpose(1, 2) @ self.weight.flatten(1).t()
        y = y.transpose(1, 2).view(count, -1, height // 2, width // 2)
        return y if self.bias is None else y + self.bias[:, None, None]


class DoublingConv(nn.ConvTranspose2d):
    """The same transposed: ``(N, C, H, W)`` to ``(N, C', 2H, 2W)``."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        """Make one between so many channels."""
        super().__init__(inputs, outputs, KERNEL, STRIDE, PADDING, bias=bias)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """Convolve."""
        count, _, height, width = x.shape
        if not _small(x, self.weight, count * height * width):
            return super().forward(x)
        patches = x.flatten(2).transpose(1, 2) @ self.weight.flatten(1)
        size = (2 * height, 2 * width)
        y = F.fold(patches.transpose(1, 2), size, KERNEL, padding=PADDING, stride=STRIDE)
        return y if self.bias is None else y + self.bias[:, None, None]


def _small(x: Tensor, weight: Tensor, pixels: int) -> bool:
    """Whether a map has so few pixels that a CPU's convolution mostly reorders weights."""
    return x.device.type == "cpu" and pixels <= SMALL and weight.is_contiguous()


def fastest_layout(network: nn.Module, device: torch.device | str) -> torch.memory_format:
    """Return how weights and images should lie in memory.

    On a CPU channels come last where layers are narrow; wide ones would pay for it with the
    gradients of their weights, and with copies in the optimiser.
    """
    width = len(next(network.parameters()))
    wide = torch.device(device).type == "cpu" and width >= WIDE
    return torch.contiguous_format if wide else torch.channels_last


def normalization(kind: Norm, channels: int) -> nn.Module:
    """Return a normalisation of so many channels.

    Raises:
        ValueError: There is none of that name.
    """
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "instance":
        return nn.InstanceNorm2d(channels)
    if kind == "none":
        return nn.Identity()
    raise ValueError(f"got norm {kind!r}, expected one of {', '.join(NORMS)}")


class Dropout(nn.Module):
    """Zeroes each activation with probability ½ while training, and doubles the others.

    Attributes:
        generator: Where its random numbers come from; None is PyTorch's own generator.
    """

    generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` with half of it dropped, or as it is in evaluation mode."""
        if not self.training:
            return x
        if self.generator is None:
            return nn.functional.dropout(x, 0.5)
        mask = torch.empty_like(x).bernoulli_(0.5, generator=self.generator)
        return x * mask.mul_(2)


@torch.no_grad()
def initialize(network: nn.Module, generator: torch.Generator | None = None) -> None:
    """Draw the paper's initial weights: N(0, 0.02), norms' factors N(1, 0.02), biases 0.

    Args:
        network: Generator or discriminator; changed in place.
        generator: Where the numbers come from; PyTorch's own by default.
    """
    for module in network.modules():
        if any(weight.is_meta for weight in module.parameters(recurse=False)):
            continue  # it has a shape only, as where weights come from a file
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.weight.normal_(0, STD, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.normal_(1, STD, generator=generator)
        else:
            continue
        if module.bias is not None:
            module.bias.zero_()


@contextmanager
def test_mode(network: nn.Module, mode: TestMode) -> Iterator[None]:
    """Put a network into one of the two ways in which trained generators are run.

    ``paper``: as in training, with dropout and with the statistics of the batch at hand, which
    leaves the running statistics as they are. ``eval``: without dropout, with the running
    statistics.

    Raises:
        ValueError: There is no such mode.

    Source: Isola et al. 2017, section 3.3 ("Inference").
    """
    if mode not in ("paper", "eval"):
        raise ValueError(f"got test mode {mode!r}, expected paper or eval")
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    training, tracked = network.training, [norm.track_running_stats for norm in norms]
    network.train(mode == "paper")
    for norm in norms:
        norm.track_running_stats = False  # they are used in eval mode all the same
    try:
        yield
    finally:
        network.train(training)
        for norm, tracks in zip(norms, tracked, strict=True):
            norm.track_running_stats = tracks


test_mode.__test__ = False  # type: ignore[attr-defined]  # pytest takes it for a test


def power_of_two(size: int) -> int:
    """Return the exponent of a power of two that is 64 or more.

    Raises:
        ValueError: It is none.
    """
    exponent = int(math.log2(size)) if size > 0 else 0
    if size < 64 or size != 1 << exponent:
        raise ValueError(f"got size {size}, expected a power of two from 64 up")
    return exponent
