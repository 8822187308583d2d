"""CIEDE2000: how different two colours look, averaged over an image."""

from __future__ import annotations

import cmath
import math

import torch
from torch import Tensor

from p2p_eval.metrics.filters import image_mean
from p2p_eval.metrics.inputs import check_images
from p2p_eval.metrics.lab import SETTINGS, lab
from p2p_eval.metrics.metric import Metric

__all__ = ["VARIANTS", "ciede2000", "delta_e"]

TILE = 1 << 15
"""Pixels that are computed at a time on a CPU, so that what is in work stays in its cache."""


@torch.no_grad()
def ciede2000(
    x: Tensor, y: Tensor, *, peak: float | None = None, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Mean CIEDE2000 colour difference of generated images from the real ones.

    ``mean over pixels of ΔE₀₀(Lab(x), Lab(y))``, with Lab as :func:`rgb_to_lab` gives it and the
    parametric weights ``k_L = k_C = k_H = 1``.

    Args:
        x: Generated images, ``(N, 3, H, W)``; uint8, or float32 or float64 in 0 … ``peak``.
        y: Real images, of the same shape and type.
        peak: The largest value that a pixel can have; required of floating images.
        dtype: What uint8 images are computed in: float64, or float32, which is faster and right
            to about 1e-4.

    Returns:
        float64 ``(N,)``, in ΔE units, 0 to about 120; lower is better, a difference of 1 is just
        noticeable.

    Raises:
        ValueError: As :func:`p2p_eval.metrics.inputs.check_images`.

    Source: Sharma, Wu, Dalal, *The CIEDE2000 Color-Difference Formula: Implementation Notes,
    Supplementary Test Data, and Mathematical Observations*, Color Research and Application 2005,
    https://hajim.rochester.edu/ece/sites/gsharma/ciede2000/. The values are those of
    ``skimage.color.deltaE_ciede2000``.

    Example:
        >>> black = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
        >>> round(ciede2000(black, black + 10).item(), 4)
        1.5881
    """
    peak = check_images(x, y, peak=peak, channels=(3,), dtype=dtype)
    pixels = x.shape[2] * x.shape[3]
    tile = TILE if x.device.type == "cpu" else pixels
    tiles = -(-pixels // tile)
    means = []
    for pair in zip(x, y, strict=True):
        colours = torch.stack(pair).flatten(2).tensor_split(tiles, 2)
        differences = [_differences(*lab(part, peak, dtype)) for part in colours]
        means.append(image_mean(torch.cat(differences).view(1, 1, *x.shape[2:])))
    return torch.cat(means)


def delta_e(x: Tensor, y: Tensor) -> Tensor:
    """CIEDE2000 differences ``ΔE₀₀`` of Lab colours, with ``k_L = k_C = k_H = 1``.

    Args:
        x: Lab colours, floating, ``(3, ...)``.
        y: Lab colours, of the same shape and type.

    Returns:
        ``(...)``, in ΔE units; symmetric, 0 for equal colours.

    Source: as of :func:`ciede2000`.

    Example:
        >>> x = torch.tensor([50.0, 2.6772, -79.7751], dtype=torch.float64)
        >>> y = torch.tensor([50.0, 0.0, -82.7485], dtype=torch.float64)
        >>> round(delta_e(x, y).item(), 4)
        2.0425
    """
    return _differences(*torch.stack((x, y), dim=1))


def _differences(lightness: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The formula, of Sharma et al.; each argument holds both colours.

    Hues are kept as unit vectors instead of angles, which spares most of the trigonometry.
    """
    chroma = torch.hypot(a, b)
    a = a * (1.5 - 0.5 * _saturation((chroma[0] + chroma[1]) / 2))
    chroma = torch.hypot(a, b)
    mean_chroma = (chroma[0] + chroma[1]) / 2
    u, v = _unit(a, b, chroma)

    # Difference and sum of the unit vectors have the lengths 2 sin |Δh'/2| and 2 cos |Δh'/2|. The
    # first, turned by 90°, and the second point to the mean hue, and are never both short.
    apart = u[1] - u[0], v[1] - v[0]
    middle = u[0] + u[1], v[0] + v[1]
    turn = _turn(u, v, middle)
    delta_hue = torch.sqrt(chroma[0] * chroma[1]) * torch.hypot(*apart) * turn
    mean = middle[0] + turn * apart[1], middle[1] - turn * apart[0]
    cos_h, sin_h = _unit(*mean, torch.hypot(*mean))

    from_50 = ((lightness[0] + lightness[1]) / 2 - 50) ** 2
    s_l = 1 + 0.015 * from_50 / torch.sqrt(20 + from_50)
    s_c = 1 + 0.045 * mean_chroma
    s_h = 1 + 0.015 * mean_chroma * _t(cos_h, sin_h)
    dl = (lightness[1] - lightness[0]) / s_l
    dc = (chroma[1] - chroma[0]) / s_c
    dh = delta_hue / s_h
    from_275 = torch.atan2(-sin_h, -cos_h) * (180 / math.pi) - 95  # of a hue in 0-360°
    delta_theta = math.radians(60) * torch.exp(-((from_275 / 25) ** 2))
    r_t = -2 * _saturation(mean_chroma) * torch.sin(delta_theta)
    return torch.sqrt((dl * dl + dc * dc + dh * dh + r_t * dc * dh).clamp_(min=0))


def _t(cos: Tensor, sin: Tensor) -> Tensor:
    """``1 - 0.17 cos(h-30°) + 0.24 cos 2h + 0.32 cos(3h+6°) - 0.2 cos(4h-63°)``.

    That is ``1 + Re p(z)`` of a polynomial of ``z = exp(ih)``.
    """
    z = torch.complex(cos, sin)
    p = torch.zeros_like(z)
    for weight, degrees in ((-0.20, -63), (0.32, 6), (0.24, 0), (-0.17, -30)):
        p = p.add_(cmath.rect(weight, math.radians(degrees))).mul_(z)
    return 1 + p.real


def _saturation(chroma: Tensor) -> Tensor:
    """``sqrt(C^7 / (C^7 + 25^7))``."""
    squared = chroma * chroma
    seventh = squared * squared * squared * chroma
    return torch.sqrt(seventh / (seventh + 25.0**7))


def _unit(a: Tensor, b: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """Divide by the length; the vector 0 stays 0, as grays have no hue."""
    length = length.clamp(min=torch.finfo(length.dtype).tiny)
    return a / length, b / length


def _turn(u: Tensor, v: Tensor, middle: tuple[Tensor, Tensor]) -> Tensor:
    """The sign of Δh', 0 where a hue is undefined.

    Of opposite hues the paper takes the difference as it stands, each hue in 0-360°: it is positive
    where the first is below 180°.
    """
    cross = torch.sign(u[0] * v[1] - v[0] * u[1])
    opposite = (middle[0] == 0) & (middle[1] == 0)
    return torch.where(opposite, torch.sign(2 * torch.sign(v[0]) + torch.sign(u[0])), cross)


VARIANTS: tuple[Metric, ...] = (
    Metric("ciede2000", "lower", "ΔE", SETTINGS | {"weights": "1:1:1"}, ciede2000),
)
