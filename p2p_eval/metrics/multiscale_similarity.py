"""MS-SSIM: SSIM over five scales."""

from __future__ import annotations

import torch
from torch import Tensor

from p2p_eval.metrics.filters import image_mean, reduce
from p2p_eval.metrics.gray import gray
from p2p_eval.metrics.inputs import check_images, each_image
from p2p_eval.metrics.metric import Metric
from p2p_eval.metrics.structural_similarity import WINDOW, similarity_maps

__all__ = ["VARIANTS", "ms_ssim"]

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
SMALLEST = len(WINDOW) * 2 ** (len(WEIGHTS) - 1)


@torch.no_grad()
def ms_ssim(
    x: Tensor, y: Tensor, *, peak: float | None = None, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Return the MS-SSIM of each pair of images, in 0-1; higher is better.

    As the authors' ``msssim.m``: the product, over five scales of MATLAB's gray, of the means of
    SSIM's contrast and structure to the powers 0.0448, 0.2856, 0.3001 and 0.2363, and of the mean
    SSIM of the last scale to the power 0.1333. Each scale is the one before reduced to the means of
    2×2 pixels, its border mirrored, so that odd sizes keep their last row and column.

    A negative mean has no real power; the MATLAB program then returns a complex number. Here it
    counts as 0, and so the product is 0, as in piqa, piq and torchmetrics.

    Other packages: on gray, piqa agrees at all sizes and piq where both sides are multiples of 16;
    before reducing odd sizes piq repeats the first row and column, pyiqa adds zeros, torchmetrics
    drops the last ones. torchmetrics also takes the mean over a mirrored border. Of RGB, all but
    pyiqa compare the three channels, not their gray.

    Args:
        x: Generated images, ``(N, 1, H, W)`` or ``(N, 3, H, W)``; uint8, float32 or float64; 176
            pixels a side at least, so that the window fits the last scale.
        y: Real images, of the same shape, type and device.
        peak: The largest value that a pixel can have; required of floating images, 255 for uint8.
        dtype: What uint8 images are computed in; float32 is faster, to 1e-5 on photos and 1e-4 on
            flat images.

    Returns:
        float64, ``(N,)``.

    Raises:
        ValueError: The images or the peak are not as above.

    Source: Wang, Simoncelli, Bovik, *Multi-scale Structural Similarity for Image Quality
    Assessment*, Asilomar 2003; https://ece.uwaterloo.ca/~z70wang/research/ssim.

    Example:
        >>> x = torch.arange(176, dtype=torch.uint8).expand(1, 1, 176, 176)
        >>> round(ms_ssim(x, x // 2).item(), 4)
        0.8754
    """
    peak = check_images(x, y, peak=peak, smallest=SMALLEST, dtype=dtype)

    def product(x: Tensor, y: Tensor) -> Tensor:
        x, y = gray(x, dtype), gray(y, dtype)
        result = torch.ones(len(x), dtype=torch.float64, device=x.device)
        for scale, weight in enumerate(WEIGHTS, 1):
            luminance, contrast = similarity_maps(x, y, peak)
            if scale == len(WEIGHTS):
                contrast *= luminance
            result *= image_mean(contrast).clamp_(min=0) ** weight
            x, y = reduce(x, 2), reduce(y, 2)
        return result

    return each_image(product, x, y)


VARIANTS = (
    Metric(
        name="ms-ssim",
        better="higher",
        unit="",
        settings={
            "input": "uint8",
            "peak": "255",
            "channels": "rgb2gray",
            "scales": str(len(WEIGHTS)),
            "window": "gaussian-11-1.5",
            "border": "valid",
            "negative": "zero",
            "precision": "float64",
        },
        measure=ms_ssim,
        smallest=SMALLEST,
        of_gray=True,
    ),
)
