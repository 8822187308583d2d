"""What a metric computes: functions on arrays, and ``torchmetrics`` classes that stream.

Example:
    >>> import numpy as np
    >>> counts = joint_counts(np.array([[0, 1, 1, 255]]), np.array([[0, 1, 0, 1]]), 2, 2)
    >>> float(scores(histogram(counts, "strict")[0], "strict").per_class_acc)
    0.75
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p2p_eval.metrics.confusion import Collapse, Scores, collapse, histogram, joint_counts, scores

if TYPE_CHECKING:
    from p2p_eval.metrics.segmentation_score import SegmentationScore

__all__ = [
    "Collapse",
    "Scores",
    "SegmentationScore",
    "collapse",
    "histogram",
    "joint_counts",
    "scores",
]


def __getattr__(name: str) -> Any:
    # The class needs torch, which the functions do without.
    if name == "SegmentationScore":
        from p2p_eval.metrics.segmentation_score import SegmentationScore

        return SegmentationScore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
