"""What every image metric takes, checked in one place.

A metric takes a batch of generated images and a batch of real ones. What their largest value means
is never inferred from the data: it is 255 for uint8, and must be said for floating point.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["UINT8_PEAK", "check_images", "each_image"]

FLOATING = (torch.float32, torch.float64)
UINT8_PEAK = 255.0


def check_images(
    x: Tensor,
    y: Tensor,
    *,
    peak: float | None,
    channels: tuple[int, ...] = (1, 3),
    smallest: int = 1,
    dtype: torch.dtype = torch.float64,
) -> float:
    """Check two batches of images, and return the peak.

    Args:
        x: Generated images, ``(N, C, H, W)``; uint8, or float32 or float64 in 0 … ``peak``.
        y: Real images, of the same shape, type and device.
        peak: The largest value that a pixel can have. Required of floating images; of uint8 images
            it is 255 and may be left out.
        channels: Numbers of channels that the metric takes.
        smallest: Fewest pixels of a side.
        dtype: What the metric is to compute uint8 images in, float32 or float64.

    Raises:
        ValueError: Any of this does not hold.

    Example:
        >>> images = torch.zeros(1, 3, 4, 4)
        >>> check_images(images, images, peak=1)
        1.0
        >>> check_images(images, images, peak=None)
        Traceback (most recent call last):
        ...
        ValueError: peak: got none, expected it for float32 images, such as peak=1.0
    """
    _check_type("x", x)
    _check_type("y", y)
    _check_shape(x, channels, smallest)
    for what, got, expected in (
        ("shape", tuple(y.shape), tuple(x.shape)),
        ("dtype", _name(y.dtype), _name(x.dtype)),
        ("device", str(y.device), str(x.device)),
    ):
        if got != expected:
            raise ValueError(f"y: got {what} {got}, expected that of x, {expected}")
    if dtype not in FLOATING:
        raise ValueError(f"dtype: got {_name(dtype)}, expected float32 or float64")
    peak = _check_peak(peak, x.dtype)
    if x.dtype != torch.uint8:
        _check_values("x", x, peak)
        _check_values("y", y, peak)
    return peak


def each_image(
    function: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor, *, pixels: int = 0
) -> Tensor:
    """Return the values of a batch of pairs; on a CPU from one image, or few small ones, at a time.

    There what lies between two steps then stays in the cache, which is several times as fast. A GPU
    computes the batch at once.

    Args:
        function: Two batches of images to one value a pair, ``(N,)``, none of which depends on
            another image.
        x: Generated images, ``(N, C, H, W)``.
        y: Real images.
        pixels: How many the images taken at a time may have, where one has fewer.

    Example:
        >>> x, y = torch.ones(3, 1, 2, 2), torch.zeros(3, 1, 2, 2)
        >>> each_image(lambda x, y: (x - y).sum((1, 2, 3)), x, y)
        tensor([4., 4., 4.])
    """
    if x.device.type != "cpu":
        return function(x, y)
    count = max(1, pixels // (x.shape[2] * x.shape[3]))
    parts = zip(torch.split(x, count), torch.split(y, count), strict=True)
    return torch.cat([function(*part) for part in parts])


def _check_type(name: str, images: Tensor) -> None:
    if not isinstance(images, Tensor):
        raise ValueError(f"{name}: got {type(images).__name__}, expected a torch.Tensor")
    if images.dtype != torch.uint8 and images.dtype not in FLOATING:
        raise ValueError(f"{name}: got {_name(images.dtype)}, expected uint8, float32 or float64")


def _check_shape(x: Tensor, channels: tuple[int, ...], smallest: int) -> None:
    shape = tuple(x.shape)
    if x.ndim != 4:
        raise ValueError(f"x: got shape {shape}, expected (N, C, H, W)")
    if shape[0] == 0:
        raise ValueError(f"x: got shape {shape}, expected at least one image")
    if shape[1] not in channels:
        expected = " or ".join(map(str, channels))
        raise ValueError(f"x: got {shape[1]} channels, expected {expected} of (N, C, H, W)")
    if min(shape[2:]) < smallest:
        raise ValueError(
            f"x: got images of {shape[2]}×{shape[3]} pixels, "
            f"expected at least {smallest}×{smallest}"
        )


def _check_peak(peak: float | None, dtype: torch.dtype) -> float:
    if dtype == torch.uint8:
        if peak is not None and peak != UINT8_PEAK:
            raise ValueError(f"peak: got {peak}, expected 255, or none, for uint8 images")
        return UINT8_PEAK
    if peak is None:
        raise ValueError(f"peak: got none, expected it for {_name(dtype)} images, such as peak=1.0")
    if isinstance(peak, bool) or not isinstance(peak, int | float):
        raise ValueError(f"peak: got {type(peak).__name__}, expected a number")
    if not (math.isfinite(peak) and peak > 0):
        raise ValueError(f"peak: got {peak}, expected a finite number above 0")
    return float(peak)


def _check_values(name: str, images: Tensor, peak: float) -> None:
    low, high = (float(value) for value in images.detach().aminmax())
    if not (low >= 0 and high <= peak):  # a NaN fails both
        raise ValueError(
            f"{name}: got values from {low} to {high}, expected finite values in 0 to {peak:g}, "
            "the peak"
        )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
