"""The figures that the pix2pix paper prints, as data.

Source: Isola, Zhu, Zhou, Efros, *Image-to-Image Translation with Conditional Adversarial Networks*,
CVPR 2017, arXiv 1611.07004v3.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["TABLE_1", "FCNRow"]


class FCNRow(NamedTuple):
    """One row of FCN-scores: fractions, higher is better."""

    name: str
    per_pixel_acc: float
    per_class_acc: float
    class_iou: float


TABLE_1 = (
    FCNRow("L1",           0.42, 0.15, 0.11),
    FCNRow("GAN",          0.22, 0.05, 0.01),
    FCNRow("cGAN",         0.57, 0.22, 0.16),
    FCNRow("L1+GAN",       0.64, 0.20, 0.15),
    FCNRow("L1+cGAN",      0.66, 0.23, 0.17),
    FCNRow("ground truth", 0.80, 0.26, 0.21),
)  # fmt: skip
"""FCN-scores for different losses, evaluated on Cityscapes labels→photos."""
