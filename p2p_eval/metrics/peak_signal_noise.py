"""PSNR: peak signal-to-noise ratio."""

from __future__ import annotations

import cv2
import torch
from torch import Tensor

from p2p_eval.metrics.filters import image_mean
from p2p_eval.metrics.inputs import UINT8_PEAK, check_images, each_image
from p2p_eval.metrics.metric import Metric

__all__ = ["VARIANTS", "psnr"]

WIDEST_OF_FLOAT32 = 2**24 // int(UINT8_PEAK) ** 2
"""Pixels of a row whose squared differences have an exact sum in float32."""


@torch.no_grad()
def psnr(x: Tensor, y: Tensor, *, peak: float | None = None) -> Tensor:
    """Return the PSNR of each pair of images, in dB; higher is better, infinity if they are equal.

    ``10 log10(peak² / MSE)``, with the mean squared error over all pixels and channels of one
    image. That of uint8 images is exact: all sums are of whole numbers that the type can hold.

    Other packages: torchmetrics pools the squared error over the batch by default; pyiqa and piq
    add 1e-8 to the error, so that equal images have 80 dB.

    Args:
        x: Generated images, ``(N, 1, H, W)`` or ``(N, 3, H, W)``; uint8, float32 or float64.
        y: Real images, of the same shape, type and device.
        peak: The largest value that a pixel can have; required of floating images, 255 for uint8.

    Returns:
        float64, ``(N,)``.

    Raises:
        ValueError: The images or the peak are not as above.

    Source: the definition; on uint8, MATLAB's ``psnr`` and scikit-image's
    ``peak_signal_noise_ratio``.

    Example:
        >>> x = torch.full((1, 3, 8, 8), 100, dtype=torch.uint8)
        >>> round(psnr(x, x + 1).item(), 4)
        48.1308
    """
    peak = check_images(x, y, peak=peak)
    if x.dtype != torch.uint8:
        errors = each_image(_mean_squares, x, y)
    elif x.device.type == "cpu":
        errors = torch.tensor([*map(_mean_square_by_opencv, x, y)], dtype=torch.float64)
    else:
        errors = _mean_squares_on_gpu(x, y)
    return 10 * torch.log10(peak**2 / errors)


def _mean_squares(x: Tensor, y: Tensor) -> Tensor:
    return image_mean((x - y).to(torch.float64).square_())


def _mean_square_by_opencv(x: Tensor, y: Tensor) -> float:
    first, second = (image.reshape(1, -1).numpy() for image in (x, y))
    total = cv2.norm(first, second, cv2.NORM_L2SQR)  # a whole number, but for the root's rounding
    return round(total) / x.numel()


def _mean_squares_on_gpu(x: Tensor, y: Tensor) -> Tensor:
    row_sum = torch.float32 if x.shape[3] <= WIDEST_OF_FLOAT32 else torch.float64
    squares = x.to(torch.float32).sub_(y).square_()
    return squares.sum(3, dtype=row_sum).sum((1, 2), dtype=torch.float64) / x[0].numel()


VARIANTS = (
    Metric(
        name="psnr",
        better="higher",
        unit="dB",
        settings={"input": "uint8", "peak": "255", "channels": "rgb"},
        measure=psnr,
    ),
)
