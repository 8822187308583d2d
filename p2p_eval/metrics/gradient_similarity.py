"""GMSD: gradient magnitude similarity deviation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from p2p_eval.metrics.filters import block_sum, image_mean
from p2p_eval.metrics.gray import gray
from p2p_eval.metrics.inputs import UINT8_PEAK, check_images, each_image
from p2p_eval.metrics.metric import Metric

__all__ = ["VARIANTS", "gmsd"]

T = 170.0

AT_ONCE = 1 << 18
"""Pixels of small images that are computed together on a CPU: few calls for many of them, which
threads hardly wait for, and few enough to stay in the cache."""

SMALLEST = 3
"""Below, what is left after reducing is one pixel, which has no deviation."""


@torch.no_grad()
def gmsd(
    x: Tensor, y: Tensor, *, peak: float | None = None, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Return the GMSD of each pair of images, in 0-1; lower is better, 0 if they are equal.

    MATLAB's gray in 0-255 is reduced to the means of 2×2 pixels. With the magnitudes of their
    gradients, ``gx`` and ``gy``, by Prewitt's filters, GMSD is the standard deviation, with N − 1,
    over all pixels of ``(2 gx gy + 170) / (gx² + gy² + 170)``. Beyond the border all is 0.

    Other packages: piq divides by N; pyiqa drops the last row and column of odd sizes, which MATLAB
    keeps.

    Args:
        x: Generated images, ``(N, 1, H, W)`` or ``(N, 3, H, W)``; uint8, float32 or float64; 3
            pixels a side at least.
        y: Real images, of the same shape, type and device.
        peak: The largest value that a pixel can have; required of floating images, 255 for uint8.
        dtype: What uint8 images are computed in; float32 is faster, to about 1e-7.

    Returns:
        float64, ``(N,)``.

    Raises:
        ValueError: The images or the peak are not as above.

    Source: Xue, Zhang, Mou, Bovik, *Gradient Magnitude Similarity Deviation: A Highly Efficient
    Perceptual Image Quality Index*, IEEE TIP 2014; ``GMSD.m`` of
    https://www4.comp.polyu.edu.hk/~cslzhang/IQA/GMSD/GMSD.htm.

    Example:
        >>> x = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
        >>> round(gmsd(x, x // 2).item(), 4)
        0.0034
    """
    peak = check_images(x, y, peak=peak, smallest=SMALLEST, dtype=dtype)
    # Sums stand for the means of 4 pixels and for Prewitt's thirds; T is scaled instead.
    constant = T * (peak / UINT8_PEAK * 4 * 3) ** 2

    def deviation(x: Tensor, y: Tensor) -> Tensor:
        # Bytes stay whole numbers up to the gradients: at most 12 · 255, which int16 holds.
        images = gray(torch.cat([x, y]), torch.int16)
        a, b = _squared_gradient(images, dtype).chunk(2)
        count = a[0].numel()
        # 1 - similarity deviates as much, in fewer steps.
        total = a + b
        difference = torch.sub(total, (a * b).sqrt_(), alpha=2) / total.add_(constant)
        difference -= image_mean(difference).view(-1, 1, 1, 1)
        return (image_mean(difference.square_()) * (count / (count - 1))).sqrt()

    return each_image(deviation, x, y, pixels=AT_ONCE)


def _squared_gradient(images: Tensor, dtype: torch.dtype) -> Tensor:
    """Reduce images, and square the magnitude of their gradient; integers become ``dtype``."""
    if images.dtype.is_floating_point:
        dtype = images.dtype
    height, width = images.shape[-2:]
    if height % 2 or width % 2:
        images = F.pad(images, (0, width % 2, 0, height % 2))
    padded = F.pad(block_sum(images, 2), (1, 1, 1, 1))
    columns = padded[..., :-2, :] + padded[..., 1:-1, :] + padded[..., 2:, :]
    rows = padded[..., :-2] + padded[..., 1:-1] + padded[..., 2:]
    across = (columns[..., 2:] - columns[..., :-2]).to(dtype)
    down = (rows[..., 2:, :] - rows[..., :-2, :]).to(dtype)
    return across.square_().addcmul_(down, down)


VARIANTS = (
    Metric(
        name="gmsd",
        better="lower",
        unit="",
        settings={
            "input": "uint8",
            "peak": "255",
            "channels": "rgb2gray",
            "t": "170",
            "deviation": "n-1",
            "precision": "float64",
        },
        measure=gmsd,
        smallest=SMALLEST,
        of_gray=True,
    ),
)
