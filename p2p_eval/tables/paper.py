"""The figures that the pix2pix paper prints, as data.

Source: Isola, Zhu, Zhou, Efros, *Image-to-Image Translation with Conditional Adversarial Networks*,
CVPR 2017, arXiv 1611.07004v3.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "AMT",
    "FIGURE_7",
    "TABLE_1",
    "TABLE_2",
    "TABLE_3",
    "TABLE_4",
    "TABLE_5",
    "TABLE_6",
    "ColorRow",
    "ColorizationRow",
    "FCNRow",
    "MapsRow",
]


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


class AMT(NamedTuple):
    """Percent of trials in which the fake was labelled real, and its bootstrap's deviation."""

    labelled_real_pct: float
    std: float


class MapsRow(NamedTuple):
    """One row of the real-vs-fake study on maps and aerial photos."""

    name: str
    photo_to_map: AMT
    map_to_photo: AMT


class ColorizationRow(NamedTuple):
    """One row of the real-vs-fake study on colorization."""

    name: str
    labelled_real: AMT


TABLE_1 = (
    FCNRow("L1",           0.42, 0.15, 0.11),
    FCNRow("GAN",          0.22, 0.05, 0.01),
    FCNRow("cGAN",         0.57, 0.22, 0.16),
    FCNRow("L1+GAN",       0.64, 0.20, 0.15),
    FCNRow("L1+cGAN",      0.66, 0.23, 0.17),
    FCNRow("ground truth", 0.80, 0.26, 0.21),
)  # fmt: skip
"""FCN-scores for different losses, evaluated on Cityscapes labels→photos."""

TABLE_2 = (
    FCNRow("encoder-decoder (L1)",      0.35, 0.12, 0.08),
    FCNRow("encoder-decoder (L1+cGAN)", 0.29, 0.09, 0.05),
    FCNRow("U-net (L1)",                0.48, 0.18, 0.13),
    FCNRow("U-net (L1+cGAN)",           0.55, 0.20, 0.14),
)  # fmt: skip
"""FCN-scores for different generators, Cityscapes labels→photos, trained with batch size 10."""

TABLE_3 = (
    FCNRow("1×1",     0.39, 0.15, 0.10),
    FCNRow("16×16",   0.65, 0.21, 0.17),
    FCNRow("70×70",   0.66, 0.23, 0.17),
    FCNRow("286×286", 0.42, 0.16, 0.11),
)  # fmt: skip
"""FCN-scores for different receptive fields of the discriminator, Cityscapes labels→photos."""

TABLE_4 = (
    MapsRow("L1",      AMT(2.8, 1.0), AMT(0.8, 0.3)),
    MapsRow("L1+cGAN", AMT(6.1, 1.3), AMT(18.9, 2.5)),
)  # fmt: skip
"""AMT "real vs fake" on maps↔aerial photos."""

TABLE_5 = (
    ColorizationRow("L2 regression (Zhang et al.)", AMT(16.3, 2.4)),
    ColorizationRow("Zhang et al. 2016",            AMT(27.8, 2.7)),
    ColorizationRow("pix2pix",                      AMT(22.5, 1.6)),
)  # fmt: skip
"""AMT "real vs fake" on colorization."""

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
