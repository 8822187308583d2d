"""Gray as MATLAB's ``rgb2gray`` makes it, which the authors of SSIM and GMSD apply first."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["LUMA", "gray"]

LUMA = (0.298936021293775, 0.587043074451121, 0.114020904255103)
"""Weights of red, green and blue, ``inv([1 .956 .621; 1 -.272 -.647; 1 -1.106 1.703])``, row 1.

In full, as MATLAB has them: with six digits a pixel here and there is rounded the other way.
"""

FIXED_POINT = 22
FIXED_LUMA = tuple(round(weight * 2**FIXED_POINT) for weight in LUMA)
"""The weights in fixed point: of all 2**24 colours, each is rounded as with the weights in full."""


def gray(images: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return the luma of images; what has one channel is gray already.

    Args:
        images: ``(N, 3, H, W)`` RGB or ``(N, 1, H, W)``; uint8, float32 or float64.
        dtype: The type of the result for uint8 images, floating or of integers. Floating images
            keep theirs.

    Returns:
        ``(N, 1, H, W)`` in the units of the input. Of uint8 images these are whole numbers, rounded
        exactly whatever ``dtype`` is; floating images are not rounded, as in MATLAB.

    Source: MATLAB's ``rgb2gray``, https://www.mathworks.com/help/matlab/ref/rgb2gray.html.

    Example:
        >>> pixel = torch.tensor([10, 20, 40], dtype=torch.uint8).view(1, 3, 1, 1)
        >>> gray(pixel).item()  # of 19.29
        19.0
    """
    if images.dtype == torch.uint8:
        return (images if images.shape[1] == 1 else _weigh_integers(images)).to(dtype)
    return images if images.shape[1] == 1 else _weigh(images)


def _weigh(images: Tensor) -> Tensor:
    red, green, blue = (images[:, i : i + 1] for i in range(3))
    return (red * LUMA[0]).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])


def _weigh_integers(images: Tensor) -> Tensor:
    red, green, blue = (images[:, i : i + 1] for i in range(3))
    luma = red.to(torch.int32).mul_(FIXED_LUMA[0])
    luma.add_(green, alpha=FIXED_LUMA[1]).add_(blue, alpha=FIXED_LUMA[2])
    # A half more, and what is below 1 dropped.
    return luma.add_(1 << (FIXED_POINT - 1)).bitwise_right_shift_(FIXED_POINT)
