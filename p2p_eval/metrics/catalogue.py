"""Every image metric by name."""

from __future__ import annotations

from p2p_eval.metrics.metric import Metric

__all__ = ["METRICS"]

METRICS: dict[str, Metric] = {metric.name: metric for metric in ()}
