"""Every image metric by name."""

from __future__ import annotations

from p2p_eval.metrics import (
    color_difference,
    gradient_similarity,
    multiscale_similarity,
    peak_signal_noise,
    spectrum,
    structural_similarity,
)
from p2p_eval.metrics.metric import Metric

__all__ = ["METRICS"]

VARIANTS: tuple[Metric, ...] = (
    *peak_signal_noise.VARIANTS,
    *structural_similarity.VARIANTS,
    *multiscale_similarity.VARIANTS,
    *gradient_similarity.VARIANTS,
    *color_difference.VARIANTS,
    *spectrum.VARIANTS,
)

METRICS = {metric.name: metric for metric in VARIANTS}
"""The metrics that need no weights, by name; LPIPS is made by :mod:`p2p_eval.metrics.lpips`."""
