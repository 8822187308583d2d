"""What a metric computes: functions on arrays and tensors, and classes that stream.

Example:
    >>> import numpy as np
    >>> counts = joint_counts(np.array([[0, 1, 1, 255]]), np.array([[0, 1, 0, 1]]), 2, 2)
    >>> float(scores(histogram(counts, "strict")[0], "strict").per_class_acc)
    0.75
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from p2p_eval.metrics.confusion import Collapse, Scores, collapse, histogram, joint_counts, scores

if TYPE_CHECKING:
    from p2p_eval.metrics.color_difference import ciede2000, delta_e
    from p2p_eval.metrics.color_histogram import histogram_intersection, lab_histogram
    from p2p_eval.metrics.diversity import mean_pairwise
    from p2p_eval.metrics.gradient_similarity import gmsd
    from p2p_eval.metrics.image_metric import ImageMetric
    from p2p_eval.metrics.lab import rgb_to_lab
    from p2p_eval.metrics.lpips import LPIPS, load_lpips
    from p2p_eval.metrics.multiscale_similarity import ms_ssim
    from p2p_eval.metrics.peak_signal_noise import psnr
    from p2p_eval.metrics.segmentation_score import SegmentationScore
    from p2p_eval.metrics.spectrum import spectrum_blur, spectrum_tiling
    from p2p_eval.metrics.structural_similarity import ssim

__all__ = [
    "LPIPS",
    "Collapse",
    "ImageMetric",
    "Scores",
    "SegmentationScore",
    "ciede2000",
    "collapse",
    "delta_e",
    "gmsd",
    "histogram",
    "histogram_intersection",
    "joint_counts",
    "lab_histogram",
    "load_lpips",
    "mean_pairwise",
    "ms_ssim",
    "psnr",
    "rgb_to_lab",
    "scores",
    "spectrum_blur",
    "spectrum_tiling",
    "ssim",
]

# These need torch, which the functions on arrays do without. No module may have the name of what
# it holds: once imported, it would hide it here.
TORCH_MODULES = {
    "LPIPS": "lpips",
    "ImageMetric": "image_metric",
    "SegmentationScore": "segmentation_score",
    "ciede2000": "color_difference",
    "delta_e": "color_difference",
    "gmsd": "gradient_similarity",
    "histogram_intersection": "color_histogram",
    "lab_histogram": "color_histogram",
    "load_lpips": "lpips",
    "mean_pairwise": "diversity",
    "ms_ssim": "multiscale_similarity",
    "psnr": "peak_signal_noise",
    "rgb_to_lab": "lab",
    "spectrum_blur": "spectrum",
    "spectrum_tiling": "spectrum",
    "ssim": "structural_similarity",
}


def __getattr__(name: str) -> Any:
    if name in TORCH_MODULES:
        return getattr(import_module(f"{__name__}.{TORCH_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
