"""Filters that the authors' MATLAB programs use: a Gaussian window, and means of pixels.

On a CPU the window is OpenCV's work. Its filter is faster than torch's convolutions and than sums
of shifted images, in float32 as in float64, leaves the interpreter to other threads meanwhile, and
gives each image the same bits whatever the batch and the number of threads.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from torch import Tensor

__all__ = ["block_sum", "gaussian", "image_mean", "reduce", "smooth_"]


def gaussian(size: int, sigma: float) -> tuple[float, ...]:
    """Return one dimension of MATLAB's ``fspecial('gaussian', size, sigma)``; the sum is 1.

    Example:
        >>> [round(weight, 3) for weight in gaussian(5, 1.0)]
        [0.054, 0.244, 0.403, 0.244, 0.054]
    """
    weights = [math.exp(-(((i - (size - 1) / 2) / sigma) ** 2) / 2) for i in range(size)]
    return tuple(weight / sum(weights) for weight in weights)


def smooth_(images: Tensor, window: tuple[float, ...]) -> Tensor:
    """Weigh the neighbourhood of each pixel with a window, along both axes.

    On a CPU the result lies in the memory of the images, which are lost: fresh memory for it would
    cost the system as much time as the sums.

    Args:
        images: Floating, ``(..., H, W)``, contiguous.
        window: Symmetric weights, an odd number K of them.

    Returns:
        ``(..., H - K + 1, W - K + 1)``: only where the window lies inside, MATLAB's ``'valid'``.

    Raises:
        ValueError: The window has an even number of weights.

    Example:
        >>> smooth_(torch.arange(9.0).view(3, 3), (0.25, 0.5, 0.25))
        tensor([[4.]])
    """
    if len(window) % 2 == 0:
        raise ValueError(f"got a window of {len(window)} weights, expected an odd number")
    return (_smooth_by_opencv if images.device.type == "cpu" else _smooth_by_shifts)(images, window)


def reduce(images: Tensor, factor: int) -> Tensor:
    """Take the mean of ``factor × factor`` pixels around every ``factor``-th pixel.

    MATLAB's ``imfilter(image, ones(f) / f^2, 'symmetric')(1:f:end, 1:f:end)``: the border is
    mirrored, edge pixel included, and the centre of an even filter is left of and above the middle.

    Args:
        images: Floating, ``(..., H, W)``, no side shorter than half of ``factor``.
        factor: f, at least 1.

    Returns:
        ``(..., ⌈H / f⌉, ⌈W / f⌉)``, in a range as before.

    Source: https://www.mathworks.com/help/images/ref/imfilter.html.

    Example:
        >>> reduce(torch.tensor([[1.0, 3.0, 5.0], [1.0, 3.0, 5.0]]), 2)
        tensor([[2., 5.]])
    """
    if factor == 1:
        return images
    for axis in (-2, -1):
        images = _mirror(images, axis, factor)
    return block_sum(images, factor) / factor**2


def block_sum(images: Tensor, factor: int) -> Tensor:
    """Sum over blocks of ``factor × factor`` pixels, ``(..., H, W)`` to ``(..., H / f, W / f)``.

    Example:
        >>> block_sum(torch.ones(4, 6), 2)
        tensor([[4., 4., 4.],
                [4., 4., 4.]])
    """
    for axis in (-2, -1):
        first, *others = torch.unflatten(images, axis, (-1, factor)).unbind(axis)
        images = sum(others, start=first)
    return images


def image_mean(images: Tensor) -> Tensor:
    """Return the mean of each image, ``(N, C, H, W)`` to float64 ``(N,)``.

    Row by row, so that the sum's last bits do not depend on the number of threads; rows in the
    images' own type.

    Example:
        >>> image_mean(torch.ones(2, 3, 4, 4))
        tensor([1., 1.], dtype=torch.float64)
    """
    return images.mean(3).mean((1, 2), dtype=torch.float64)


def _smooth_by_opencv(images: Tensor, window: tuple[float, ...]) -> Tensor:
    # One picture, the images one below the other; where the window lies in two of them is cut off.
    picture = images.view(-1, images.shape[-1]).numpy()
    weights = np.array(window, picture.dtype)
    cv2.sepFilter2D(picture, -1, weights, weights, dst=picture)
    for axis in (-2, -1):
        images = images.narrow(axis, len(window) // 2, images.shape[axis] - len(window) + 1)
    return images


def _smooth_by_shifts(images: Tensor, window: tuple[float, ...]) -> Tensor:
    for axis in (-2, -1):
        length = images.shape[axis] - len(window) + 1
        total = images.narrow(axis, 0, length) * window[0]
        for start, weight in enumerate(window[1:], 1):
            total.add_(images.narrow(axis, start, length), alpha=weight)
        images = total
    return images


def _mirror(images: Tensor, axis: int, factor: int) -> Tensor:
    """Mirror the border so that the pixels of each mean lie in one block."""
    length = images.shape[axis]
    before = (factor - 1) // 2
    places = torch.arange(math.ceil(length / factor) * factor, device=images.device) - before
    if before == 0 and len(places) == length:
        return images
    places = torch.where(places < 0, -1 - places, places)
    places = torch.where(places >= length, 2 * length - 1 - places, places)
    return images.index_select(axis, places)
