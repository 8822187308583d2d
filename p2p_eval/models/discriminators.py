"""The paper's discriminator: the PatchGAN, which judges each patch of an image on its own.

Source: Isola et al. 2017, section 6.1.2; https://github.com/phillipi/pix2pix (``models.lua``). The
last two convolutions have stride 1, as in the code; with the text's 2 the fields that it states do
not come out.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from p2p_eval.models.layers import Norm, initialize, normalization

__all__ = ["PATCHES", "PatchGAN", "smallest_side"]

PATCHES = (1, 16, 34, 70, 142, 286, 574)
"""Receptive fields that there are, in pixels; the paper's are 1, 16, 70 and 286."""

SLOPE = 0.2  # of LeakyReLU
LIMIT = 8  # the widest layers have so many times the channels of the first


def smallest_side(patch: int) -> int:
    """Return the least power of two that an image's sides may have for a patch, 1 for pixels.

    Example:
        >>> smallest_side(70), smallest_side(286)
        (32, 128)
    """
    # The two convolutions of stride 1 each take one pixel off what the others leave.
    return 1 if patch == 1 else 4 << PATCHES.index(patch)


class PatchGAN(nn.Module):
    """Judges patches: ``(N, channels, H, W)`` in [-1, 1] to logits ``(N, 1, h, w)``.

    A logit's sigmoid is the probability that the patch is real; the paper's sigmoid is left to the
    loss, which is then exact where it saturates. Any size will do from :func:`smallest_side` up.

    Args:
        channels: Of the images: those of input and output together where it sees both.
        patch: Side of a patch, one of :data:`PATCHES`. The paper's: 1 is C64-C128 with filters of
            one pixel, 16 is C64-C128, 70 is C64-C128-C256-C512, 286 is
            C64-C128-C256-C512-C512-C512.
        width: Channels of the first layer.
        norm: ``batch``, ``instance`` or ``none``; the first layer has none.

    Raises:
        ValueError: There is no such patch or norm.

    Example:
        >>> sum(parameter.numel() for parameter in PatchGAN().parameters())
        2768705
        >>> import torch
        >>> PatchGAN(6, 70)(torch.zeros(1, 6, 256, 256)).shape
        torch.Size([1, 1, 30, 30])
    """

    def __init__(
        self, channels: int = 6, patch: int = 70, *, width: int = 64, norm: Norm = "batch"
    ) -> None:
        """Draw the initial weights from PyTorch's own generator."""
        super().__init__()
        if patch not in PATCHES:
            raise ValueError(f"got patch {patch}, expected one of {', '.join(map(str, PATCHES))}")
        halvings = PATCHES.index(patch)
        kernel, padding = (1, 0) if patch == 1 else (4, 1)
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        below = channels
        for layer in range(max(halvings + 1, 2)):
            out = width * min(1 << layer, LIMIT)
            stride = 2 if layer < halvings else 1
            bias = layer == 0 or norm != "batch"
            self.convs.append(nn.Conv2d(below, out, kernel, stride, padding, bias=bias))
            self.norms.append(normalization(norm, out) if layer else nn.Identity())
            below = out
        self.last = nn.Conv2d(below, 1, kernel, 1, padding, bias=patch != 1 or norm != "batch")
        initialize(self)

    def forward(self, images: Tensor, batches: int = 1) -> Tensor:
        """Judge every patch.

        Args:
            images: ``(N, channels, H, W)``.
            batches: How many batches of one size they are; norms take each on its own.
        """
        for conv, norm in zip(self.convs, self.norms, strict=True):
            y = conv(images)
            y = norm(y) if batches == 1 else torch.cat([norm(part) for part in y.chunk(batches)])
            images = F.leaky_relu(y, SLOPE, inplace=True)
        logits: Tensor = self.last(images)
        return logits
