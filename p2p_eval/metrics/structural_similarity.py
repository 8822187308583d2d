"""SSIM: structural similarity of the authors' MATLAB program, and two variants of it."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from p2p_eval.metrics.filters import gaussian, image_mean, reduce, smooth_
from p2p_eval.metrics.gray import gray
from p2p_eval.metrics.inputs import check_images, each_image
from p2p_eval.metrics.metric import Metric

__all__ = ["VARIANTS", "WINDOW", "similarity_maps", "ssim"]

WINDOW = gaussian(11, 1.5)
K1, K2 = 0.01, 0.03
REDUCED_SIDE = 256


@torch.no_grad()
def ssim(
    x: Tensor,
    y: Tensor,
    *,
    peak: float | None = None,
    downsample: bool = True,
    rgb: bool = False,
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    """Return the mean SSIM of each pair of images, at most 1; higher is better.

    With mean, variance and covariance under a Gaussian window of 11×11 and σ 1.5, where it lies
    inside the image, ``C1 = (0.01 peak)²`` and ``C2 = (0.03 peak)²``::

        (2 μx μy + C1) (2 σxy + C2) / ((μx² + μy² + C1) (σx² + σy² + C2))

    As the authors' ``ssim.m``, it compares MATLAB's gray, reduced first by ``f = max(1,
    round(min(H, W) / 256))``, a half rounded up. Their older ``ssim_index.m`` does not reduce:
    ``downsample=False``.

    Other packages: torchmetrics takes the mean over a mirrored border too, and neither it nor piqa
    reduces; piq rounds a half to even, so that 640 pixels are halved rather than divided by 3. Most
    take the mean over RGB channels, which is not SSIM of gray: ``rgb=True`` without downsampling is
    scikit-image's ``structural_similarity(gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False, data_range=255, channel_axis=...)``.

    Args:
        x: Generated images, ``(N, 1, H, W)`` or ``(N, 3, H, W)``; uint8, float32 or float64; 11
            pixels a side at least.
        y: Real images, of the same shape, type and device.
        peak: The largest value that a pixel can have; required of floating images, 255 for uint8.
        downsample: Whether large images are reduced first.
        rgb: Whether to take the mean over the channels, rather than their gray.
        dtype: What uint8 images are computed in; float32 is faster, to 1e-5 on photos and 1e-4 on
            flat images.

    Returns:
        float64, ``(N,)``.

    Raises:
        ValueError: The images or the peak are not as above.

    Source: Wang, Bovik, Sheikh, Simoncelli, *Image Quality Assessment: From Error Visibility to
    Structural Similarity*, IEEE TIP 2004; https://ece.uwaterloo.ca/~z70wang/research/ssim.

    Example:
        >>> x = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
        >>> round(ssim(x, x // 2).item(), 4)
        0.6504
    """
    peak = check_images(x, y, peak=peak, smallest=len(WINDOW), dtype=dtype)
    factor = max(1, math.floor(min(x.shape[2:]) / REDUCED_SIDE + 0.5)) if downsample else 1

    def mean(x: Tensor, y: Tensor) -> Tensor:
        x, y = (reduce(gray(images, dtype), factor) for images in (x, y))
        luminance, contrast = similarity_maps(x, y, peak)
        return image_mean(luminance.mul_(contrast)).clamp_(max=1)  # but for rounding it is below

    if not rgb:
        return each_image(mean, x, y)
    planes = (images.flatten(0, 1).unsqueeze(1) for images in (x, y))
    return each_image(mean, *planes).view(len(x), -1).mean(1)


def similarity_maps(x: Tensor, y: Tensor, peak: float) -> tuple[Tensor, Tensor]:
    """Return the two factors of SSIM at each place of the window.

    Args:
        x: Floating, ``(N, C, H, W)``.
        y: As ``x``.
        peak: The largest value that a pixel can have.

    Returns:
        Luminance ``(2 μx μy + C1) / (μx² + μy² + C1)``, and contrast and structure ``(2 σxy + C2) /
        (σx² + σy² + C2)``, each ``(N, C, H - 10, W - 10)``.
    """
    c1, c2 = (x.new_full((), (k * peak) ** 2) for k in (K1, K2))
    # Variances do not depend on where 0 is: from the middle, float32 loses fewer digits. Their sum
    # is all that is needed of them, so there are four maps rather than five, and the window leaves
    # a constant as it is: with C2 in two of them, fewer steps remain.
    middle = peak / 2
    maps = x.new_empty((4, *x.shape))
    a, b = torch.sub(x, middle, out=maps[0]), torch.sub(y, middle, out=maps[1])
    torch.addcmul(c2, a, a, out=maps[2]).addcmul_(b, b)
    torch.addcmul(c2, a, b, value=2, out=maps[3])
    mu_a, mu_b, squares, products = smooth_(maps, WINDOW)
    contrast = products.addcmul_(mu_a, mu_b, value=-2)
    contrast /= squares.addcmul_(mu_a, mu_a, value=-1).addcmul_(mu_b, mu_b, value=-1)
    mu_x, mu_y = mu_a.add_(middle), mu_b.add_(middle)
    luminance = torch.addcmul(c1, mu_x, mu_y, value=2)
    luminance /= torch.addcmul(c1, mu_x, mu_x).addcmul_(mu_y, mu_y)
    return luminance, contrast


def _settings(channels: str, downsample: str) -> dict[str, str]:
    return {
        "input": "uint8",
        "peak": "255",
        "channels": channels,
        "downsample": downsample,
        "window": "gaussian-11-1.5",
        "border": "valid",
        "k1": str(K1),
        "k2": str(K2),
        "precision": "float64",
    }


VARIANTS = (
    Metric(
        name="ssim",
        better="higher",
        unit="",
        settings=_settings("rgb2gray", "matlab-256"),
        measure=ssim,
        smallest=len(WINDOW),
        of_gray=True,
    ),
    Metric(
        name="ssim[no-downsample]",
        better="higher",
        unit="",
        settings=_settings("rgb2gray", "no"),
        measure=partial(ssim, downsample=False),
        smallest=len(WINDOW),
        of_gray=True,
    ),
    Metric(
        name="ssim[rgb]",
        better="higher",
        unit="",
        settings=_settings("rgb-mean", "no"),
        measure=partial(ssim, downsample=False, rgb=True),
        smallest=len(WINDOW),
    ),
)
