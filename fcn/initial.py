"""What the weights are before training: He initialisation and bilinear deconvolutions.

Sources: He, Zhang, Ren, Sun, *Delving Deep into Rectifiers*, ICCV 2015; Long, Shelhamer, Darrell,
CVPR 2015 (score layers start at zero, deconvolutions as bilinear interpolation).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fcn.network import FCN8s

__all__ = ["bilinear", "initialize"]


def bilinear(channels: int, size: int) -> Tensor:
    """Return deconvolution weights that upsample each channel bilinearly by ``size / 2``.

    Args:
        channels: Channels in and out; none is mixed with another.
        size: Even side of the kernel.

    Returns:
        float32, shape ``(channels, channels, size, size)``.

    Example:
        >>> bilinear(1, 4)[0, 0, 0].tolist()
        [0.0625, 0.1875, 0.1875, 0.0625]
    """
    factor = size / 2
    line = 1 - (torch.arange(size) + 0.5 - factor).abs() / factor
    weight = torch.zeros(channels, channels, size, size)
    weight[range(channels), range(channels)] = torch.outer(line, line)
    return weight


@torch.no_grad()
def initialize(model: FCN8s) -> None:
    """Set every convolution and deconvolution of a network, from torch's own random generator."""
    for name, module in model.named_children():
        if isinstance(module, nn.ConvTranspose2d):
            module.weight.copy_(bilinear(model.outputs, module.kernel_size[0]))
        elif isinstance(module, nn.Conv2d):
            if name.startswith("score"):
                nn.init.zeros_(module.weight)
            else:
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
