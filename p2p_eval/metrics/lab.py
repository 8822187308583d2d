"""sRGB to CIE Lab under illuminant D65, the colour space of CIEDE2000 and of Figure 7."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from p2p_eval.metrics.inputs import check_images

__all__ = ["SETTINGS", "lab", "lab_to_rgb", "rgb_to_lab"]

SETTINGS = {"space": "CIE-Lab", "white": "D65-2deg"}
"""Of signatures."""

# X, Y, Z of linear red, green, blue, and of white.
XYZ_OF_RGB = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
# Below EPSILON the cube root is replaced by a line.
EPSILON, SLOPE, OFFSET = 0.008856, 7.787, 16 / 116


def rgb_to_lab(
    images: Tensor, *, peak: float | None = None, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Turn sRGB images into CIE Lab, illuminant D65, 2° observer.

    Args:
        images: ``(N, 3, H, W)``; uint8, or float32 or float64 in 0 … ``peak``.
        peak: The largest value that a pixel can have; required of floating images.
        dtype: What uint8 images are computed in, float32 or float64. Floating images keep theirs.

    Returns:
        ``(N, 3, H, W)``: L in 0 … 100, a (green to red) and b (blue to yellow) in about -108 … 99.

    Raises:
        ValueError: As :func:`p2p_eval.metrics.inputs.check_images`.

    Source: CIE 15 and IEC 61966-2-1, with the constants of scikit-image's ``rgb2lab``,
    https://github.com/scikit-image/scikit-image/blob/main/src/skimage/color/colorconv.py.

    Example:
        >>> red = torch.tensor([255, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1)
        >>> [round(value, 2) for value in rgb_to_lab(red).flatten().tolist()]
        [53.24, 80.09, 67.2]
    """
    peak = check_images(images, images, peak=peak, channels=(3,), dtype=dtype)
    return torch.stack(lab(images, peak, dtype), dim=1)


def lab(images: Tensor, peak: float, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Give L, a and b of images that were checked already, or of their rows of pixels."""
    linear = _linear(images, peak, dtype)
    xyz = torch.from_numpy(XYZ_OF_RGB / WHITE[:, None]).to(linear)
    pixels = torch.matmul(xyz, linear.flatten(2)).view(images.shape)
    x, y, z = _response(pixels).unbind(1)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _linear(images: Tensor, peak: float, dtype: torch.dtype) -> Tensor:
    """Undo the sRGB curve; of 8-bit values by a table."""
    if images.dtype != torch.uint8:
        return _decode(images / peak)
    table = _decode(torch.arange(256, dtype=torch.float64, device=images.device) / 255).to(dtype)
    return table.index_select(0, images.flatten().int()).view(images.shape)


def _decode(values: Tensor) -> Tensor:
    return torch.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)


def _response(values: Tensor) -> Tensor:
    """The cube root, and near 0 a line."""
    line = SLOPE * values + OFFSET
    above = values > EPSILON
    if values.device.type != "cpu" or values.requires_grad:
        return torch.where(above, values.clamp(min=EPSILON) ** (1 / 3), line)
    # NumPy's own root is several times as fast as a power; it knows no GPU and no gradient.
    np.cbrt(values.numpy(), out=line.numpy(), where=above.numpy())
    return line


def lab_to_rgb(images: Tensor) -> Tensor:
    """Turn CIE Lab images back into sRGB of 8 bits; what sRGB cannot show is clipped.

    Args:
        images: ``(N, 3, H, W)``, float32 or float64: L in 0 … 100, a and b as above.

    Returns:
        uint8, ``(N, 3, H, W)``.

    Example:
        >>> red = torch.tensor([53.24, 80.09, 67.2]).view(1, 3, 1, 1)
        >>> lab_to_rgb(red).flatten().tolist()
        [255, 0, 0]
    """
    lightness, a, b = images.unbind(1)
    y = (lightness + 16) / 116
    responses = torch.stack([y + a / 500, y, y - b / 200])
    scaled = torch.where(responses > EPSILON ** (1 / 3), responses**3, (responses - OFFSET) / SLOPE)
    rgb_of_scaled = np.linalg.inv(XYZ_OF_RGB / WHITE[:, None])
    linear = torch.tensordot(torch.from_numpy(rgb_of_scaled).to(images), scaled, 1).clamp(0, 1)
    encoded = torch.where(
        linear > 0.0031308, 1.055 * linear.clamp(min=1e-9) ** (1 / 2.4) - 0.055, 12.92 * linear
    )
    return encoded.mul(255).round().byte().transpose(0, 1)
