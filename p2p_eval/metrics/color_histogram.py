"""Histograms of CIE Lab values, and how far two of them overlap, as in the paper's Figure 7."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from p2p_eval.metrics.inputs import check_images
from p2p_eval.metrics.lab import lab

__all__ = [
    "BINS",
    "CHANNELS",
    "RANGES",
    "edges",
    "histogram_intersection",
    "lab_histogram",
    "merge",
]

BINS = 256
"""Bins of each channel that images are counted in; what divides it can be derived by merging."""

CHANNELS = ("L", "a", "b")

RANGES = ((0.0, 100.0), (-128.0, 128.0), (-128.0, 128.0))
"""Lowest and highest value of each channel's bins; every sRGB colour is inside."""


def lab_histogram(images: Tensor) -> Tensor:
    """Count the pixels of each image by their L, a and b in CIE Lab, illuminant D65, 2° observer.

    Each channel has 256 bins of equal width, L from 0 to 100, a and b from -128 to 128. The lower
    edge belongs to a bin, and the highest edge to the last. Lab is computed in float64, and no
    8-bit colour but black and white lies so near to an edge that rounding could matter, so the
    counts are the same on every machine: the nearest of the others is 1e-9 away.

    Args:
        images: uint8 RGB, ``(N, 3, H, W)``.

    Returns:
        int64 ``(N, 3, 256)``: channels L, a, b; each channel's counts sum to ``H * W``.

    Raises:
        ValueError: The images are not as described.

    Source: Isola et al., CVPR 2017, Figure 7; as published it names neither bins nor ranges.

    Example:
        >>> gray = torch.full((1, 3, 2, 2), 119, dtype=torch.uint8)
        >>> counts = lab_histogram(gray)
        >>> counts.shape, counts[0, 0].argmax().item(), counts[0, 0].max().item()
        (torch.Size([1, 3, 256]), 128, 4)
    """
    if images.dtype != torch.uint8:
        raise ValueError(f"got {images.dtype}, expected torch.uint8")
    peak = check_images(images, images, peak=None, channels=(3,))
    counts = []
    for image in images:  # one at a time: the values then stay in the cache
        channels = lab(image[None], peak, torch.float64)
        bins = [
            ((values.flatten() - low) * (BINS / (high - low))).floor_().clamp_(0, BINS - 1).long()
            for values, (low, high) in zip(channels, RANGES, strict=True)
        ]
        counts.append(torch.stack([torch.bincount(index, minlength=BINS) for index in bins]))
    return torch.stack(counts)


def histogram_intersection(p: ArrayLike, q: ArrayLike) -> NDArray[np.float64]:
    """The overlap of two histograms, each divided by its sum: ``Σ min(p, q)``.

    Args:
        p: Counts, not negative, ``(..., bins)``.
        q: Counts with as many bins; the other axes broadcast.

    Returns:
        float64, the shape without bins: 0 where no bin is shared, 1 for equal shares; higher is
        better. NaN where a histogram is empty.

    Raises:
        ValueError: The bins differ.

    Source: Swain, Ballard, *Color Indexing*, International Journal of Computer Vision 1991.

    Example:
        >>> float(histogram_intersection([1, 1, 0], [0, 4, 4]))
        0.5
    """
    p, q = np.asarray(p, np.float64), np.asarray(q, np.float64)
    if p.shape[-1:] != q.shape[-1:] or not p.ndim:
        raise ValueError(f"got shapes {p.shape} and {q.shape}, expected the same number of bins")
    with np.errstate(invalid="ignore"):
        p, q = p / p.sum(-1, keepdims=True), q / q.sum(-1, keepdims=True)
    overlap: NDArray[np.float64] = np.minimum(p, q).sum(-1)
    return overlap


def merge(counts: NDArray[np.integer], bins: int) -> NDArray[np.integer]:
    """Give the counts of fewer bins, exactly as if they had been counted in these.

    Args:
        counts: ``(..., B)``.
        bins: A divisor of B.

    Raises:
        ValueError: It is none.

    Example:
        >>> merge(np.array([1, 2, 3, 4]), 2).tolist()
        [3, 7]
    """
    if bins < 1 or counts.shape[-1] % bins:
        raise ValueError(f"got {bins} bins, expected a divisor of {counts.shape[-1]}")
    merged: NDArray[np.integer] = counts.reshape(*counts.shape[:-1], bins, -1).sum(-1)
    return merged


def edges(bins: int) -> NDArray[np.float64]:
    """Edges of the bins of L, a and b, ``(3, bins + 1)``."""
    return np.stack([np.linspace(low, high, bins + 1) for low, high in RANGES])
