"""The figures that the pix2pix paper prints, as data.

Source: Isola, Zhu, Zhou, Efros, *Image-to-Image Translation with Conditional Adversarial Networks*,
CVPR 2017, arXiv 1611.07004v3.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FIGURE_7", "TABLE_1", "TABLE_6", "ColorRow", "FCNRow"]


class FCNRow(NamedTuple):
    """One row of FCN-scores: fractions, higher is better."""

    name: str
    per_pixel_acc: float
    per_class_acc: float
    class_iou: float


class ColorRow(NamedTuple):
    """One row of colour-histogram intersections with the real images, 0-1; higher is better."""

    name: str
    L: float
    a: float
    b: float


TABLE_1 = (
    FCNRow("L1",           0.42, 0.15, 0.11),
    FCNRow("GAN",          0.22, 0.05, 0.01),
    FCNRow("cGAN",         0.57, 0.22, 0.16),
    FCNRow("L1+GAN",       0.64, 0.20, 0.15),
    FCNRow("L1+cGAN",      0.66, 0.23, 0.17),
    FCNRow("ground truth", 0.80, 0.26, 0.21),
)  # fmt: skip
"""FCN-scores for different losses, evaluated on Cityscapes labels→photos."""

TABLE_6 = (
    FCNRow("L1",      0.86, 0.42, 0.35),
    FCNRow("cGAN",    0.74, 0.28, 0.22),
    FCNRow("L1+cGAN", 0.83, 0.36, 0.29),
)  # fmt: skip
"""Scores of photo→labels on Cityscapes."""

FIGURE_7 = (
    ColorRow("L1",             0.81, 0.69, 0.70),
    ColorRow("cGAN",           0.87, 0.74, 0.84),
    ColorRow("L1+cGAN",        0.86, 0.84, 0.82),
    ColorRow("PixelGAN (1×1)", 0.83, 0.68, 0.78),
)  # fmt: skip
"""Figure 7(d): histogram intersection against ground truth, Cityscapes labels→photos."""
