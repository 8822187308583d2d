"""What the packages promise to export is there, and nothing else is."""

from __future__ import annotations

import fcn
import p2p_eval
import p2p_eval.metrics
import p2p_eval.models


def test_p2p_eval_exports() -> None:
    assert p2p_eval.__all__ == [
        "__version__",
        "color_histogram",
        "fcn_score",
        "image_metrics",
        "seg_score",
    ]
    assert all(hasattr(p2p_eval, name) for name in p2p_eval.__all__)


def test_fcn_exports() -> None:
    assert fcn.__all__ == [
        "LABEL_SETS", "FCN8s", "LabelClass", "LabelSet", "label_set", "preprocess",
    ]  # fmt: skip
    assert all(hasattr(fcn, name) for name in fcn.__all__)


def test_metrics_exports() -> None:
    assert p2p_eval.metrics.__all__ == [
        "LPIPS", "Collapse", "ImageMetric", "Scores", "SegmentationScore",
        "ciede2000", "collapse", "delta_e", "gmsd", "histogram", "histogram_intersection",
        "joint_counts", "lab_histogram", "load_lpips", "mean_pairwise", "ms_ssim", "psnr",
        "rgb_to_lab", "scores", "spectrum_blur", "spectrum_tiling", "ssim",
    ]  # fmt: skip
    assert all(callable(getattr(p2p_eval.metrics, name)) for name in p2p_eval.metrics.__all__)


def test_models_exports() -> None:
    assert p2p_eval.models.__all__ == [
        "LOSSES", "Generator", "Loss", "PatchGAN", "ResnetGenerator", "discriminator_loss",
        "generator_loss", "initialize", "load_generator", "save_generator", "test_mode",
    ]  # fmt: skip
    assert all(hasattr(p2p_eval.models, name) for name in p2p_eval.models.__all__)
